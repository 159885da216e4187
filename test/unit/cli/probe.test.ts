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
    expect(control.calls.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /v1/probes',
      `GET ${leasePath}`,
      'DELETE /v1/probes/a-probe',
    ]);
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
