import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import type { FileEnded } from '../../../src/boot/boot-observation.ts';
import type { Ipv4 } from '../../../src/addr/ipv4.ts';
import type { Mac } from '../../../src/addr/mac.ts';
import { NodeRegistry, type NodeCommand } from '../../../src/boot/node-registry.ts';
import { swapUuidFields, type NodeUuid } from '../../../src/boot/node.ts';
import { TemplateError, type TemplateSet } from '../../../src/boot/template.ts';
import type { UnknownMachineBoot } from '../../../src/config/settings.ts';
import { createSettableClock } from '../../../src/io/clock.ts';
import { PeerMemory } from '../../../src/services/peer-memory.ts';
import { BootFileService } from '../../../src/services/boot-file-service.ts';
import type { TftpServed } from '../../../src/services/tftp-served.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import {
  ipv4,
  mac,
  MAC,
  nodeDraft,
  OTHER_MAC,
  OTHER_UUID,
  portSample,
  profileSample,
  UUID,
} from '../boot/samples.ts';

const NONE = { kind: 'none' } as const;
const PEER = ipv4('192.168.0.130');
const OTHER_PEER = ipv4('192.168.0.131');
const STRANGER_PEER = ipv4('192.168.0.200');
const STRANGER = mac('52:54:00:00:00:01');
const LEASES = new Map<Ipv4, Mac>([
  [PEER, MAC],
  [OTHER_PEER, OTHER_MAC],
  [STRANGER_PEER, STRANGER],
]);

/** A template set whose texts say which template it was and for whom. */
const echoing: TemplateSet = {
  has: () => true,
  render: (name, variables) => {
    const { uuid } = variables['node'] as { uuid?: string };
    const { mac: address } = variables['port'] as { mac?: string };
    const { kernel } = variables['profile'] as { kernel?: string };
    return [name, uuid ?? '-', address ?? '-', kernel ?? '-'].join(' ');
  },
};

let registry: NodeRegistry;
let completed: NodeUuid[];
let templates: TemplateSet;
/** The machine that a probe plays since a second. */
let played: Mac | undefined;
let peers: PeerMemory | undefined;
let lines: Record<string, unknown>[];
beforeEach(() => {
  registry = new NodeRegistry();
  completed = [];
  templates = echoing;
  played = undefined;
  peers = undefined;
  lines = [];
});

function run(...commands: readonly NodeCommand[]): void {
  for (const command of commands) {
    const plan = registry.plan(command);
    if (plan.kind === 'refused') throw new Error(JSON.stringify(plan.refusal));
    registry.apply(plan.changes);
  }
}

function service(unknownMachines: UnknownMachineBoot = { kind: 'none' }): BootFileService {
  return new BootFileService({
    registry,
    rendering: () => ({ templates, tftpRoot: '/tftpboot', tftpServer: ipv4('192.168.0.1') }),
    macOfAddress: (address) => LEASES.get(address),
    peers,
    unknownMachines,
    probes: {
      probeOf: (address, agoMs = 0) => (address === played && agoMs < 1000 ? 'p' : undefined),
      machineAt: () => undefined,
    },
    completeBoot: (uuid) => completed.push(uuid),
    logger: pino({}, { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) }),
    metrics: createMetrics(),
  });
}

const putNode: NodeCommand = {
  kind: 'node.put',
  node: nodeDraft({
    ports: [portSample(), portSample({ address: mac('0c:c4:7a:0e:2b:99'), pxeEnabled: false })],
  }),
  precondition: NONE,
};
const putOther: NodeCommand = {
  kind: 'node.put',
  node: nodeDraft({ uuid: OTHER_UUID, ports: [portSample({ address: OTHER_MAC })] }),
  precondition: NONE,
};
function putProfile(changes: Parameters<typeof profileSample>[0] = {}, uuid = UUID): NodeCommand {
  const assignment = { kind: 'own', profile: profileSample({ kernel: 'k', ...changes }) } as const;
  return { kind: 'boot-profile.put', uuid, assignment, precondition: NONE };
}

function textOf(file: { readonly bytes: Uint8Array } | undefined): string | undefined {
  return file && new TextDecoder().decode(file.bytes);
}

describe('forMachine', () => {
  const mine = `${UUID} ${MAC}`;
  it.each<[string, string, Ipv4, string | undefined]>([
    ['the MAC in the name', 'pxelinux.cfg/01-0c-c4-7a-0e-2b-6b', STRANGER_PEER, `pxelinux ${mine} k`],
    ['the client-id form', 'pxelinux.cfg/20-0c-c4-7a-0e-2b-6b', STRANGER_PEER, `pxelinux ${mine} k`],
    ['with tftpboot/ in front', 'tftpboot/pxelinux.cfg/01-0c-c4-7a-0e-2b-6b', PEER, `pxelinux ${mine} k`],
    ['GRUB’s MAC name, in any folder', 'EFI/centos/grub.cfg-01-0c-c4-7a-0e-2b-6b', PEER, `grub ${mine} /k`],
    ['MAC.conf', '0c:c4:7a:0e:2b:6b.conf', PEER, `grub ${mine} /k`],
    ['iPXE’s MAC name', 'pxelinux.cfg/0c-c4-7a-0e-2b-6b', PEER, `ipxe ${mine} /k`],
    ['the lease of the address in the name', 'pxelinux.cfg/C0A80082', STRANGER_PEER, `pxelinux ${mine} k`],
    ['ADDRESS.conf', '192.168.0.130.conf', STRANGER_PEER, `grub ${mine} /k`],
    ['a prefix of the peer’s address', 'pxelinux.cfg/C0A8', PEER, `pxelinux ${mine} k`],
    ['no prefix of somebody else’s address', 'pxelinux.cfg/C0A9', PEER, undefined],
    ['the peer, for default', 'pxelinux.cfg/default', PEER, `pxelinux ${mine} k`],
    ['the peer, for GRUB', 'grub/grub.cfg', PEER, `grub ${mine} /k`],
    ['the peer, for iPXE', 'boot.ipxe', PEER, `ipxe ${mine} /k`],
    [
      'the peer, for a system UUID',
      'pxelinux.cfg/11111111-2222-3333-4444-555555555555',
      PEER,
      `pxelinux ${mine} k`,
    ],
    ['the node’s own UUID', `pxelinux.cfg/${UUID}`, STRANGER_PEER, `pxelinux ${mine} k`],
    [
      'the node’s own UUID as firmware spells it, for GRUB',
      `EFI/centos/grub.cfg-${swapUuidFields(UUID)}`,
      STRANGER_PEER,
      `grub ${mine} /k`,
    ],
    [
      'the peer, for the UUID of another board that has the same one',
      `EFI/centos/grub.cfg-${OTHER_UUID}`,
      PEER,
      `grub ${mine} /k`,
    ],
    ['a MAC that is nobody’s', 'pxelinux.cfg/01-52-54-00-00-00-01', PEER, undefined],
    ['a node without a profile', 'pxelinux.cfg/01-0c-c4-7a-0e-2b-6c', PEER, undefined],
    ['a peer without a profile', 'pxelinux.cfg/default', OTHER_PEER, undefined],
    ['a peer without a node', 'pxelinux.cfg/default', STRANGER_PEER, undefined],
    ['a peer without a lease', 'pxelinux.cfg/default', ipv4('10.0.0.1'), undefined],
    ['a port that is not PXE-enabled', 'pxelinux.cfg/01-0c-c4-7a-0e-2b-99', PEER, undefined],
    ['any other file', 'pxelinux.0', PEER, undefined],
    ['Ironic’s own file', `${UUID}/config`, PEER, undefined],
  ])('%s: %s', (_name, path, peer, expected) => {
    run(putNode, putOther, putProfile());
    expect(textOf(service().forMachine(path, peer))).toBe(expected);
  });

  it('says for whom it was, and in which generation', () => {
    run(putNode, putProfile());
    expect(service().forMachine('boot.ipxe', PEER)).toMatchObject({ node: UUID, generation: 2 });
  });

  it('shows a change at once', () => {
    run(putNode, putProfile());
    const files = service();
    run(putProfile({ kernel: 'new' }));
    expect(textOf(files.forMachine('boot.ipxe', PEER))).toBe(`ipxe ${mine} /new`);
    run({ kind: 'boot-profile.delete', uuid: UUID, precondition: NONE });
    expect(files.forMachine('boot.ipxe', PEER)).toBeUndefined();
  });

  it.each(['pxelinux.cfg/default', 'grub/grub.cfg', 'boot.ipxe'])(
    'starts the local disk in each language under policy local-disk: %s',
    (path) => {
      run(putNode, putProfile({ policy: 'local-disk' }));
      expect(textOf(service().forMachine(path, PEER))).toMatch(/^(pxelinux|grub|ipxe)-local-disk /);
    },
  );

  it('leaves the machine to the disk when the rendering fails, and says why', () => {
    run(putNode, putProfile());
    templates = {
      has: () => true,
      render: () => {
        throw new TemplateError('grub.tmpl', 3, 'broken');
      },
    };
    expect(service().forMachine('grub/grub.cfg', PEER)).toBeUndefined();
    expect(lines).toMatchObject([{ event: 'template.failed', reason: 'grub.tmpl:3: broken' }]);
  });
});

describe('fallback', () => {
  const names: readonly [string, string][] = [
    ['pxelinux.cfg/default', 'pxelinux'],
    ['tftpboot/pxelinux.cfg/default', 'pxelinux'],
    ['grub/grub.cfg', 'grub'],
    ['EFI/centos/grub.cfg', 'grub'],
    ['boot.ipxe', 'ipxe'],
  ];

  it.each(names)('none: nothing for %s', (path) => {
    expect(service().fallback(path, STRANGER_PEER)).toBeUndefined();
  });

  it.each(names)('local-disk: %s', (path, loader) => {
    const file = service({ kind: 'local-disk' }).fallback(path, STRANGER_PEER);
    expect(textOf(file)).toBe(`${loader}-local-disk - ${STRANGER} -`);
    expect(file).toMatchObject({ node: undefined, generation: 0 });
  });

  it.each(names)('menu: %s', (path, loader) => {
    expect(textOf(service({ kind: 'menu' }).fallback(path, STRANGER_PEER))).toBe(
      `${loader}-default - ${STRANGER} -`,
    );
  });

  it.each(names)('a shared profile: %s', (path, loader) => {
    run({
      kind: 'shared-profile.put',
      name: 'discovery',
      profile: profileSample({ kernel: 'inspect' }),
      precondition: NONE,
    });
    const file = service({ kind: 'profile', name: 'discovery' }).fallback(path, STRANGER_PEER);
    expect(textOf(file)).toBe(`${loader} - ${STRANGER} ${loader === 'pxelinux' ? '' : '/'}inspect`);
    expect(file).toMatchObject({ node: undefined, generation: 1 });
  });

  it('says when the shared profile does not exist', () => {
    expect(service({ kind: 'profile', name: 'x' }).fallback('boot.ipxe', STRANGER_PEER)).toBeUndefined();
    expect(lines).toHaveLength(1);
  });

  it('answers a machine whose lease is not known here', () => {
    const file = service({ kind: 'local-disk' }).fallback('boot.ipxe', ipv4('10.0.0.1'));
    expect(textOf(file)).toBe('ipxe-local-disk - - -');
  });

  it.each([
    'pxelinux.cfg/01-52-54-00-00-00-01',
    'pxelinux.cfg/C0A800C8',
    'pxelinux.cfg/C0A8',
    'grub.cfg-01-52-54-00-00-00-01',
    '52:54:00:00:00:01.conf',
    'pxelinux.0',
  ])('keeps out of the way of later names of the search: %s', (path) => {
    expect(service({ kind: 'local-disk' }).fallback(path, STRANGER_PEER)).toBeUndefined();
  });

  it('is not for nodes, whether or not they have a profile or the port is PXE-enabled', () => {
    run(putNode, putOther, putProfile());
    const files = service({ kind: 'local-disk' });
    expect(files.fallback('boot.ipxe', PEER)).toBeUndefined();
    expect(files.fallback('boot.ipxe', OTHER_PEER)).toBeUndefined();
  });
});

describe('observe', () => {
  type Changes = Partial<Omit<TftpServed, 'grant'>> & { readonly grant?: Partial<TftpServed['grant']> };
  const served = ({ grant, ...changes }: Changes): TftpServed => ({
    kind: 'served',
    grant: {
      id: 1,
      peer: { address: PEER, port: 2000 },
      requested: 'r',
      mapped: 'r',
      path: 'r',
      source: 'disk',
      node: undefined,
      generation: 0,
      modifiedAt: 0,
      size: 10,
      blockSize: 1408,
      windowSize: 1,
      steps: [],
      collapsed: false,
      ...grant,
    },
    bytes: 10,
    durationMs: 1,
    retransmissions: 0,
    result: 'done',
    error: undefined,
    detail: undefined,
    ...changes,
  });

  it.each<[string, Parameters<typeof profileSample>[0], Changes, boolean]>([
    ['the ramdisk', { ramdisk: 'r' }, {}, true],
    ['the ramdisk, with the root’s name in front', { ramdisk: 'r' }, { grant: { path: 'tftpboot/r' } }, true],
    ['the ramdisk, put with the root in front', { ramdisk: '/tftpboot/r' }, {}, true],
    ['the kernel, when there is no ramdisk', { ramdisk: undefined }, { grant: { path: 'k' } }, true],
    ['the kernel alone', { ramdisk: 'r' }, { grant: { path: 'k' } }, false],
    ['a part of the ramdisk', { ramdisk: 'r' }, { result: 'timeout', bytes: 5 }, false],
    ['the size of the ramdisk', { ramdisk: 'r' }, { result: 'probed', bytes: 0 }, false],
    [
      'the ramdisk of another node',
      { ramdisk: 'r' },
      { grant: { peer: { address: OTHER_PEER, port: 1 } } },
      false,
    ],
    [
      'the ramdisk by somebody else',
      { ramdisk: 'r' },
      { grant: { peer: { address: STRANGER_PEER, port: 1 } } },
      false,
    ],
    ['the ramdisk over IPv6', { ramdisk: 'r' }, { grant: { peer: { address: '::1', port: 1 } } }, false],
    ['the ramdisk, under policy always', { ramdisk: 'r', policy: 'always' }, {}, false],
    ['a ramdisk by URL', { ramdisk: 'http://h/r' }, {}, false],
  ])('%s', (_name, profile, event, done) => {
    run(putNode, putOther, putProfile({ policy: 'once', ...profile }), putProfile({}, OTHER_UUID));
    service().observe(served(event));
    expect(completed).toEqual(done ? [UUID] : []);
  });

  const fetched = (changes: Partial<FileEnded> = {}): FileEnded => ({
    kind: 'ended',
    via: 'http',
    peer: PEER,
    transfer: 'http-1',
    requested: 'r',
    path: 'r',
    source: 'disk',
    node: undefined,
    generation: undefined,
    modifiedAt: 0,
    size: 10,
    ending: 'done',
    bytes: 10,
    durationMs: 1,
    retransmissions: 0,
    detail: undefined,
    ...changes,
  });
  const checksum = { algorithm: 'md5', digest: 'ab'.repeat(16) } as const;
  const byUrl = { ramdisk: 'http://h/r', ramdiskChecksum: checksum };
  const cached = `bootd-images/md5-${checksum.digest}/r`;
  it.each<[string, Parameters<typeof profileSample>[0], Partial<FileEnded>, boolean]>([
    ['the ramdisk', { ramdisk: 'r' }, {}, true],
    ['a ramdisk by URL that was fetched here', byUrl, { path: cached }, true],
    ['a part of the ramdisk', { ramdisk: 'r' }, { bytes: 5 }, false],
    ['the size of the ramdisk', { ramdisk: 'r' }, { ending: 'probed', bytes: 0 }, false],
    ['the ramdisk, broken off', { ramdisk: 'r' }, { ending: 'aborted' }, false],
    ['the kernel alone', { ramdisk: 'r' }, { path: 'k' }, false],
  ])('%s, over HTTP', (_name, profile, event, done) => {
    run(putNode, putProfile({ policy: 'once', ...profile }));
    service().observeFile(fetched(event));
    service().observeFile({ ...fetched(), kind: 'started' });
    expect(completed).toEqual(done ? [UUID] : []);
  });

  it('leaves policy once to the machine itself, while a probe plays it', () => {
    run(putNode, putProfile({ ramdisk: 'r', policy: 'once' }));
    played = MAC;
    service().observe(served({ durationMs: 500 }));
    expect(completed).toEqual([]);
    // What began before the probe is the machine's own.
    service().observe(served({ durationMs: 5000 }));
    expect(completed).toEqual([UUID]);
  });

  it('knows a machine without a lease by the configuration that it asked for, where nobody here gives addresses', () => {
    run(putNode, putProfile({ ramdisk: 'r', policy: 'once' }));
    const address = ipv4('10.0.0.9');
    const clock = createSettableClock(0);
    peers = new PeerMemory(clock);
    const files = service();
    files.observe(served({ grant: { peer: { address, port: 2000 } } }));
    files.forMachine('pxelinux.cfg/01-0c-c4-7a-0e-2b-6b', address);
    clock.advance(31 * 60_000);
    files.observe(served({ grant: { peer: { address, port: 2000 } } }));
    expect(completed).toEqual([]);
    files.forMachine('pxelinux.cfg/01-0c-c4-7a-0e-2b-6b', address);
    files.observe(served({ grant: { peer: { address, port: 2000 } } }));
    expect(completed).toEqual([UUID]);
    // Only that: what it boots is not told by an address that may be another machine's tomorrow.
    expect(files.forMachine('grub/grub.cfg', address)).toBeUndefined();
  });

  it('passes over refusals', () => {
    run(putNode, putProfile({ policy: 'once' }));
    service().observe({
      kind: 'refused',
      peer: { address: PEER, port: 1 },
      requested: 'x',
      mapped: 'x',
      code: 1,
      message: 'File not found',
      reason: 'not-found',
      steps: [],
    });
    expect(completed).toEqual([]);
  });
});
