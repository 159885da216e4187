import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { FakeControl } from './fake-control.ts';
import { FakeServer } from './fake-server.ts';
import { run, type Run } from './run.ts';

const MAC = '0c:c4:7a:0e:2b:6b';

const PXELINUX = {
  'pxelinux.0': 'x'.repeat(3000),
  'ldlinux.c32': 'x'.repeat(5000),
  'pxelinux.cfg/default': 'default a\nlabel a\nkernel k\nappend initrd=r quiet\n',
  k: 'k'.repeat(20_000),
  r: 'r'.repeat(30_000),
};

let control: FakeControl;

beforeAll(async () => {
  control = await FakeControl.start();
});

afterAll(() => control.stop());

async function serve(
  bootFile: string | undefined,
  files: Readonly<Record<string, string>>,
): Promise<FakeServer> {
  const server = await FakeServer.start({ bootFile, files, controlSocket: control.socket });
  onTestFinished(() => server.stop());
  return server;
}

function probe(server: FakeServer, ...words: readonly string[]): Promise<Run> {
  return run(['probe', '--config', server.configFile, '--mac', MAC, ...words]);
}

/** What was sent on loopback has arrived by then. */
function delivered(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50));
}

interface Report {
  readonly booted: boolean;
  readonly steps: readonly Readonly<Record<string, unknown>>[];
}

describe('bootd probe', () => {
  it('plays the whole boot, says what came, and gives the lease back', async () => {
    control.answers({});
    const server = await serve('pxelinux.0', PXELINUX);
    const { code, out } = await probe(server);
    expect(code).toBe(0);
    await expect.poll(() => server.dhcpTypes).toEqual([1, 1, 3, 7]);
    expect(out).toMatch(
      /lease +127\.0\.0\.200 for 600 s from 127\.0\.0\.1, boot file "pxelinux\.0" on 127\.0\.0\.1/,
    );
    expect(out).toMatch(/kernel +k {2}20000 octets in \d+ ms/);
    expect(out).toMatch(/ramdisk +r {2}30000 octets in \d+ ms/);
    expect(out).toContain('| append initrd=r quiet');
    expect(out).toContain('Boots kernel k, ramdisk r, arguments: quiet');
    expect(out).toContain('127.0.0.200 given back');
  });

  it('is one document for programs', async () => {
    control.answers({});
    const server = await serve('pxelinux.0', PXELINUX);
    const report = JSON.parse((await probe(server, '--json')).out) as Report;
    expect(report).toMatchObject({ mac: MAC, arch: 'bios', booted: true });
    expect(report.steps.map(({ step }) => step)).toEqual([
      ...['note', 'machine', 'discover', 'offer', 'discover', 'offer', 'request', 'lease'],
      ...Array.from({ length: server.fileNames.length }, () => 'file'),
      ...['verdict', 'afterwards'],
    ]);
    expect(report.steps.find(({ name }) => name === 'k')).toMatchObject({
      purpose: 'kernel',
      result: 'served',
      octets: 20_000,
      options: { tsize: '20000', blksize: '1408' },
      retransmissions: 0,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
  });

  it('fails where a file is missing, and says which and what that means', async () => {
    control.answers({});
    const rest = Object.fromEntries(Object.entries(PXELINUX).filter(([name]) => name !== 'k'));
    const { code, out } = await probe(await serve('pxelinux.0', rest));
    expect(code).toBe(1);
    expect(out).toContain('k  NOT SERVED: ERROR 1 "File not found"');
    expect(out).toContain(
      'Stuck: "k": ERROR 1 "File not found"; pxelinux asks for the kernel again every second',
    );
  });

  it('ends with 3 where it cannot follow the loader', async () => {
    control.answers({});
    expect((await probe(await serve('memdisk', { memdisk: 'x' }))).code).toBe(3);
  });

  it('plays iPXE after the firmware that loads it, and sees a loop', async () => {
    control.answers({});
    const server = await serve('undionly.kpxe', { 'undionly.kpxe': 'x' });
    const { code, out } = await probe(server, '--arch', 'bios-undi');
    expect(code).toBe(1);
    await expect.poll(() => server.dhcpTypes).toEqual([1, 3, 1, 1, 3, 1, 1, 3, 7]);
    expect(out).toContain('iPXE is told to load iPXE again, without end');
  });

  it('only takes an address as a running system', async () => {
    control.answers({});
    const server = await serve('pxelinux.0', PXELINUX);
    expect((await probe(server, '--arch', 'linux')).code).toBe(0);
    expect(server.fileNames).toEqual([]);
  });

  it('fetches by HTTP what the boot file names by URL', async () => {
    control.answers({});
    const http = createServer((request, response) => {
      response.statusCode = request.url === '/boot.ipxe' || request.url === '/k' ? 200 : 404;
      response.end(request.url === '/boot.ipxe' ? '#!ipxe\nkernel k\ninitrd nothing || boot\n' : 'kernel');
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void http.close());
    const address = http.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { code, out } = await probe(
      await serve(`http://127.0.0.1:${port}/boot.ipxe`, {}),
      '--arch',
      'ipxe',
    );
    expect(out).toContain(`http://127.0.0.1:${port}/nothing  NOT SERVED: HTTP 404`);
    expect(code).toBe(0);
  });

  it('shows nothing of the network that could harm a terminal', async () => {
    control.answers({});
    const files = { ...PXELINUX, 'pxelinux.cfg/default': '# \u001b[2J\ndefault a\nlabel a\nlocalboot 0\n' };
    const { out } = await probe(await serve('pxelinux.0', files));
    expect(out).toContain('| # \\x1b[2J');
    expect(out).not.toContain('\u001b');
  });

  it('gives up when nobody answers', { timeout: 20_000 }, async () => {
    control.answers({});
    const server = await serve(undefined, {});
    const { code, out } = await probe(server, '--arch', 'uefi-x64');
    expect(code).toBe(1);
    expect(server.dhcpTypes).toEqual([1, 1, 1]);
    expect(out).toContain('nobody answered 3 DISCOVERs');
  });
});

describe('what a probe leaves behind', () => {
  const leasePath = `/v1/leases?mac=${MAC}&state=bound`;
  const announced = { 'POST /v1/probes': { status: 201, body: { id: 'a-probe' } } };

  it('is nothing of the lease that the machine itself holds', async () => {
    control.answers({
      ...announced,
      [`GET ${leasePath}`]: { body: { leases: [{ address: '127.0.0.200' }] } },
    });
    const server = await serve('pxelinux.0', PXELINUX);
    const { out } = await probe(server);
    await delivered();
    expect(server.dhcpTypes).not.toContain(7);
    expect(out).toContain('127.0.0.200 is kept: the machine held it before the probe');
  });

  it('is its lease when it is told so', async () => {
    control.answers({});
    const server = await serve('pxelinux.0', PXELINUX);
    await probe(server, '--keep-lease');
    await delivered();
    expect(server.dhcpTypes).not.toContain(7);
  });

  it('is no BOOTP lease either: the daemon is asked to free it', async () => {
    control.answers({
      ...announced,
      [`GET ${leasePath}`]: { body: { leases: [] } },
      'DELETE /v1/leases/127.0.0.200': { status: 204 },
    });
    const { code, out } = await probe(await serve('pxelinux.0', PXELINUX), '--arch', 'bootp');
    expect(code).toBe(0);
    expect(out).toContain('127.0.0.200 given back over the control socket');
  });

  it('is nothing of its boot: the daemon knows from before the first packet to after the last that it is played', async () => {
    control.answersBy(({ method, path }) => {
      if (method === 'POST' && path === '/v1/probes')
        return { status: 201, body: { id: 'a-probe', mac: MAC } };
      if (path === leasePath) return { body: { leases: [] } };
      return path === '/v1/probes/a-probe' ? { status: 204 } : undefined;
    });
    const server = await serve('pxelinux.0', PXELINUX);
    const { out } = await probe(server);
    expect(out).not.toContain('could not be announced');
    const calls = control.calls.map(({ method, path }) => `${method} ${path}`);
    expect(calls.slice(0, 2)).toEqual(['POST /v1/probes', `GET ${leasePath}`]);
    expect(calls.at(-1)).toBe('DELETE /v1/probes/a-probe');
    expect(control.calls[0]?.body).toEqual({ mac: MAC });
  });

  it('is announced to be unknown where the daemon cannot be told', async () => {
    control.answers({});
    const { code, out } = await probe(await serve('pxelinux.0', PXELINUX));
    expect(out).toContain(
      "a boot under policy once counts as the machine's own: There is nothing (route-not-found)",
    );
    expect(code).toBe(0);
  });
});

describe('what the machine should get', () => {
  const uuid = 'cbe08678-b1be-4683-b8e6-bdc8515890ad';
  const digest = (name: keyof typeof PXELINUX): string =>
    createHash('sha256').update(PXELINUX[name]).digest('hex');

  /** A daemon that says what it serves, and what the machine is to boot. */
  function daemonSays(
    files: Readonly<Record<string, unknown>>,
    profile: unknown = { kernel: 'k', ramdisk: 'r', policy: 'always' },
  ): void {
    control.answersBy(({ method, path }) => {
      if (method === 'POST') return { status: 201, body: { id: 'a-probe' } };
      if (path === '/v1/nodes') return { body: { nodes: [{ uuid, ports: [{ address: MAC }] }] } };
      if (path === `/v1/nodes/${uuid}`) {
        return { body: { ports: [{ address: MAC, fixed_address: '127.0.0.200', pxe_enabled: true }] } };
      }
      if (path === `/v1/nodes/${uuid}/boot-profile`) return { body: profile };
      const name = new URLSearchParams(path.split('?')[1]).get('name') ?? '';
      if (!path.startsWith('/v1/probes/a-probe/file?')) return undefined;
      return { body: files[name] ?? { source: 'none', octets: null, sha256: null } };
    });
  }

  const SERVED = Object.fromEntries(
    (Object.keys(PXELINUX) as (keyof typeof PXELINUX)[]).map((name) => [
      name,
      { source: 'disk', path: name, octets: PXELINUX[name].length, sha256: digest(name), generation: null },
    ]),
  );

  it('is compared with what came, file by file, and with the node', async () => {
    const rendered = { ...SERVED['pxelinux.cfg/default'], source: 'rendered', generation: 7 };
    daemonSays({ ...SERVED, 'pxelinux.cfg/default': rendered });
    const { code, out } = await probe(await serve('pxelinux.0', PXELINUX));
    expect(out).not.toContain('DIFFERS');
    expect(out).toMatch(/default .* \(rendered, generation 7\)/);
    expect(out).toMatch(/ k {2}20000 octets in \d+ ms \(disk\)/);
    expect(out).toMatch(/as declared +address: 127\.0\.0\.200/);
    expect(out).toMatch(/as declared +ramdisk: r/);
    expect(code).toBe(0);
  });

  it.each<[string, Readonly<Record<string, unknown>>, RegExp]>([
    [
      'other octets',
      { k: { ...SERVED['k'], sha256: 'f' } },
      /other content of the same size came, but bootd serves k/,
    ],
    [
      'another size',
      { k: { ...SERVED['k'], octets: 7, sha256: 'f' } },
      /20000 octets came, but bootd serves k \(disk, 7/,
    ],
    ['nothing', { k: undefined }, /bootd serves nothing under this name/],
    [
      'what was refused',
      { 'pxelinux.cfg/7': { source: 'rendered', path: 'pxelinux.cfg/7', octets: 9 } },
      /it was refused, but bootd serves pxelinux\.cfg\/7 \(rendered, 9 octets\)/,
    ],
  ])('is not what came: %s', async (_, changes, text) => {
    daemonSays({ ...SERVED, ...changes });
    const { code, out } = await probe(await serve('pxelinux.0', PXELINUX));
    expect(code).toBe(1);
    expect(out).toMatch(/DIFFERS/);
    expect(out).toMatch(text);
  });

  it.each([
    ['another kernel', { kernel: 'x', ramdisk: 'r', policy: 'always' }, 'kernel: k, but the node says x'],
    ['another ramdisk', { kernel: 'k', ramdisk: 'x', policy: 'always' }, 'ramdisk: r, but the node says x'],
    [
      'arguments that are lost',
      { kernel: 'k', ramdisk: 'r', kernel_append_params: 'quiet x=y', policy: 'always' },
      'arguments: quiet, but the node says quiet x=y',
    ],
    ['the local disk', { policy: 'local-disk' }, 'boot: kernel, but the node says local-disk'],
    [
      'the local disk, after its one boot',
      { kernel: 'k', policy: 'once', done_at: '2026-01-01T00:00:00Z' },
      'boot: kernel, but the node says local-disk',
    ],
  ])('is not what the node says: %s', async (_, profile, text) => {
    daemonSays(SERVED, profile);
    const { code, out } = await probe(await serve('pxelinux.0', PXELINUX));
    expect(code).toBe(1);
    expect(out).toContain(text);
  });

  it('is part of the document for programs', async () => {
    daemonSays({ ...SERVED, k: undefined });
    const { out } = await probe(await serve('pxelinux.0', PXELINUX), '--json');
    const report = JSON.parse(out) as Report & { as_expected: boolean };
    expect(report).toMatchObject({ booted: true, as_expected: false });
    expect(report.steps.find(({ name }) => name === 'k')).toMatchObject({ as_expected: false });
    expect(report.steps.find(({ name }) => name === 'r')).toMatchObject({
      as_expected: true,
      served_from: 'disk',
    });
    expect(report.steps.find(({ what }) => what === 'kernel')).toMatchObject({ step: 'check', ok: true });
  });
});
