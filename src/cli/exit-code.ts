/** What the process ends with; also what scripts and checks rely on. */
export const EXIT_CODE = {
  done: 0,
  /** It was tried, and it did not work. */
  failed: 1,
  /** Wrong arguments or a wrong configuration; nothing was tried. */
  wrongUse: 2,
  /** Done, except for what was listed. */
  losses: 3,
} as const;

export type ExitCode = (typeof EXIT_CODE)[keyof typeof EXIT_CODE];

/** The command cannot be carried out as it was given; the message says what to do instead. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
