/** A position in the configuration file; both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/**
 * A value of the file that has the right shape, together with where it stands. Lists and mappings hold located
 * values in turn, so that every later check can point at the very word it is about.
 */
export interface Located<T> {
  readonly value: LocatedContent<T>;
  readonly place: Place;
  /** Where the key stands that names the value; the value itself in a list. */
  readonly keyPlace: Place;
  /** A scalar as it is written (`0x10`, `007`); a quoted one without its quotes; empty for lists and mappings. */
  readonly source: string;
  /** Where the character `index` of a text stands; the value's own place for everything else. */
  readonly placeWithin: (index: number) => Place;
  /** Something below had the wrong shape and was left out, which has been reported. */
  readonly incomplete: boolean;
}

/** What a located value holds: scalars as they are, lists and mappings of located values. */
export type LocatedContent<T> = T extends readonly (infer Item)[]
  ? readonly Located<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Located<Exclude<T[Key], undefined>> }
    : T;

/** The items of a list that may be absent. */
export function itemsOf<Item>(list: Located<readonly Item[]> | undefined): readonly Located<Item>[] {
  return list?.value ?? [];
}
