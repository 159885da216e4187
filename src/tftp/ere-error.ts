/** What can be wrong with a pattern, in the words of glibc's regerror(3) (C locale), as in.tftpd logs them. */
export const ERE_ERRORS = {
  badPattern: 'Invalid regular expression',
  badCollatingElement: 'Invalid collation character',
  badClass: 'Invalid character class name',
  trailingBackslash: 'Trailing backslash',
  badBackReference: 'Invalid back reference',
  unmatchedBracket: 'Unmatched [, [^, [:, [., or [=',
  unmatchedParenthesis: 'Unmatched ( or \\(',
  unmatchedBrace: 'Unmatched \\{',
  badInterval: 'Invalid content of \\{\\}',
  badRange: 'Invalid range end',
  nothingToRepeat: 'Invalid preceding regular expression',
  /** Also for what glibc would take, at the price of gigabytes or minutes: see `EreLimits`. */
  tooBig: 'Regular expression too big',
} as const;

/** A pattern that does not compile; `message` is one of `ERE_ERRORS`. */
export class EreError extends Error {
  override readonly name = 'EreError';

  constructor(kind: keyof typeof ERE_ERRORS) {
    super(ERE_ERRORS[kind]);
  }
}
