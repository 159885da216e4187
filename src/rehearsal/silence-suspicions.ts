import { LATE_WITHIN_MS } from './exchange-table.ts';
import { EXPLANATIONS, type Finding, type Question } from './finding.ts';

/** A request that nobody answered although bootd would have. */
interface Silence {
  readonly kind: 'compared';
  readonly machine: string;
  readonly question: Question;
  readonly wireName: string;
  readonly findings: readonly Finding[];
}

const SUSPICIONS_MAX = 4096;

/**
 * Silence proves nothing for a while: dhcpd says nothing when its ping finds somebody on the address, and offers another one to the next
 * try; a server that is busy answers late. So a silence waits for the answer that may still come.
 */
export class SilenceSuspicions {
  readonly #waiting = new Map<string, { readonly silence: Silence; readonly dueAt: number }>();

  /** A machine was not answered. What comes out has no room to wait. */
  suspect(silence: Silence, now: number): readonly Silence[] {
    const key = keyOf(silence.machine, silence.question);
    if (this.#waiting.has(key)) return [];
    if (this.#waiting.size >= SUSPICIONS_MAX) return [silence];
    this.#waiting.set(key, { silence, dueAt: now + LATE_WITHIN_MS });
    return [];
  }

  /** The machine was answered after all: its first try cannot be judged. */
  answered(machine: string, question: Question): readonly Silence[] {
    const key = keyOf(machine, question);
    const silence = this.#waiting.get(key)?.silence;
    if (silence === undefined) return [];
    this.#waiting.delete(key);
    const explanation = 'answered-late';
    const verdict = EXPLANATIONS[explanation];
    return [{ ...silence, findings: silence.findings.map((each) => ({ ...each, verdict, explanation })) }];
  }

  /** Those that no answer followed in time. */
  takeConfirmed(now: number): readonly Silence[] {
    const confirmed: Silence[] = [];
    for (const [key, { silence, dueAt }] of this.#waiting) {
      if (dueAt > now) break;
      this.#waiting.delete(key);
      confirmed.push(silence);
    }
    return confirmed;
  }
}

function keyOf(machine: string, question: Question): string {
  return `${question} ${machine}`;
}
