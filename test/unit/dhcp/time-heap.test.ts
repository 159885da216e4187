import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimeHeap, type Timed } from '../../../src/dhcp/time-heap.ts';

describe('TimeHeap', () => {
  it('gives the earliest of what is in it, whatever was added and removed', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 50 })), {
      minLength: 50,
      maxLength: 200,
    });
    fc.assert(
      fc.property(steps, (list) => {
        const heap = new TimeHeap<Timed>();
        const present: Timed[] = [];
        for (const [kind, number] of list) {
          if (kind > 0 || present.length === 0) {
            const element = { dueAt: number, heapIndex: -1 };
            present.push(element);
            heap.add(element);
          } else {
            const [gone] = present.splice(number % present.length, 1);
            heap.remove(gone!);
            expect(gone!.heapIndex).toBe(-1);
          }
          const earliest = present.length === 0 ? undefined : Math.min(...present.map(({ dueAt }) => dueAt));
          expect(heap.earliest()?.dueAt).toBe(earliest);
          expect(heap.size).toBe(present.length);
        }
      }),
    );
  });

  it('does not mind removing what is not in it', () => {
    const heap = new TimeHeap<Timed>();
    heap.add({ dueAt: 1, heapIndex: -1 });
    heap.remove({ dueAt: 0, heapIndex: -1 });
    expect(heap.size).toBe(1);
  });
});
