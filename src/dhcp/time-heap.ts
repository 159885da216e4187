/** Something with a time, and its place in a heap. */
export interface Timed {
  /** Milliseconds since 1970; Infinity: never. */
  dueAt: number;
  /** The time by which the heap has it in order: never later than `dueAt`. The heap keeps it. */
  filedAt: number;
  /** -1 while it is in no heap. The heap keeps it. */
  heapIndex: number;
}

/**
 * What comes due, the earliest first. An element is in at most one heap. One whose time was put off stays where it is until it
 * comes first, and only then moves down: a lease is put off with every renewal, and nearly always again before it is looked at.
 */
export class TimeHeap<Element extends Timed> {
  readonly #elements: Element[] = [];

  get size(): number {
    return this.#elements.length;
  }

  /** The element that is due first. */
  earliest(): Element | undefined {
    for (;;) {
      const first = this.#elements[0];
      if (first === undefined || first.filedAt === first.dueAt) return first;
      first.filedAt = first.dueAt;
      this.#sink(first, 0);
    }
  }

  /** Files an element by its `dueAt`, whether or not it is here already. */
  put(element: Element): void {
    const { dueAt, heapIndex } = element;
    if (heapIndex >= 0 && dueAt >= element.filedAt) return;
    element.filedAt = dueAt;
    if (heapIndex >= 0) {
      this.#rise(element, heapIndex);
      return;
    }
    this.#elements.push(element);
    this.#rise(element, this.#elements.length - 1);
  }

  /** Takes an element out, if it is here. */
  remove(element: Element): void {
    const index = element.heapIndex;
    if (index < 0) return;
    element.heapIndex = -1;
    const last = this.#elements.pop();
    if (last === undefined || last === element) return;
    this.#rise(last, index);
    this.#sink(last, last.heapIndex);
  }

  /** Puts the element where it belongs, going up from `index`. */
  #rise(element: Element, index: number): void {
    let at = index;
    while (at > 0) {
      const parentIndex = (at - 1) >> 1;
      const parent = this.#elements[parentIndex];
      if (parent === undefined || parent.filedAt <= element.filedAt) break;
      this.#place(parent, at);
      at = parentIndex;
    }
    this.#place(element, at);
  }

  /** Puts the element where it belongs, going down from `index`. */
  #sink(element: Element, index: number): void {
    let at = index;
    for (;;) {
      const leftIndex = 2 * at + 1;
      const left = this.#elements[leftIndex];
      const right = this.#elements[leftIndex + 1];
      if (left === undefined) break;
      const takeRight = right !== undefined && right.filedAt < left.filedAt;
      const child = takeRight ? right : left;
      if (element.filedAt <= child.filedAt) break;
      this.#place(child, at);
      at = takeRight ? leftIndex + 1 : leftIndex;
    }
    this.#place(element, at);
  }

  #place(element: Element, index: number): void {
    this.#elements[index] = element;
    element.heapIndex = index;
  }
}
