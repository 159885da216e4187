import { link, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { copyBootRoot } from '../boot-root.ts';
import { Daemon, type Configuration } from '../daemon.ts';
import { LabNetwork } from '../namespaces.ts';
import { run } from '../processes.ts';
import type { Machine } from '../virtual-machine.ts';
import { Chassis } from './chassis.ts';
import { documentedBlock } from './document.ts';
import { Ironic, type NodePlan } from './ironic.ts';

/** The ways of docs/ironic.md in which Ironic drives bootd, with the section that describes each. */
export const ROADS = {
  A: 'Road A: no plugin',
  B: 'Road B: the DHCP provider',
  C: 'Road C: the boot interface',
  none: "The application note's own way",
} as const;

export type Road = keyof typeof ROADS;

const PROGRAM = fileURLToPath(new URL('../../../bin/bootd', import.meta.url));

/** How nodes are enrolled on each road. */
export function planFor(road: Road): Pick<NodePlan, 'driver' | 'bootInterface'> {
  return road === 'C'
    ? { driver: 'bootd-ipmi', bootInterface: 'bootd' }
    : { driver: 'ipmi', bootInterface: 'pxe' };
}

/** A controller as docs/ironic.md describes it: bootd and a real Ironic, on a lab's wires. */
export class IronicSite {
  readonly network: LabNetwork;
  /** What the daemon and Ironic see as /tftpboot. */
  readonly root: string;
  /** What they see in place of the host's folders. */
  readonly view: Readonly<Record<'/tftpboot' | '/run' | '/var', string>>;
  readonly #road: Road;
  readonly #chassis: Chassis[] = [];
  #daemon: Daemon | undefined;
  #ironic: Ironic | undefined;

  private constructor(network: LabNetwork, road: Road) {
    this.network = network;
    this.#road = road;
    this.root = join(network.folder, 'tftpboot');
    this.view = {
      '/tftpboot': this.root,
      '/run': join(network.folder, 'run'),
      '/var': join(network.folder, 'var'),
    };
  }

  /** Builds wires, bootd and Ironic for a road. */
  static async open(road: Road): Promise<IronicSite> {
    const network = await LabNetwork.open(1);
    const site = new IronicSite(network, road);
    await site.#prepare();
    await site.startDaemon();
    const fragments = [ROADS[road]].map((section) => documentedBlock(section, 'ini'));
    site.#ironic = await Ironic.start(network, site.view, [
      documentedBlock('The controller', 'ini'),
      ...fragments,
    ]);
    return site;
  }

  get daemon(): Daemon {
    if (this.#daemon === undefined) throw new Error('bootd was not started');
    return this.#daemon;
  }

  get ironic(): Ironic {
    if (this.#ironic === undefined) throw new Error('Ironic was not started');
    return this.#ironic;
  }

  /** Starts bootd, again if need be, with the document's configuration. */
  async startDaemon(): Promise<void> {
    const configuration = parse(
      [
        documentedBlock('The controller', 'yaml'),
        this.#road === 'A' ? documentedBlock(ROADS.A, 'yaml') : '',
      ].join('\n'),
    ) as Configuration;
    this.#daemon = await Daemon.start({
      namespace: this.network.server,
      folder: this.network.folder,
      tftpRoot: this.root,
      configuration,
      view: { '/run': this.view['/run'], '/var': this.view['/var'] },
      controlSocket: join(this.view['/run'], 'bootd/control.sock'),
    });
  }

  /** A bare machine with a BMC on the provisioning wire. */
  async addChassis(machine: Machine): Promise<Chassis> {
    const chassis = await Chassis.open(this.network, machine, this.#chassis.length);
    this.#chassis.push(chassis);
    return chassis;
  }

  /** Plays a machine by `bootd probe` from the other end of the provisioning wire: its exit code and what it printed. */
  async probe(mac: string, arch: 'bios' | 'uefi-x64'): Promise<{ code: number | null; text: string }> {
    // Debian's signed GRUB, which Ironic is told to place, looks for /grub/grub.cfg.
    const probe = this.network.client.startInView('probe', this.view, process.execPath, [
      ...[PROGRAM, 'probe', '--config', join(this.network.folder, 'bootd.yaml')],
      ...['--mac', mac, '--arch', arch, '--interface', 'eth0', '--grub-prefix', '/grub'],
    ]);
    const { code } = await probe.ended;
    return { code, text: probe.lines.join('\n') };
  }

  /** The lines of the lease file that Ironic reads on road A. */
  async leaseFile(): Promise<readonly string[]> {
    const text = await readFile(join(this.view['/var'], 'lib/bootd/ironic/leases'), 'utf8');
    return text.split('\n').filter((line) => line !== '');
  }

  async close(): Promise<void> {
    for (const chassis of this.#chassis) await chassis.close();
    await this.#ironic?.stop();
    await this.#daemon?.stop();
    await this.network.close();
  }

  async #prepare(): Promise<void> {
    const { server, client } = this.network;
    // What `bootd probe` fetches files from; it is not in the range.
    await client.run('ip', ['addr', 'add', '192.168.0.2/24', 'dev', 'eth0']);
    // The document's name for the provisioning wire.
    await server.run('ip', ['link', 'set', 'prov0', 'down']);
    await server.run('ip', ['link', 'set', 'prov0', 'name', 'br-prov', 'up']);
    await copyBootRoot(this.root);
    const images = join(this.view['/var'], 'lib/images');
    for (const folder of [images, join(this.view['/run'], 'bootd'), join(this.view['/var'], 'lib/bootd')]) {
      await mkdir(folder, { recursive: true });
    }
    for (const image of ['kernel', 'ramdisk']) await link(join(this.root, image), join(images, image));
    // What the installation of loaders would bring; Ironic puts them there itself, as [pxe]loader_file_paths says.
    for (const loader of ['pxelinux.0', 'ldlinux.c32', 'bootx64.efi', 'grubx64.efi']) {
      await run('rm', [join(this.root, loader)]);
    }
  }
}
