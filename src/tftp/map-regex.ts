import { EreBacktracker } from './ere-backtracker.ts';
import type { EreBudget } from './ere-budget.ts';
import { buildEreProgram } from './ere-builder.ts';
import { EreMatcher, type EreOutcome } from './ere-matcher.ts';
import { parseEre } from './ere-parser.ts';
import { EreSubject } from './ere-subject.ts';

/** A compiled regular expression of a map-file. */
export interface MapRegex {
  /**
   * The leftmost-longest match in a Latin-1 string, with up to nine groups, as regexec(3) reports it. Never works
   * longer than the budget allows.
   */
  match(text: string, budget: EreBudget): EreOutcome;
}

/**
 * Compiles a POSIX extended regular expression over bytes, each a code unit of the strings, exactly as glibc does in
 * the C locale: in.tftpd's `regcomp(REG_EXTENDED)`, with REG_ICASE when case is to be ignored. JavaScript's own
 * expressions differ in nearly everything (leftmost-first, lazy quantifiers, classes, what may be escaped), and can be
 * made to run for ever. Throws `EreError` with the text of regerror(3).
 */
export function compileMapRegex(pattern: string, ignoreCase: boolean): MapRegex {
  const program = buildEreProgram(parseEre(pattern, ignoreCase));
  const matcher = program.hasBackReferences ? new EreBacktracker(program) : new EreMatcher(program);
  return { match: (text, budget) => matcher.match(new EreSubject(text, ignoreCase), budget) };
}
