import { fileURLToPath } from 'node:url';
import type { Namespace } from './namespaces.ts';
import type { BackgroundProcess } from './processes.ts';

const REMOTE_END = fileURLToPath(new URL('./dhcp-crowd-process.ts', import.meta.url));

/** What one machine of a crowd heard. */
export interface CrowdEvent {
  readonly kind: 'offer' | 'ack' | 'nak';
  readonly mac: string;
  readonly address: string;
  /** Of an acknowledgement: the time since the machine asked last. */
  readonly ms?: number;
}

/** Machines of one kind that join a crowd. */
export interface CrowdOrder {
  readonly count: number;
  /** Their first packets leave at random moments within this time. */
  readonly spreadMs: number;
  /** Bound machines are switched on again about this often, and ask for the address that they had; 0: never. */
  readonly rebootEveryMs?: number;
}

/**
 * Hundreds of DHCP clients on the provisioning wire, as one process of our own in the clients' namespace. They repeat
 * themselves until they are answered, and never give a lease back.
 */
export class DhcpCrowd {
  readonly #process: BackgroundProcess;
  #size = 0;
  #read = 0;
  readonly #events: CrowdEvent[] = [];
  readonly #leases = new Map<string, string>();
  #acks = 0;

  private constructor(process: BackgroundProcess) {
    this.#process = process;
  }

  static async open(namespace: Namespace): Promise<DhcpCrowd> {
    const child = namespace.start('crowd', process.execPath, ['--import', 'tsx', REMOTE_END]);
    await child.waitForLine(/"ready"/, 60_000);
    return new DhcpCrowd(child);
  }

  /** New machines, with cards that nobody had before. */
  join({ count, spreadMs, rebootEveryMs = 0 }: CrowdOrder): void {
    this.#process.write(`${JSON.stringify({ first: this.#size, count, spreadMs, rebootEveryMs })}\n`);
    this.#size += count;
  }

  /** All that the machines heard so far, in its order. */
  events(): readonly CrowdEvent[] {
    const { lines } = this.#process;
    for (; this.#read < lines.length; this.#read += 1) {
      const line = lines[this.#read] ?? '';
      if (!/"(offer|ack|nak)"/.test(line)) continue;
      const event = JSON.parse(line) as CrowdEvent;
      this.#events.push(event);
      if (event.kind !== 'ack') continue;
      this.#leases.set(event.mac, event.address);
      this.#acks += 1;
    }
    return this.#events;
  }

  /** The address that each machine was acknowledged last. */
  leases(): ReadonlyMap<string, string> {
    this.events();
    return this.#leases;
  }

  /**
   * Addresses that were offered or acknowledged to more than one machine. Nobody gives a lease back, so while no lease
   * ends there must be none; offers before `since` (a number of events) do not count, since a server may forget offers
   * when it is killed.
   */
  sharedAddresses(since = 0): readonly string[] {
    const holders = new Map<string, Set<string>>();
    this.events().forEach(({ kind, mac, address }, index) => {
      if (kind === 'nak' || (kind === 'offer' && index < since)) return;
      holders.set(address, (holders.get(address) ?? new Set()).add(mac));
    });
    return [...holders].filter(([, macs]) => macs.size > 1).map(([address]) => address);
  }

  /** Resolves when so many machines have a lease; rejects when they have not in time. */
  async waitForLeases(count: number, timeoutMs: number): Promise<void> {
    const enough = (): true | undefined => (this.leases().size >= count ? true : undefined);
    await this.#process.waitFor(enough, `${count} leases`, timeoutMs);
  }

  /** Resolves when so many more acknowledgements were heard than at the moment of asking. */
  async waitForMoreAcks(count: number, timeoutMs: number): Promise<void> {
    this.events();
    const wanted = this.#acks + count;
    const enough = (): true | undefined => {
      this.events();
      return this.#acks >= wanted ? true : undefined;
    };
    await this.#process.waitFor(enough, `${count} more acknowledgements`, timeoutMs);
  }

  async close(): Promise<void> {
    await this.#process.stop('SIGKILL');
  }
}
