import type { ConfigProblem } from './config-error.ts';
import type { Place } from './located.ts';

/** Collects what is wrong with one file while it is being read. */
export class ProblemList {
  readonly file: string;
  readonly #problems: ConfigProblem[] = [];

  constructor(file: string) {
    this.file = file;
  }

  /** The configuration cannot be used. */
  error(place: Place, message: string): void {
    this.#problems.push({ severity: 'error', file: this.file, ...positionOf(place), message });
  }

  /** Usable, but probably not what was meant. */
  warn(place: Place, message: string): void {
    this.#problems.push({ severity: 'warning', file: this.file, ...positionOf(place), message });
  }

  get hasErrors(): boolean {
    return this.#problems.some((problem) => problem.severity === 'error');
  }

  /** Everything that was reported, in the order of the file. */
  sorted(): readonly ConfigProblem[] {
    return sortProblems(this.#problems, this.file);
  }
}

/** Orders problems by place; those of `firstFile` come before those of other files, which follow by name. */
export function sortProblems(
  problems: readonly ConfigProblem[],
  firstFile: string,
): readonly ConfigProblem[] {
  const fileOrder = (a: string, b: string): number => {
    if (a === b) return 0;
    if (a === firstFile || b === firstFile) return a === firstFile ? -1 : 1;
    return a < b ? -1 : 1;
  };
  return problems.toSorted((a, b) => fileOrder(a.file, b.file) || a.line - b.line || a.column - b.column);
}

function positionOf(place: Place): Place {
  return { line: place.line, column: place.column };
}
