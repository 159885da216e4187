import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { Clock } from '../io/clock.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** What the list works with. */
export interface ForeignServersParts {
  /** Beside another server, as a proxy, others are meant to be there. */
  readonly areExpected: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

interface Sighting {
  readonly server: Ipv4;
  readonly interfaceName: string;
  heardAt: number;
  warnedAt: number;
}

/** A server that was not heard for this long may be gone. */
const LATELY_MS = 15 * 60_000;

/** Between two warnings of the same server. */
const WARNING_INTERVAL_MS = 60 * 60_000;

/** Whoever forges option 54 must not fill our memory, or the log. */
const SERVERS_MAX = 64;

/** DHCP servers on our wires that are not this one: named by a client's option 54, or overheard. */
export class ForeignServers {
  readonly #parts: ForeignServersParts;
  readonly #sightings = new Map<string, Sighting>();

  constructor(parts: ForeignServersParts) {
    this.#parts = parts;
  }

  /** A machine took, or was sent, an answer of this server. */
  heard(server: Ipv4, interfaceName: string, mac: Mac): void {
    const { areExpected, clock, logger, metrics } = this.#parts;
    if (areExpected) return;
    metrics.dhcpForeignReplies.inc();
    const now = clock.now();
    const key = `${interfaceName}/${server}`;
    const known = this.#sightings.get(key);
    if (known === undefined && this.#sightings.size >= SERVERS_MAX) this.#forgetOldest();
    const sighting = known ?? { server, interfaceName, heardAt: now, warnedAt: -Infinity };
    this.#sightings.set(key, sighting);
    sighting.heardAt = now;
    if (now - sighting.warnedAt < WARNING_INTERVAL_MS) return;
    sighting.warnedAt = now;
    logger.warn(
      { event: EVENTS.dhcpServerFound, server: formatIpv4(server), interface: interfaceName, mac },
      `another DHCP server, ${formatIpv4(server)}, answers on ${interfaceName}`,
    );
  }

  /** Those that were heard on an interface in the last quarter of an hour. */
  lately(interfaceName: string | undefined, now: number): readonly Ipv4[] {
    if (this.#sightings.size === 0) return [];
    return [...this.#sightings.values()]
      .filter((sighting) => sighting.interfaceName === interfaceName && now - sighting.heardAt < LATELY_MS)
      .map(({ server }) => server);
  }

  #forgetOldest(): void {
    const [oldest] = [...this.#sightings.entries()].sort(([, a], [, b]) => a.heardAt - b.heardAt);
    if (oldest !== undefined) this.#sightings.delete(oldest[0]);
  }
}
