import { beforeEach } from 'vitest';
import { whyNot, type Need } from './tools.ts';

/**
 * Declares what the tests of a file or describe block need. Where that is missing they are skipped with the reason;
 * the answer says whether hooks that build a lab should do so.
 */
export function needs(...all: readonly Need[]): boolean {
  const reason = whyNot(all);
  beforeEach((context) => context.skip(reason !== undefined, reason));
  return reason === undefined;
}
