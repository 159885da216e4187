/** What stands for every value that there was no more room for. */
export const OTHER_LABEL = 'other';

/** Things whose label is remembered, since finding it costs more than a look. */
const REMEMBERED_MAX = 2000;

/**
 * Values of a metric's label for things that are not ours to bound, such as file names: each of the first so many values
 * stands for itself, all later ones share one. A value once chosen stays.
 */
export class BoundedLabels {
  readonly #max: number;
  readonly #describe: (thing: string) => string;
  readonly #known = new Set<string>();
  readonly #remembered = new Map<string, string>();

  constructor(max: number, describe: (thing: string) => string) {
    this.#max = max;
    this.#describe = describe;
  }

  /** What `describe` makes of it, or `other`. */
  choose(thing: string): string {
    const remembered = this.#remembered.get(thing);
    if (remembered !== undefined) return remembered;
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
    const label = this.#bounded(this.#describe(thing));
    this.#remembered.set(thing, label);
    return label;
  }

  #bounded(value: string): string {
    if (this.#known.has(value)) return value;
    if (this.#known.size >= this.#max) return OTHER_LABEL;
    this.#known.add(value);
    return value;
  }
}
