/** Something with a time, and its place in a heap, which the heap keeps for it. */
export interface Timed {
  /** Milliseconds since 1970; Infinity: never. */
  dueAt: number;
  /** -1 while it is in no heap. */
  heapIndex: number;
}

/**
 * What comes due, the earliest first. Adding, removing and moving take the logarithm of the size; looking at the earliest
 * takes nothing. An element is in at most one heap.
 */
export class TimeHeap<Element extends Timed> {
  readonly #elements: Element[] = [];

  get size(): number {
    return this.#elements.length;
  }

  earliest(): Element | undefined {
    return this.#elements[0];
  }

  add(element: Element): void {
    this.#elements.push(element);
    this.#rise(element, this.#elements.length - 1);
  }

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
      if (parent === undefined || parent.dueAt <= element.dueAt) break;
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
      const takeRight = right !== undefined && right.dueAt < left.dueAt;
      const child = takeRight ? right : left;
      if (element.dueAt <= child.dueAt) break;
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
