import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';

/** A machine that `bootd probe` plays: what it does is not the machine's own doing. Times are a clock's that only grows. */
export interface PlayedMachine {
  /** The announcement's. */
  readonly id: string;
  readonly mac: Mac;
  /** Where its files are fetched from, which is the address of the host that plays it; undefined: only from the leased one. */
  readonly address: Ipv4 | undefined;
  readonly beganAt: number;
  /** When it counts as over, should it never say so. */
  readonly endsAt: number;
}

/** Asked by whoever draws conclusions from what a machine does: policy `once`, boot traces. */
export interface ProbeLookup {
  /** The id of the probe that played this machine `agoMs` ago; undefined: it was the machine itself. */
  probeOf(mac: Mac, agoMs?: number): string | undefined;
  /** The machine that is played from this address, which has no lease of it. */
  machineAt(address: Ipv4): Mac | undefined;
}

/** Probes that may be under way at once. */
export const MOST_PROBES = 64;

/** The end of a transfer is heard of after the end of the probe that asked for it, so ended ones are remembered. */
const REMEMBERED_MS = 60_000;
const MOST_REMEMBERED = 256;
/** So long after a probe its address is still the machine's, for the same reason; not for longer, since it is another host's. */
const LATE_MS = 2_000;

/** Which machines are being played. In memory only: a probe does not outlive the daemon that it is played to. */
export class ProbeRegister {
  readonly #underWay = new Map<string, PlayedMachine>();
  #ended: readonly PlayedMachine[] = [];

  /** False when too many are under way. */
  announce(probe: PlayedMachine): boolean {
    this.#forgetOld(probe.beganAt);
    if (this.#underWay.size >= MOST_PROBES) return false;
    this.#underWay.set(probe.id, probe);
    return true;
  }

  /** Ends a probe. One that is over already, or never was, changes nothing. */
  end(id: string, now: number): void {
    const probe = this.#underWay.get(id);
    if (probe === undefined) return;
    this.#underWay.set(id, { ...probe, endsAt: Math.min(probe.endsAt, now) });
    this.#forgetOld(now);
  }

  /** Those under way, in the order of their announcement. */
  underWay(now: number): readonly PlayedMachine[] {
    this.#forgetOld(now);
    return [...this.#underWay.values()];
  }

  /** The probe that played the machine at a time up to a minute ago. */
  probeAt(mac: Mac, at: number): PlayedMachine | undefined {
    return [...this.#underWay.values(), ...this.#ended].find(
      (probe) => probe.mac === mac && probe.beganAt <= at && at < probe.endsAt,
    );
  }

  /** The machine that is played from an address at a time, or was a moment before; the last one announced, if there are several. */
  machineAt(address: Ipv4, at: number): Mac | undefined {
    return [...this.#ended, ...this.#underWay.values()].findLast(
      (probe) => probe.address === address && probe.beganAt <= at && at < probe.endsAt + LATE_MS,
    )?.mac;
  }

  #forgetOld(now: number): void {
    const over = [...this.#underWay.values()].filter(({ endsAt }) => endsAt <= now);
    for (const { id } of over) this.#underWay.delete(id);
    this.#ended = [...this.#ended, ...over]
      .filter(({ endsAt }) => endsAt + REMEMBERED_MS > now)
      .slice(-MOST_REMEMBERED);
  }
}
