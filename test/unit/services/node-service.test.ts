import { resolve } from 'node:path';
import { pino } from 'pino';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RenderingContext } from '../../../src/boot/boot-files.ts';
import { NodeRegistry, type NodeCommand } from '../../../src/boot/node-registry.ts';
import { TemplateError, type TemplateSet } from '../../../src/boot/template.ts';
import type { DhcpSettings } from '../../../src/dhcp/dhcp-settings.ts';
import { NodeService } from '../../../src/services/node-service.ts';
import { loadTemplates } from '../../../src/services/template-folder.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import {
  ipv4,
  MAC,
  nodeDraft,
  OTHER_MAC,
  OTHER_UUID,
  portSample,
  profileSample,
  UUID,
} from '../boot/samples.ts';
import { reservation, seedSettings } from '../dhcp/fake-view.ts';
import { FakeNodeStore } from './node-store-fake.ts';

const SHIPPED = resolve(import.meta.dirname, '../../../tftpboot-templates');
const NONE = { kind: 'none' } as const;

const putNode: NodeCommand = { kind: 'node.put', node: nodeDraft(), precondition: NONE };
function putProfile(changes: Parameters<typeof profileSample>[0] = {}): NodeCommand {
  const assignment = { kind: 'own', profile: profileSample(changes) } as const;
  return { kind: 'boot-profile.put', uuid: UUID, assignment, precondition: NONE };
}

let shipped: TemplateSet;
beforeAll(async () => {
  shipped = (await loadTemplates(SHIPPED, SHIPPED)).templates;
});

let store: FakeNodeStore;
let registry: NodeRegistry;
let served: Set<string>;
let context: RenderingContext;
let lines: Record<string, unknown>[];
let metrics: ReturnType<typeof createMetrics>;
let dhcp: DhcpSettings | undefined;
let service: NodeService;
beforeEach(() => {
  dhcp = undefined;
  store = new FakeNodeStore();
  registry = new NodeRegistry();
  served = new Set();
  lines = [];
  metrics = createMetrics();
  context = { templates: shipped, tftpRoot: '/tftpboot', tftpServer: ipv4('192.168.0.1') };
  service = createService(registry);
});

function createService(nodes: NodeRegistry): NodeService {
  return new NodeService({
    registry: nodes,
    store,
    rendering: () => context,
    files: { isServed: (path) => Promise.resolve(served.has(path)) },
    dhcpSettings: () => dhcp,
    images: { holdFor: () => Promise.resolve(() => undefined) },
    logger: pino({}, { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) }),
    metrics,
  });
}

describe('NodeService', () => {
  it('has a change on disk and in effect when it says done', async () => {
    expect(await service.execute(putNode)).toEqual({ kind: 'done' });
    expect(store.committed).toHaveLength(1);
    expect(service.node(UUID)?.generation).toBe(1);
    expect(service.portByMac(MAC)?.node.uuid).toBe(UUID);
  });

  it('is not in effect before it is on disk', async () => {
    let open = (): void => undefined;
    store.gate = new Promise((resolve) => {
      open = resolve;
    });
    const done = service.execute(putNode);
    await new Promise((resolve) => setImmediate(resolve));
    expect(service.node(UUID)).toBeUndefined();
    open();
    await done;
    expect(service.node(UUID)).toBeDefined();
  });

  it('never lets two commands claim one MAC, however slow the disk is', async () => {
    let open = (): void => undefined;
    store.gate = new Promise((resolve) => {
      open = resolve;
    });
    const first = service.execute(putNode);
    const second = service.execute({ ...putNode, node: nodeDraft({ uuid: OTHER_UUID }) });
    open();
    expect(await first).toEqual({ kind: 'done' });
    expect(await second).toEqual({
      kind: 'refused',
      refusal: { kind: 'mac-taken', mac: MAC, owner: UUID },
    });
  });

  it('changes nothing when the store fails, and goes on with the next command', async () => {
    store.failure = 'the disk is full';
    expect(await service.execute(putNode)).toEqual({ kind: 'not-kept', reason: 'the disk is full' });
    expect(service.node(UUID)).toBeUndefined();
    expect(lines.map(({ event }) => event)).toEqual(['store.commit.failed']);
    store.failure = undefined;
    expect(await service.execute(putNode)).toEqual({ kind: 'done' });
  });

  it('writes nothing for a repeated PUT', async () => {
    await service.execute(putNode);
    await service.execute(putNode);
    expect(store.committed).toHaveLength(1);
  });

  it('comes back as it was after a restart, and says what the store had to repair', async () => {
    await service.execute(putNode);
    await service.execute(putProfile({ policy: 'once' }));
    await service.execute({ kind: 'boot-profile.complete', uuid: UUID, at: 5 });
    store.report = ['one record of table node could not be read'];
    const restarted = createService(new NodeRegistry());
    await restarted.start();
    expect(restarted.node(UUID)).toEqual(service.node(UUID));
    expect(restarted.bootOf(UUID)).toEqual(service.bootOf(UUID));
    expect(lines.at(-1)).toMatchObject({
      event: 'store.repaired',
      msg: 'one record of table node could not be read',
    });
    expect(await metrics.registry.metrics()).toContain('bootd_nodes 1');
  });

  describe('tries the rendering before it says done', () => {
    it('refuses a profile that a loader has no words for', async () => {
      await service.execute(putNode);
      expect(await service.execute(putProfile({ kernelAppendParams: 'quiet ; reboot' }))).toEqual({
        kind: 'unrenderable',
        reason:
          'profile.kernel_append_params holds the word ";", which ends a command, and iPXE has no way to quote it',
      });
      expect(service.bootOf(UUID)).toBeUndefined();
    });

    it('refuses a template that fails, with its file and line', async () => {
      context = {
        ...context,
        templates: {
          has: (name) => shipped.has(name),
          render: (name, variables) => {
            if (name === 'grub') throw new TemplateError('/etc/bootd/templates/grub.tmpl', 7, 'no');
            return shipped.render(name, variables);
          },
        },
      };
      await service.execute(putNode);
      expect(await service.execute(putProfile())).toEqual({
        kind: 'unrenderable',
        reason: '/etc/bootd/templates/grub.tmpl:7: no',
      });
      // A machine that boots by BIOS never meets GRUB.
      await service.execute({ ...putNode, node: nodeDraft({ bootMode: 'bios' }) });
      expect(await service.execute(putProfile())).toEqual({ kind: 'done' });
      // And now it may not become one that does.
      expect(await service.execute(putNode)).toMatchObject({ kind: 'unrenderable' });
    });

    it('refuses a shared profile for every loader', async () => {
      const profile = profileSample({ kernelAppendParams: 'a #b' });
      const command: NodeCommand = { kind: 'shared-profile.put', name: 'x', profile, precondition: NONE };
      expect(await service.execute(command)).toMatchObject({ kind: 'unrenderable' });
    });

    it.each<NodeCommand>([
      { kind: 'boot-profile.complete', uuid: UUID, at: 5 },
      { kind: 'boot-profile.delete', uuid: UUID, precondition: NONE },
      { kind: 'node.delete', uuid: UUID, precondition: NONE },
    ])('lets no broken template hold up $kind', async (command) => {
      await service.execute(putNode);
      await service.execute(putProfile({ policy: 'once' }));
      const render = (): string => {
        throw new TemplateError('grub.tmpl', 1, 'broken');
      };
      context = { ...context, templates: { has: () => true, render } };
      expect(await service.execute(command)).toEqual({ kind: 'done' });
      expect(store.committed).toHaveLength(3);
    });
  });

  describe('warns of what will not boot as things are', () => {
    it.each<[string, Parameters<typeof profileSample>[0], readonly string[], readonly RegExp[]]>([
      ['nothing, when the files are there', {}, [`${UUID}/deploy_kernel`, `${UUID}/deploy_ramdisk`], []],
      [
        'files that are not there',
        {},
        [],
        [/^kernel: there is no file .*\/deploy_kernel below \/tftpboot$/, /^ramdisk: there is no file/],
      ],
      ['a path with the root in front', { kernel: '/tftpboot/k', ramdisk: undefined }, ['k'], []],
      [
        'a URL',
        { kernel: 'http://h/k', ramdisk: undefined },
        [],
        [/^kernel: the loader has to fetch this URL/],
      ],
      [
        'a template that only some loaders have',
        { template: 'local-disk', kernel: undefined, ramdisk: undefined },
        [],
        [],
      ],
      [
        'a template that no loader has',
        { template: 'nothing', kernel: undefined, ramdisk: undefined },
        [],
        [
          /^template: there is no pxelinux-nothing, so pxelinux uses its own$/,
          /^template: there is no grub-nothing/,
          /^template: there is no ipxe-nothing/,
        ],
      ],
    ])('%s', async (_name, profile, files, expected) => {
      served = new Set(files);
      const warnings = await service.warningsFor(profileSample(profile), undefined);
      expect(warnings).toHaveLength(expected.length);
      for (const [index, pattern] of expected.entries()) expect(warnings[index]).toMatch(pattern);
    });

    it('that TFTP is off', async () => {
      context = { ...context, tftpRoot: undefined };
      const [warning] = await service.warningsFor(profileSample(), undefined);
      expect(warning).toMatch(/^kernel: TFTP is off here/);
    });
  });

  it('says at the start which nodes a reservation of the configuration overrules', async () => {
    const node = nodeDraft({ ports: [portSample({ fixedAddress: ipv4('192.168.0.20') })] });
    await service.execute({ kind: 'node.put', node, precondition: NONE });
    const keptFor = (mac: string): DhcpSettings =>
      seedSettings({
        reservations: [reservation({ name: 'printer', mac, fixedAddresses: [ipv4('192.168.0.20')] })],
      });
    const warningsAtStart = async (): Promise<unknown[]> => {
      lines = [];
      await createService(new NodeRegistry()).start();
      return lines.filter(({ level }) => level === 40);
    };
    dhcp = keptFor(OTHER_MAC);
    expect(await warningsAtStart()).toMatchObject([
      {
        event: 'node.address.overruled',
        node: UUID,
        mac: MAC,
        address: '192.168.0.20',
        reservation: 'printer',
      },
    ]);
    dhcp = keptFor(MAC);
    expect(await warningsAtStart()).toEqual([]);
  });

  it('logs what changed, and neither passwords nor kernel arguments', async () => {
    const bmc = {
      ...{ address: '10.0.0.1', port: 623, username: 'ADMIN', password: 'secret1' },
      ...{ cipherSuite: undefined, kg: 'facade' },
      privilege: 'administrator',
    } as const;
    await service.execute({ ...putNode, node: nodeDraft({ bmc }) });
    await service.execute(putProfile({ kernelAppendParams: 'token=secret2' }));
    await service.execute({ kind: 'boot-profile.delete', uuid: UUID, precondition: NONE });
    await service.execute({ kind: 'node.delete', uuid: UUID, precondition: NONE });
    expect(lines.map(({ event }) => event)).toEqual([
      'node.put',
      'node.profile.put',
      'node.profile.deleted',
      'node.deleted',
    ]);
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  it('waits for the command under way when it stops', async () => {
    let open = (): void => undefined;
    store.gate = new Promise((resolve) => {
      open = resolve;
    });
    const command = service.execute({
      ...putNode,
      node: nodeDraft({ ports: [portSample({ address: OTHER_MAC })] }),
    });
    let stopped = false;
    const stopping = service.stop().then(() => {
      stopped = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(stopped).toBe(false);
    open();
    await Promise.all([command, stopping]);
    expect(store.committed).toHaveLength(1);
  });
});
