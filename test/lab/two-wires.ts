import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeSmallRoot } from './boot-root.ts';
import { BootCrowd, type BootReport } from './boot-crowd.ts';
import { Daemon, noteConfiguration } from './daemon.ts';
import { DhcpCrowd } from './dhcp-crowd.ts';
import { addressOctets, encodeClientMessage } from './dhcp-messages.ts';
import { LabNetwork, MANAGEMENT_ADDRESS } from './namespaces.ts';
import { decodeDhcp } from './packets.ts';
import { NamespaceUdpSocket } from './udp-socket.ts';
import { WIDE_SERVER_ADDRESS } from './wide-configuration.ts';

/** The interface that is broken: a bridge, made by somebody else, as on most controllers. */
export const BRIDGE = 'br-prov';
/** The interface beside it, which nothing happens to. */
export const BESIDE = 'mgmt0';
const RELAY_ADDRESS = '10.20.0.2';
const BOOT_EVERY_MS = 60;
const RENEWALS = 2;
const TRIES = 8;
/** Machines besides the one that is answered by frames. */
const OTHERS = 10;
const SERVED_TIMEOUT_MS = 60_000;
const IMAGE = 'image';
const IMAGE_OCTETS = 4 * 2 ** 20;
const FILES = ['/tftpboot/pxelinux.0', `/tftpboot/${IMAGE}`];

type Booted = Extract<BootReport, { kind: 'booted' }>;

/**
 * A daemon on two wires. On one of them machines are switched on all the time, each of which takes a lease, fetches its files
 * and renews by unicast: that is the one whose interface is broken. On the other one machines ask for their leases again and
 * again: they must never notice.
 */
export class TwoWires {
  readonly network: LabNetwork;
  readonly daemon: Daemon;
  /** On the wire that nothing happens to. */
  readonly beside: DhcpCrowd;
  readonly #crowd: BootCrowd;
  readonly #relay: NamespaceUdpSocket;
  readonly #reports: BootReport[] = [];
  #timer: NodeJS.Timeout | undefined;
  #machines = 0;
  #xid = 0x0c00_0000;

  private constructor(parts: {
    readonly network: LabNetwork;
    readonly daemon: Daemon;
    readonly beside: DhcpCrowd;
    readonly crowd: BootCrowd;
    readonly relay: NamespaceUdpSocket;
  }) {
    this.network = parts.network;
    this.daemon = parts.daemon;
    this.beside = parts.beside;
    this.#crowd = parts.crowd;
    this.#relay = parts.relay;
  }

  /** With the machines of the second wire at work. The bridge is not there yet. */
  static async open(): Promise<TwoWires> {
    const network = await LabNetwork.open();
    await network.server.run('ip', ['addr', 'flush', 'dev', 'prov0']);
    const tftpRoot = join(network.folder, 'tftpboot');
    await makeSmallRoot(tftpRoot);
    await writeFile(join(tftpRoot, IMAGE), Buffer.alloc(IMAGE_OCTETS, 7));
    const usual = noteConfiguration(network.folder);
    const daemon = await Daemon.start({
      namespace: network.server,
      folder: network.folder,
      tftpRoot,
      configuration: {
        ...usual,
        interfaces: [BRIDGE, BESIDE],
        dhcp: {
          'default-lease-time': 7200,
          'ping-check': false,
          filename: '/pxelinux.0',
          subnets: [
            { subnet: '10.20.0.0/16', ranges: [{ range: '10.20.1.0-10.20.8.255' }] },
            { subnet: '10.167.36.0/24', ranges: [{ range: '10.167.36.200-10.167.36.250' }] },
          ],
        },
      },
    });
    const beside = await DhcpCrowd.open(network.managementClient);
    beside.join({ count: 10, spreadMs: 0, rebootEveryMs: 100 });
    await beside.waitForLeases(10, 60_000);
    const crowd = await BootCrowd.open(network, '10.20.1.0/24');
    for (let third = 2; third <= 8; third += 1) {
      await network.client.run('ip', ['route', 'add', 'local', `10.20.${third}.0/24`, 'dev', 'lo']);
    }
    const relay = await NamespaceUdpSocket.open(network.client, 67);
    return new TwoWires({ network, daemon, beside, crowd, relay });
  }

  /** Commands of ip(8) on the host of the server, one after another. */
  async ip(...commands: readonly string[]): Promise<void> {
    for (const command of commands) await this.network.server.run('ip', command.split(' '));
  }

  async makeBridge(address = WIDE_SERVER_ADDRESS): Promise<void> {
    await this.ip(
      `link add ${BRIDGE} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
      `link set prov0 master ${BRIDGE}`,
      `addr add ${address}/16 brd + dev ${BRIDGE}`,
      `link set ${BRIDGE} up`,
    );
  }

  /** Without a moment in which the interface has none. */
  changeAddress(from: string, to: string): Promise<void> {
    return this.ip(
      `addr add ${to}/16 brd + dev ${BRIDGE}`,
      `addr del ${from}/16 dev ${BRIDGE}`,
      `addr replace ${to}/16 brd + dev ${BRIDGE}`,
    );
  }

  /** Switches machines on until `stopBooting`. */
  keepBooting(): void {
    this.#timer = setInterval(() => this.#switchOn(), BOOT_EVERY_MS);
  }

  stopBooting(): void {
    clearInterval(this.#timer);
  }

  /** What became of machines so far. One that was under way at a fault may have given up. */
  reports(): readonly BootReport[] {
    this.#reports.push(...this.#crowd.reports());
    return this.#reports;
  }

  booted(): readonly Booted[] {
    return this.reports().filter((report) => report.kind === 'booted');
  }

  /** Machines that have neither given up nor renewed for the last time. */
  underWay(): number {
    const reports = this.reports();
    const count = (kind: BootReport['kind']): number =>
      reports.filter((report) => report.kind === kind).length;
    return this.#machines - count('failed') - Math.floor(count('renewed') / RENEWALS);
  }

  /**
   * Resolves when a machine that is answered by frames and so many others, all of them switched on from now on, have booted and
   * have renewed by unicast, and a relay was answered: with the servers that gave them their leases and files.
   */
  async waitUntilServed(server = WIDE_SERVER_ADDRESS): Promise<ReadonlySet<string>> {
    const since = this.reports().length;
    const before = new Set(this.#reports.map((report) => (report.kind === 'echo' ? '' : report.mac)));
    const card = (await this.network.client.run('cat', ['/sys/class/net/eth0/address'])).trim();
    before.delete(card);
    let failures = 0;
    this.#switchOn(card);
    const endsAt = Date.now() + SERVED_TIMEOUT_MS;
    for (;;) {
      const fresh = this.reports().slice(since);
      const renewed = fresh.flatMap((report) => (report.kind === 'renewed' ? [report.mac] : []));
      const served = fresh.filter(
        (report) => report.kind === 'booted' && !before.has(report.mac) && renewed.includes(report.mac),
      ) as readonly Booted[];
      if (served.length > OTHERS && served.some(({ mac }) => mac === card)) {
        const relayed = await this.#askAsRelay(server);
        return new Set([...served.map((booted) => booted.server), relayed]);
      }
      // It was switched on too early.
      const gaveUp = fresh.filter((report) => report.kind === 'failed' && report.mac === card).length;
      if (gaveUp > failures) this.#switchOn(card);
      failures = gaveUp;
      if (Date.now() > endsAt) throw new Error(`only ${served.length} machines were served`);
      await sleep(50);
    }
  }

  #switchOn(card?: string): void {
    const number = this.#machines++;
    const mac = card ?? `02:60:00:00:${octet(number >> 8)}:${octet(number)}`;
    const renewing = { renewals: RENEWALS, renewEveryMs: 300 };
    this.#crowd.boot({ mac, hearsFrames: card !== undefined, files: FILES, tries: TRIES, ...renewing });
  }

  /** Passes a DISCOVER on as a relay does; resolves with the server of the OFFER that comes back to it. */
  async #askAsRelay(server: string): Promise<string> {
    const xid = this.#xid++;
    const message = encodeClientMessage({
      type: 'discover',
      mac: `02:61:00:00:00:${octet(xid)}`,
      xid,
      broadcast: false,
      relayAddress: RELAY_ADDRESS,
    });
    // A datagram may be lost.
    for (let attempt = 0; ; attempt += 1) {
      await this.#relay.send([message], server, 67);
      try {
        const { payload } = await this.#relay.waitFor((one) => decodeDhcp(one.payload)?.xid === xid, 2000);
        return [...(decodeDhcp(payload)?.options.get(54) ?? addressOctets('0.0.0.0'))].join('.');
      } catch (error) {
        if (attempt === 4) throw error;
      }
    }
  }

  /** A real client of the other wire fetches a file. */
  async fetchBeside(): Promise<void> {
    const to = join(this.network.folder, 'fetched-beside');
    await this.network.managementClient.run('busybox', [
      ...['tftp', '-b', '1408', '-g', '-l', to, '-r', FILES[1] ?? '', MANAGEMENT_ADDRESS],
    ]);
  }

  /** What `/readyz` has against the daemon, as `check: problem`. */
  async problems(): Promise<readonly string[]> {
    const { status, body } = await this.daemon.api('GET', '/readyz');
    const { checks } = body as { checks: { name: string; problems: string[] }[] };
    const found = checks.flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem}`));
    if ((status === 200) !== (found.length === 0))
      throw new Error(`/readyz is ${status}: ${found.join('; ')}`);
    return found;
  }

  /** What the log tells of sockets from this line on, as `event: message`. */
  socketLines(from: number): readonly string[] {
    const lines = this.daemon.log().slice(from);
    return lines.flatMap(({ event = '', message = '' }) =>
      event.includes('.socket.') ? [`${event}: ${message}`] : [],
    );
  }

  async close(): Promise<void> {
    this.stopBooting();
    await this.#relay.close();
    await this.#crowd.close();
    await this.beside.close();
    await this.daemon.kill();
    await this.network.close();
  }
}

function octet(number: number): string {
  return (number & 0xff).toString(16).padStart(2, '0');
}
