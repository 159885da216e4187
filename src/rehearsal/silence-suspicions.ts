import { EXPLANATIONS, type Finding, type Question } from './finding.ts';

/** A request that nobody answered although bootd would have. */
interface Silence {
  readonly kind: 'compared';
  readonly machine: string;
  readonly question: Question;
  readonly wireName: string;
  readonly findings: readonly Finding[];
}

/** Boot ROMs ask again within this time (PXE 2.1: 4, 8, 16 and 32 seconds). */
const SECOND_TRY_WITHIN_MS = 40_000;

const SUSPICIONS_MAX = 4096;

/**
 * One silence proves nothing: dhcpd says nothing when its ping finds somebody on the address, and offers another one to the next
 * try. So a first silence waits for the second.
 */
export class SilenceSuspicions {
  readonly #waiting = new Map<string, { readonly silence: Silence; readonly dueAt: number }>();

  /** A machine was not answered; for the second time, that is what comes out. */
  suspect(silence: Silence, now: number): readonly Silence[] {
    const key = keyOf(silence.machine, silence.question);
    if (this.#waiting.delete(key) || this.#waiting.size >= SUSPICIONS_MAX) return [silence];
    this.#waiting.set(key, { silence, dueAt: now + SECOND_TRY_WITHIN_MS });
    return [];
  }

  /** The machine was answered now: its first try cannot be judged. */
  answered(machine: string, question: Question): readonly Silence[] {
    const key = keyOf(machine, question);
    const silence = this.#waiting.get(key)?.silence;
    if (silence === undefined) return [];
    this.#waiting.delete(key);
    const explanation = 'answered-when-repeated';
    const verdict = EXPLANATIONS[explanation];
    return [{ ...silence, findings: silence.findings.map((each) => ({ ...each, verdict, explanation })) }];
  }

  /** Those that had no second try in time. */
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
