/**
 * How much work matching may still do, in visits of nodes. One budget can serve many matches, so that a request costs
 * a bounded time whatever the map-file and the name are.
 */
export class EreBudget {
  #remaining: number;

  constructor(steps: number) {
    this.#remaining = steps;
  }

  get remaining(): number {
    return this.#remaining;
  }

  /** Takes some steps; false when there are not so many left. */
  spend(steps: number): boolean {
    this.#remaining -= steps;
    return this.#remaining >= 0;
  }
}
