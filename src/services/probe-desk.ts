import { randomUUID } from 'node:crypto';
import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import { ProbeRegister, type PlayedMachine, type ProbeLookup } from '../boot/probe-register.ts';
import type { ExpectedFile, ProbeAnnouncement, ProbeCommands } from '../control/probe-commands.ts';
import type { Clock } from '../io/clock.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';

/** What the desk works with. */
export interface ProbeDeskParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly expectedFile: ProbeCommands['expectedFile'];
}

/** Where `bootd probe` announces itself, and the rest of the daemon asks whether a machine is being played. */
export class ProbeDesk implements ProbeCommands, ProbeLookup {
  readonly #parts: ProbeDeskParts;
  readonly #register = new ProbeRegister();

  constructor(parts: ProbeDeskParts) {
    this.#parts = parts;
  }

  announce(mac: Mac, lifetimeMs: number, address?: Ipv4): ProbeAnnouncement | undefined {
    const { clock, logger } = this.#parts;
    const beganAt = clock.monotonic();
    const probe = { id: randomUUID(), mac, address, beganAt, endsAt: beganAt + lifetimeMs };
    if (!this.#register.announce(probe)) return undefined;
    logger.info({ event: EVENTS.probeAnnounced, probe: probe.id, mac }, 'bootd probe plays this machine');
    return this.#announcementOf(probe);
  }

  end(id: string): void {
    this.#register.end(id, this.#parts.clock.monotonic());
  }

  expectedFile(name: string, address: Ipv4): Promise<ExpectedFile> | undefined {
    return this.#parts.expectedFile(name, address);
  }

  underWay(): readonly ProbeAnnouncement[] {
    return this.#register.underWay(this.#parts.clock.monotonic()).map((probe) => this.#announcementOf(probe));
  }

  probeOf(mac: Mac, agoMs = 0): string | undefined {
    return this.#register.probeAt(mac, this.#parts.clock.monotonic() - agoMs)?.id;
  }

  machineAt(address: Ipv4): Mac | undefined {
    return this.#register.machineAt(address, this.#parts.clock.monotonic());
  }

  #announcementOf({ id, mac, address, beganAt, endsAt }: PlayedMachine): ProbeAnnouncement {
    const { clock } = this.#parts;
    const zero = clock.now() - clock.monotonic();
    return { id, mac, address, startedAt: Math.round(zero + beganAt), expiresAt: Math.round(zero + endsAt) };
  }
}
