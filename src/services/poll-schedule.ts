import type { NodeUuid } from '../boot/node.ts';
import type { Clock } from '../io/clock.ts';

/** What a schedule works with. */
export interface PollScheduleParts {
  readonly intervalMs: number;
  readonly clock: Clock;
  /** Whom to poll; asked once a tick. */
  readonly nodes: () => readonly NodeUuid[];
  /** Resolves with whether there was an answer. Never rejects. */
  readonly poll: (uuid: NodeUuid) => Promise<boolean>;
}

interface Entry {
  dueAt: number;
  failures: number;
  isUnderWay: boolean;
}

const TICK_MS = 500;
/**
 * More at once would be a burst on the wire of the BMCs, which are slow. Those that were silent the last time have places
 * of their own, since each takes seconds to be given up: a rack without power takes no place of the others.
 */
const MOST_AT_ONCE = { answering: 64, silent: 32 } as const;
/** One that stays silent is asked more and more seldom, up to this many intervals. */
const LONGEST_BACK_OFF = 8;

/** Polls nodes, each once an interval, spread evenly over it. One that is silent takes nobody's turn. */
export class PollSchedule {
  readonly #parts: PollScheduleParts;
  #entries = new Map<NodeUuid, Entry>();
  readonly #underWay = { answering: 0, silent: 0 };
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: PollScheduleParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = setInterval(() => this.tick(), TICK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Begins the polls that are due. */
  tick(): void {
    const now = this.#parts.clock.monotonic();
    const entries = new Map<NodeUuid, Entry>();
    for (const uuid of this.#parts.nodes()) {
      const entry = this.#entries.get(uuid) ?? {
        dueAt: now + this.#parts.intervalMs * fractionOf(uuid),
        failures: 0,
        isUnderWay: false,
      };
      entries.set(uuid, entry);
      const lane = entry.failures === 0 ? 'answering' : 'silent';
      if (entry.isUnderWay || entry.dueAt > now || this.#underWay[lane] >= MOST_AT_ONCE[lane]) continue;
      void this.#begin(uuid, entry, lane, now);
    }
    this.#entries = entries;
  }

  async #begin(uuid: NodeUuid, entry: Entry, lane: keyof typeof MOST_AT_ONCE, now: number): Promise<void> {
    const { intervalMs, poll } = this.#parts;
    entry.isUnderWay = true;
    this.#underWay[lane] += 1;
    const answered = await poll(uuid);
    this.#underWay[lane] -= 1;
    entry.isUnderWay = false;
    entry.failures = answered ? 0 : entry.failures + 1;
    entry.dueAt = now + intervalMs * Math.min(LONGEST_BACK_OFF, 2 ** entry.failures);
  }
}

/** Between 0 and 1, the same for the same node: UUIDs are random, so this spreads them. */
function fractionOf(uuid: NodeUuid): number {
  return Number.parseInt(uuid.slice(-8), 16) / 0x1_0000_0000;
}
