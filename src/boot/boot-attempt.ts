import type { BootTrace } from './boot-trace.ts';
import { isUnheard, phaseIsAtLeast } from './boot-trace.ts';
import { noDiscover } from './diagnose.ts';
import type { Verdict } from './verdict.ts';

/** Why a boot that bootd started did not get anywhere, in the words of the diagnosis. */
export interface BootFailure {
  /** A code of docs/diagnoses.md, or `too-slow`, `power-failed`. */
  readonly code: string;
  /** Begins where the machine's name ends. */
  readonly sentence: string;
  readonly remedy: string;
}

/** How an attempt stands. */
export type AttemptState =
  | { readonly kind: 'wait' }
  /** The machine has what it was to get; `boot` is the trace. */
  | { readonly kind: 'booted'; readonly boot: string; readonly sentence: string }
  | { readonly kind: 'failed'; readonly failure: BootFailure; readonly boot: string | undefined };

/** What an attempt is judged by. Times are milliseconds since 1970. */
export interface AttemptRules {
  readonly poweredAt: number;
  readonly firstRequestMs: number;
  readonly bootMs: number;
  /** Its kernel is not the last that it fetches. */
  readonly hasRamdisk: boolean;
  /** Its ports, for the words. */
  readonly macs: readonly string[];
}

/** A boot of one of the machine's ports, with what is to be said about it. */
export interface HeardBoot {
  readonly trace: BootTrace;
  readonly verdict: Verdict;
}

/** A machine that seems stuck may only be slow; after this long without a change it is not waited for any more. */
const STUCK_MS = 20_000;
/** The clock of the power command and that of the first packet are the same; only the order of events may differ. */
const TOLERANCE_MS = 2000;

/** One start of a machine, from power-on until it is clear what came of it. Asked again and again; it keeps no time itself. */
export class BootAttempt {
  readonly #rules: AttemptRules;
  #stuckSince: number | undefined;

  constructor(rules: AttemptRules) {
    this.#rules = rules;
  }

  /** How it stands, by what has been heard of the machine's ports. */
  judge(heard: readonly HeardBoot[], now: number): AttemptState {
    const { poweredAt, firstRequestMs, bootMs, macs } = this.#rules;
    const elapsedMs = now - poweredAt;
    const all = heard.filter(({ trace }) => this.#belongs(trace));
    const boots = all.filter(({ trace }) => !isUnheard(trace));
    const through = boots.find((boot) => this.#isThrough(boot));
    if (through !== undefined) {
      const { trace, verdict } = through;
      const sentence = verdict.state === 'done' ? verdict.finding.sentence : `has its ${trace.phase}`;
      return { kind: 'booted', boot: trace.id, sentence };
    }
    const seconds = Math.round(elapsedMs / 1000);
    if (boots.length === 0) {
      if (elapsedMs < firstRequestMs) return { kind: 'wait' };
      return failed(all[0]?.trace.id, noDiscover(macs, seconds));
    }
    const stuck = boots.find(({ verdict }) => verdict.state === 'stuck');
    if (stuck !== undefined && boots.every(({ verdict }) => verdict.state === 'stuck')) {
      this.#stuckSince ??= now;
      if (now - this.#stuckSince >= STUCK_MS) return failed(stuck.trace.id, stuck.verdict.finding);
    } else {
      this.#stuckSince = undefined;
    }
    if (elapsedMs < bootMs) return { kind: 'wait' };
    const { trace } = boots.reduce((a, b) => (b.trace.lastAt > a.trace.lastAt ? b : a));
    return failed(trace.id, {
      code: 'too-slow',
      sentence: `is at "${trace.phase}" still, ${seconds} s after power-on`,
      remedy:
        'Look at the trace for what takes so long; raise `power.boot-watch.boot-time` for slow machines.',
    });
  }

  /** What was heard before power-on belongs to the boot before; only one that had come to nothing goes on. */
  #belongs(trace: BootTrace): boolean {
    if (trace.isProbe) return false;
    const { poweredAt } = this.#rules;
    if (trace.startedAt >= poweredAt - TOLERANCE_MS) return true;
    return trace.lastAt >= poweredAt && !phaseIsAtLeast(trace.phase, 'loader');
  }

  #isThrough({ trace, verdict }: HeardBoot): boolean {
    if (verdict.state === 'done') return true;
    return (
      verdict.state === 'under-way' &&
      phaseIsAtLeast(trace.phase, this.#rules.hasRamdisk ? 'ramdisk' : 'kernel')
    );
  }
}

function failed(boot: string | undefined, { code, sentence, remedy }: BootFailure): AttemptState {
  return { kind: 'failed', boot, failure: { code, sentence, remedy } };
}
