import { ipv4FromNumber, type Ipv4 } from '../../src/addr/ipv4.ts';
import type { BootProfile } from '../../src/boot/boot-profile.ts';
import { NodeRegistry } from '../../src/boot/node-registry.ts';
import type { DhcpSettings } from '../../src/dhcp/dhcp-settings.ts';
import type { Link } from '../../src/dhcp/link.ts';
import { traceDhcp } from '../../src/services/dhcp-observer.ts';
import { NunjucksTemplates } from '../../src/services/template-engine.ts';
import { projectText } from '../fuzz/corpus.ts';
import { nodeDraft, portSample, profileSample, uuid } from '../unit/boot/samples.ts';
import { alone, ip, LINK, mac, range, scope, seedSettings, subnet } from '../unit/dhcp/fake-view.ts';
import { BootingMachine } from './booting-machine.ts';
import { DhcpSite, type ServerLife, type SiteParts } from './dhcp-site.ts';
import { LossyNetwork, PERFECT_WIRE, type WireConditions } from './lossy-network.ts';
import { SimulatedBootServer, type BootContent } from './simulated-boot-server.ts';
import type { DiskHabits } from './simulated-disk.ts';
import { SimulatedMachine } from './simulated-machine.ts';

/** Two wires with a network each; three of four machines are on the first one. */
const FIRST = link('br-prov', '10.1.0.1');
const SECOND = link('br-rack2', '10.2.0.1');

function link(name: string, address: string): Link {
  return { ...LINK, name, serverAddress: ip(address), addresses: [ip(address)] };
}

/** What a planted bug stands in for. */
export interface RackParts {
  readonly site?: Partial<SiteParts>;
  readonly hasTimers?: boolean;
}

export interface RackOptions {
  readonly seed: number;
  readonly machines: number;
  readonly wire?: Partial<WireConditions>;
  readonly disk?: Partial<DiskHabits>;
  readonly leaseSeconds: number;
  readonly kernelOctets: number;
  readonly ramdiskOctets: number;
  readonly parts?: RackParts;
}

/**
 * A whole controller and its machines in virtual time: DHCP on two wires, TFTP with the map-file, boot files of nodes, boot traces. Each
 * machine gets an address, then loads pxelinux, its configuration, kernel and ramdisk.
 */
export class SimulatedRack {
  readonly site: DhcpSite;
  readonly machines: readonly BootingMachine[];
  readonly pool: number;
  readonly #network: LossyNetwork;
  readonly #content: BootContent;
  readonly #parts: RackParts;
  #server: SimulatedBootServer | undefined;
  #nextPort = 40_000;

  constructor({ seed, machines, wire, disk, leaseSeconds, parts = {}, ...sizes }: RackOptions) {
    this.#parts = parts;
    this.pool = Math.ceil(machines * 1.5) + 8;
    this.#content = contentFor(machines, sizes);
    this.site = new DhcpSite({
      settings: settingsFor(this.pool, leaseSeconds),
      seed,
      links: [FIRST, SECOND],
      nodes: this.#content.registry,
      observer: (life) => traceDhcp(this.#begin(life).boots),
      ...(wire !== undefined && { wire }),
      ...(disk !== undefined && { disk }),
      ...(parts.site !== undefined && { parts: parts.site }),
    });
    this.#network = new LossyNetwork(this.site.clock, { ...PERFECT_WIRE, ...wire, seed: seed ^ 0x7f7f });
    this.machines = Array.from({ length: machines }, (_, number) => this.#machine(number));
  }

  /** The boot side of the life that runs. */
  get server(): SimulatedBootServer | undefined {
    return this.#server;
  }

  start(): Promise<void> {
    return this.site.start();
  }

  crash(): void {
    this.site.crash();
    this.#server?.crash();
    this.#server = undefined;
  }

  /** One of the addresses of the first wire. */
  address(number: number): Ipv4 {
    return ipv4FromNumber(ip('10.1.1.0') + (number % this.pool));
  }

  #begin(life: ServerLife): SimulatedBootServer {
    this.#nextPort += 2;
    this.#server = new SimulatedBootServer({
      network: this.#network,
      content: this.#content,
      life,
      firstPort: this.#nextPort,
      hasTimers: this.#parts.hasTimers ?? true,
    });
    return this.#server;
  }

  #machine(number: number): BootingMachine {
    const { site } = this;
    const wire = site.wires[number % 4 === 3 ? 1 : 0] ?? site.wire;
    const machine = new SimulatedMachine(site.clock, site.random, wire, macOf(number));
    site.machines.push(machine);
    return new BootingMachine(machine, this.#network, (bytes, { address, port }) =>
      this.#server?.request(bytes, { address: ipv4FromNumber(address), port }),
    );
  }
}

function macOf(number: number): string {
  const serial = number.toString(16).padStart(6, '0').match(/../g) ?? [];
  return `02:51:00:${serial.join(':')}`;
}

/** Short leases, so that everything that can happen to one happens within minutes. */
function settingsFor(pool: number, leaseSeconds: number): DhcpSettings {
  const network = (prefix: string): ReturnType<typeof subnet> => {
    const first = ip(`${prefix}.1.0`);
    const last = ipv4FromNumber(first + pool - 1);
    return subnet(`${prefix}.0.0/16`, [range(`${prefix}.1.0-${text(last)}`)]);
  };
  const all = seedSettings({
    sharedNetworks: alone(network('10.1'), network('10.2')),
    declineHoldSeconds: 300,
  });
  const times = { defaultLeaseSeconds: leaseSeconds, minLeaseSeconds: 60, maxLeaseSeconds: leaseSeconds };
  return { ...all, parameters: scope({ ...all.parameters, ...times }) };
}

function text(address: Ipv4): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** Every other machine is a node with a boot profile of its own; the others find a configuration on the disk. */
function contentFor(
  machines: number,
  sizes: { readonly kernelOctets: number; readonly ramdiskOctets: number },
): BootContent {
  const registry = new NodeRegistry();
  for (let number = 0; number < machines; number += 2) {
    const id = uuid(`00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`);
    const node = nodeDraft({
      uuid: id,
      name: `bm${number}`,
      ports: [portSample({ address: mac(macOf(number)) })],
    });
    const profile: BootProfile = profileSample({ kernel: 'images/kernel', ramdisk: 'images/ramdisk' });
    registry.apply([
      { kind: 'node.put', node: { ...node, generation: number + 1 } },
      {
        kind: 'boot-profile.put',
        uuid: id,
        boot: { assignment: { kind: 'own', profile }, doneAt: undefined },
      },
    ]);
  }
  const templates = new NunjucksTemplates(
    new Map(
      ['pxelinux.tmpl', 'pxelinux-local-disk.tmpl'].map((name) => [
        name,
        { file: name, text: projectText(`tftpboot-templates/${name}`) },
      ]),
    ),
  );
  const plain =
    'default linux\nlabel linux\nkernel images/kernel\nappend initrd=images/ramdisk console=ttyS0\n';
  return {
    registry,
    rendering: { templates, tftpRoot: '/tftpboot', tftpServer: FIRST.serverAddress },
    files: new Map([
      ['pxelinux.0', new Uint8Array(42_000).fill(1)],
      ['ldlinux.c32', new Uint8Array(20_000).fill(2)],
      ['pxelinux.cfg/default', new TextEncoder().encode(plain)],
      ['images/kernel', new Uint8Array(sizes.kernelOctets).fill(3)],
      ['images/ramdisk', new Uint8Array(sizes.ramdiskOctets).fill(4)],
    ]),
  };
}
