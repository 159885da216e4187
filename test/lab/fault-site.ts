import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeSmallRoot } from './boot-root.ts';
import { Daemon, type Configuration, type DaemonOptions } from './daemon.ts';
import { DhcpCrowd } from './dhcp-crowd.ts';
import { LabNetwork } from './namespaces.ts';
import { decodeTftp, type TftpSummary } from './packets.ts';
import { NamespaceUdpSocket } from './udp-socket.ts';
import { widen, WIDE_SERVER_ADDRESS } from './wide-configuration.ts';

const TEMPLATES = fileURLToPath(new URL('../../tftpboot-templates', import.meta.url));
const REBOOT_EVERY_MS = 100;

/**
 * A daemon under the load of machines that ask for their leases again and again, on a network of its own with a folder of
 * templates of its own: where faults of the host are made. Whatever it starts ends with `close`.
 */
export class FaultSite {
  readonly network: LabNetwork;
  readonly options: DaemonOptions;
  #daemon: Daemon | undefined;
  #crowd: DhcpCrowd | undefined;
  readonly #readers: NamespaceUdpSocket[] = [];

  private constructor(network: LabNetwork, options: DaemonOptions) {
    this.network = network;
    this.options = options;
  }

  /** `change` makes another configuration of the one that is usual here. */
  static async open(change = (usual: Configuration): Configuration => usual): Promise<FaultSite> {
    const network = await LabNetwork.open();
    const tftpRoot = join(network.folder, 'tftpboot');
    await makeSmallRoot(tftpRoot);
    const templates = join(network.folder, 'templates');
    await cp(TEMPLATES, templates, { recursive: true });
    const wide = await widen(network, 2000);
    // For clients of TFTP; those of DHCP live on broadcasts.
    await network.client.run('ip', ['addr', 'add', '10.20.0.2/16', 'brd', '+', 'dev', 'eth0']);
    const configuration = change({
      ...wide,
      templates,
      dhcp: { ...wide.dhcp, 'ping-check': false },
    });
    return new FaultSite(network, {
      namespace: network.server,
      folder: network.folder,
      tftpRoot,
      configuration,
    });
  }

  /** As it was started last. */
  get daemon(): Daemon {
    if (this.#daemon === undefined) throw new Error('no daemon was started');
    return this.#daemon;
  }

  get crowd(): DhcpCrowd {
    if (this.#crowd === undefined) throw new Error('no machine was switched on');
    return this.#crowd;
  }

  get stateFolder(): string {
    return join(this.network.folder, 'state');
  }

  async start(under: readonly string[] = []): Promise<Daemon> {
    this.#daemon = await Daemon.start({ ...this.options, under });
    return this.#daemon;
  }

  /** Resolves when all these machines have their leases, and ask for them again. */
  async switchOn(machines: number): Promise<DhcpCrowd> {
    this.#crowd ??= await DhcpCrowd.open(this.network.client);
    const before = this.#crowd.leases().size;
    this.#crowd.join({ count: machines, spreadMs: 0, rebootEveryMs: REBOOT_EVERY_MS });
    await this.#crowd.waitForLeases(before + machines, 60_000);
    return this.#crowd;
  }

  /** What a client gets first for this name; rejects when it gets nothing. */
  async ask(name: string): Promise<TftpSummary | undefined> {
    const reader = await NamespaceUdpSocket.open(this.network.client, 0);
    this.#readers.push(reader);
    const request = Buffer.from(`\0\x01${name}\0octet\0`, 'latin1');
    // A datagram may be lost, and a daemon that is busy may be late.
    for (let attempt = 0; ; attempt += 1) {
      await reader.send([request], WIDE_SERVER_ADDRESS, 69);
      try {
        return decodeTftp((await reader.waitFor(() => true, 3000)).payload);
      } catch (error) {
        if (attempt === 4) throw error;
      }
    }
  }

  /** What `/readyz` has against the daemon, as `check: problem`. */
  async problems(): Promise<readonly string[]> {
    const { body } = await this.daemon.api('GET', '/readyz');
    const { checks } = body as { checks: { name: string; problems: string[] }[] };
    return checks.flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem}`));
  }

  /** Log lines that speak of a failure of ours; the first few of them. */
  errors(): readonly string[] {
    return this.daemon.lines.filter((line) => /^\{"level":"(error|fatal)"/.test(line)).slice(0, 5);
  }

  async close(): Promise<void> {
    for (const reader of this.#readers) await reader.close();
    await this.#crowd?.close();
    await this.#daemon?.kill();
    await this.network.close();
  }
}
