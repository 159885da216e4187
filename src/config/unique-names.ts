import type { Located, Place } from './located.ts';
import type { ProblemList } from './problem-list.ts';

/** Remembers where a name was given; a second time is reported. `what` is what bears the name. */
export function noteName(
  names: Map<string, Place>,
  name: Located<string>,
  what: string,
  problems: ProblemList,
): void {
  const first = names.get(name.value);
  if (first === undefined) names.set(name.value, name.place);
  else problems.error(name.place, `a ${what} '${name.value}' is already in line ${first.line}`);
}
