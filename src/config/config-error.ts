/** One thing wrong with a file that an admin wrote. Lines and columns count from 1. */
export interface ConfigProblem {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** The form that editors and people understand: `file:line:column: message`. */
export function formatConfigProblem(problem: ConfigProblem): string {
  const severity = problem.severity === 'warning' ? 'warning: ' : '';
  return `${problem.file}:${problem.line}:${problem.column}: ${severity}${problem.message}`;
}

/** The configuration cannot be used; holds every problem that was found, not only the first. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatConfigProblem).join('\n'));
    this.problems = problems;
  }
}
