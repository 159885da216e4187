/** What stands for every value that there was no more room for. */
export const OTHER_LABEL = 'other';

/**
 * Values of a metric's label out of a set that is not ours to bound, such as file names: each of the first so many stands
 * for itself, all later ones share one. A value once chosen stays.
 */
export class BoundedLabels {
  readonly #max: number;
  readonly #known = new Set<string>();

  constructor(max: number) {
    this.#max = max;
  }

  /** The value itself, or `other`. */
  choose(value: string): string {
    if (this.#known.has(value)) return value;
    if (this.#known.size >= this.#max) return OTHER_LABEL;
    this.#known.add(value);
    return value;
  }
}
