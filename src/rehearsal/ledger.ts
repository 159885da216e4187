import { gravest, type Finding, type Question, type Verdict } from './finding.ts';

/** A finding of one machine, and how often it came. */
export interface LedgerEntry {
  readonly machine: string;
  readonly wireName: string;
  /** As it was seen first, but for `questions`. */
  readonly finding: Finding;
  /** In which of its requests it came, in the order in which they were first seen. */
  readonly questions: readonly Question[];
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** What has been compared so far. */
export interface LedgerTotals {
  readonly machines: number;
  /** Answers, or silences, that were held against bootd's. */
  readonly compared: number;
  /** The same by the gravest that was found in each; `alike`: nothing. */
  readonly results: Readonly<Record<Verdict | 'alike', number>>;
  /** Findings that had no room in the ledger. */
  readonly unlisted: number;
}

type MutableEntry = { -readonly [Key in keyof LedgerEntry]: LedgerEntry[Key] };

const ENTRIES_MAX = 10_000;

const MACHINES_MAX = 100_000;

/** Findings by machine and kind, each once. Bounded: what has no room is counted. */
export class Ledger {
  readonly #entries = new Map<string, MutableEntry>();
  readonly #machines = new Set<string>();
  readonly #results = { alike: 0, differs: 0, 'by-design': 0, unknowable: 0 };
  #unlisted = 0;

  /** Enters one comparison; returns the entries that are new. */
  enter(
    { machine, wireName, findings }: { machine: string; wireName: string; findings: readonly Finding[] },
    now: number,
  ): readonly LedgerEntry[] {
    if (this.#machines.size < MACHINES_MAX) this.#machines.add(machine);
    this.#results[gravest(findings) ?? 'alike'] += 1;
    return findings.flatMap((finding) => {
      const key = keyOf(machine, finding);
      const present = this.#entries.get(key);
      if (present !== undefined) {
        present.count += 1;
        present.lastAt = now;
        if (!present.questions.includes(finding.question)) {
          present.questions = [...present.questions, finding.question];
        }
        return [];
      }
      if (this.#entries.size >= ENTRIES_MAX) {
        this.#unlisted += 1;
        return [];
      }
      const questions = [finding.question];
      const entry = { machine, wireName, finding, questions, count: 1, firstAt: now, lastAt: now };
      this.#entries.set(key, entry);
      return [entry];
    });
  }

  /** In the order in which they were first seen. */
  get entries(): readonly LedgerEntry[] {
    return [...this.#entries.values()];
  }

  get totals(): LedgerTotals {
    return {
      machines: this.#machines.size,
      compared: Object.values(this.#results).reduce((sum, count) => sum + count, 0),
      results: { ...this.#results },
      unlisted: this.#unlisted,
    };
  }
}

/** What is explained is one kind whatever its values: a lease's remaining time is another one each time. */
function keyOf(machine: string, { verdict, explanation, aspect, theirs, ours }: Finding): string {
  const kind = explanation ?? `${theirs}\n${ours}`;
  return [machine, verdict, aspect, kind].join('\n');
}
