import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { makeSmallRoot } from './boot-root.ts';
import { TestBmc } from './bmc/test-bmc.ts';
import { Daemon, noteConfiguration } from './daemon.ts';
import { addressOctets, encodeClientMessage } from './dhcp-messages.ts';
import type { LabNetwork } from './namespaces.ts';
import { decodeDhcp } from './packets.ts';
import { NamespaceUdpSocket } from './udp-socket.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/bootd', import.meta.url));

/** Where the status page of a busy site is, inside the namespace of its server. */
export const PAGE_ADDRESS = 'http://127.0.0.1:8067/';
export const TOKEN = 'a-token-for-the-status-page';

/** A machine of the site, as somebody enrolled it. */
interface SiteMachine {
  readonly name: string;
  readonly uuid: string;
  readonly mac: string;
  readonly arch: 'bios' | 'uefi-x64' | 'ipxe';
  readonly bootMode: 'bios' | 'uefi';
  readonly switchPort: string;
  readonly purpose: string;
  /** What keeps it from booting. */
  readonly fault?: 'no-kernel' | 'wrong-boot-file' | 'silent-bmc';
}

/** Has its kernel and its ramdisk; what it runs has not asked for an address yet. */
const BOOTING = 'bm-r1-10';

const KIB = 1024;

/**
 * A daemon with what a small site shows on a bad night: machines that booted, some that do not, and leases of strangers.
 * Everything comes in by the wire and the API; nothing is made up behind them.
 */
export class BusySite {
  readonly daemon: Daemon;
  readonly #network: LabNetwork;
  readonly #machines: readonly SiteMachine[];
  readonly #sockets: NamespaceUdpSocket[] = [];
  #xid = 0x5000;

  private constructor(network: LabNetwork, daemon: Daemon) {
    this.#network = network;
    this.daemon = daemon;
    this.#machines = siteMachines();
  }

  /** Starts the daemon on the lab's wires, with its status page on loopback. */
  static async open(network: LabNetwork): Promise<BusySite> {
    const root = join(network.folder, 'tftpboot');
    await makeBootFiles(root);
    const daemon = await Daemon.start({
      namespace: network.server,
      folder: network.folder,
      tftpRoot: root,
      configuration: await pageConfiguration(network.folder),
    });
    return new BusySite(network, daemon);
  }

  /** Nodes with their BMCs, boots that went well and others that did not, and leases. */
  async fill(): Promise<void> {
    await this.#enrol();
    await this.#writeUnannounced();
    const addresses = await this.#takeLeases(this.#machines.map((machine) => systemOf(machine)));
    for (const [index, machine] of this.#machines.entries())
      await this.#boot(machine, addresses[index] ?? '');
    const booted = this.#machines.filter(
      ({ name, fault }) => fault !== 'no-kernel' && fault !== 'wrong-boot-file' && name !== BOOTING,
    );
    await this.#takeLeases([...booted.map((machine) => systemOf(machine)), ...strangers()]);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) await socket.close();
    await this.daemon.stop();
  }

  async #enrol(): Promise<void> {
    for (const [index, machine] of this.#machines.entries()) {
      const { uuid, name, mac, bootMode, switchPort, purpose, fault } = machine;
      const port = 6240 + index;
      if (fault !== 'silent-bmc') await this.#openBmc(port);
      await this.daemon.apiBody('PUT', `/v1/nodes/${uuid}`, {
        name,
        boot_mode: bootMode,
        arch: 'x86_64',
        managed_by: 'ironic',
        purpose,
        ports: [
          {
            address: mac,
            extra: { gateway_name: 'vsg-hel1-02', gateway_port: switchPort, gateway_vlan: 1204 },
          },
        ],
        ...(fault === 'wrong-boot-file' && {
          dhcp_options: [{ opt_name: '67', opt_value: 'bootx64.efi.old' }],
        }),
        bmc: { address: '10.167.36.125', port, username: 'admin', password: 'secret' },
      });
      const folder = fault === 'no-kernel' ? 'images/rescue-2024' : 'images/deploy';
      await this.daemon.apiBody('PUT', `/v1/nodes/${uuid}/boot-profile`, {
        purpose,
        kernel: `${folder}/kernel`,
        ramdisk: `${folder}/ramdisk`,
        kernel_append_params: 'console=ttyS0,115200 ipa-api-url=http://192.168.0.1:6385',
        policy: purpose === 'clean' ? 'once' : 'always',
      });
    }
  }

  async #openBmc(port: number): Promise<void> {
    const socket = await NamespaceUdpSocket.open(this.#network.managementClient, port);
    this.#sockets.push(socket);
    const bmc = TestBmc.inMemory({}, (reply, peer) => {
      socket.send([reply], peer.address, peer.port).catch(() => undefined);
    });
    bmc.machine.power = port % 4 === 1 ? 'off' : 'on';
    void socket.follow(({ address, port: from, payload }) =>
      bmc.take(payload, { address, port: from, family: 'IPv4', size: payload.length }),
    );
  }

  /** A configuration by which `bootd probe` finds no control socket, so that its boots are not marked as probes. */
  async #writeUnannounced(): Promise<void> {
    const { folder } = this.#network;
    const configuration = { ...noteConfiguration(folder), control: { socket: join(folder, 'nobody.sock') } };
    await writeFile(join(folder, 'unannounced.yaml'), stringify(configuration));
  }

  /** Plays the machine's firmware and loader; it has had a lease, and asks for its files from that address. */
  async #boot({ mac, arch, uuid, fault }: SiteMachine, address: string): Promise<void> {
    const { client, folder } = this.#network;
    await client.run('ip', ['address', 'flush', 'dev', 'eth0']);
    await client.run('ip', ['address', 'add', `${address}/24`, 'dev', 'eth0']);
    const machine = ['--interface', 'eth0', '--mac', mac, '--arch', arch, '--uuid', uuid];
    const words = ['probe', '--config', join(folder, 'unannounced.yaml'), ...machine];
    const played = client.run(process.execPath, [PROGRAM, ...words], { timeoutMs: 60_000 });
    if (fault === undefined) await played;
    else await played.catch(() => undefined);
  }

  /** Systems that ask for an address, one after the other; the addresses that they get. */
  async #takeLeases(orders: readonly Omit<LeaseOrder, 'xid'>[]): Promise<readonly string[]> {
    const { client } = this.#network;
    await client.run('ip', ['address', 'flush', 'dev', 'eth0']);
    await client.run('ip', ['route', 'replace', '255.255.255.255/32', 'dev', 'eth0']);
    const socket = await NamespaceUdpSocket.open(client, 68);
    const addresses: string[] = [];
    try {
      for (const order of orders)
        addresses.push(await takeLease(socket, { ...order, xid: (this.#xid += 1) }));
    } finally {
      await socket.close();
    }
    return addresses;
  }
}

function systemOf({ mac }: SiteMachine): Omit<LeaseOrder, 'xid'> {
  return { mac, name: 'ipa', vendor: 'udhcp 1.36.1' };
}

/** What else has an address on such a wire, with host names of its own. */
function strangers(): readonly Omit<LeaseOrder, 'xid'>[] {
  const names = [
    ...Array.from({ length: 14 }, (_, index) => `compute-${String(index + 1).padStart(2, '0')}`),
    ...['ceph-osd-1', 'ceph-osd-2', 'ceph-osd-3', 'pdu-r1', 'pdu-r2', 'console-r1', 'sw-mgmt-1'],
  ];
  return names.map((name, index) => ({
    mac: `3c:ec:ef:10:4a:${(0x20 + index * 7).toString(16)}`,
    name,
    vendor: name.startsWith('pdu') ? 'APC' : name.startsWith('sw') ? 'Edgecore' : 'dhcpcd-9.4.1:Linux-6.1.0',
  }));
}

/** The application note's configuration with a status page beside it. */
export async function pageConfiguration(folder: string): Promise<ReturnType<typeof noteConfiguration>> {
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
  const configuration = noteConfiguration(folder);
  return {
    ...configuration,
    dhcp: { ...configuration.dhcp, 'ping-check': false },
    http: { listen: new URL(PAGE_ADDRESS).host, 'token-file': tokenFile },
    power: { 'poll-interval': 10 },
  };
}

/** Who asks for a lease, and with which words. */
export interface LeaseOrder {
  readonly mac: string;
  readonly name: string;
  readonly vendor: string;
  readonly xid: number;
}

/** DISCOVER, OFFER, REQUEST, ACK; returns the address. The socket is on port 68 of the client's namespace. */
export async function takeLease(socket: NamespaceUdpSocket, order: LeaseOrder): Promise<string> {
  const { mac, name, vendor, xid } = order;
  const options = [
    { code: 12, value: Buffer.from(name) },
    { code: 60, value: Buffer.from(vendor) },
  ];
  const reply = async (type: string): Promise<string> => {
    const { payload } = await socket.waitFor(({ payload }) => {
      const message = decodeDhcp(payload);
      return message?.xid === xid && message.type === type;
    }, 20_000);
    return decodeDhcp(payload)?.yiaddr ?? '';
  };
  await socket.send(
    [encodeClientMessage({ type: 'discover', mac, xid, broadcast: true, options })],
    '255.255.255.255',
    67,
  );
  const address = await reply('offer');
  const asked = [
    { code: 50, value: addressOctets(address) },
    { code: 54, value: addressOctets('192.168.0.1') },
    ...options,
  ];
  await socket.send(
    [encodeClientMessage({ type: 'request', mac, xid, broadcast: true, options: asked })],
    '255.255.255.255',
    67,
  );
  return reply('ack');
}

async function makeBootFiles(root: string): Promise<void> {
  await makeSmallRoot(root);
  const files = {
    'ldlinux.c32': 117 * KIB,
    'bootx64.efi': 925 * KIB,
    'grubx64.efi': 2540 * KIB,
    'images/deploy/kernel': 4160 * KIB,
    'images/deploy/ramdisk': 9300 * KIB,
  };
  await mkdir(join(root, 'images/deploy'), { recursive: true });
  for (const [name, octets] of Object.entries(files)) {
    await writeFile(join(root, name), Buffer.alloc(octets, name.endsWith('.efi') ? 'MZ ' : 'bootd '), {
      mode: 0o644,
    });
  }
}

function siteMachines(): readonly SiteMachine[] {
  const machine = (number: number, more: Partial<SiteMachine> = {}): SiteMachine => {
    const two = String(number).padStart(2, '0');
    const isBios = number % 3 === 0;
    return {
      name: `bm-r1-${two}`,
      uuid: `1be26c${two}-03f2-4d2e-ae87-c02d7f33c1${two}`,
      mac: `0c:c4:7a:0e:2b:${two}`,
      arch: isBios ? 'bios' : 'uefi-x64',
      bootMode: isBios ? 'bios' : 'uefi',
      switchPort: `1-1-${number}`,
      purpose: number % 4 === 0 ? 'clean' : 'deploy',
      ...more,
    };
  };
  return [
    ...[1, 2, 3, 4, 5, 6, 7].map((number) => machine(number)),
    machine(8, { fault: 'silent-bmc' }),
    machine(9, { fault: 'no-kernel', purpose: 'rescue' }),
    machine(10),
    machine(11, { fault: 'wrong-boot-file' }),
  ];
}
