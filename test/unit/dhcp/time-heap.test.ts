import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimeHeap, type Timed } from '../../../src/dhcp/time-heap.ts';

function elementAt(dueAt: number): Timed {
  return { dueAt, filedAt: Infinity, heapIndex: -1 };
}

const time = fc.integer({ min: 0, max: 40 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), dueAt: time }),
  // Put off, brought forward, or filed again as it was.
  fc.record({ kind: fc.constant('move' as const), which: fc.nat(), dueAt: time }),
  fc.record({ kind: fc.constant('remove' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('shift' as const), by: fc.integer({ min: -20, max: 20 }) }),
  fc.record({ kind: fc.constant('take' as const) }),
);

describe('TimeHeap', () => {
  it('always has the earliest first, whatever is added, moved, shifted and taken out', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const heap = new TimeHeap<Timed>();
        const present: Timed[] = [];
        const drop = (element: Timed): void => {
          heap.remove(element);
          expect(element.heapIndex).toBe(-1);
          present.splice(present.indexOf(element), 1);
        };
        for (const each of steps) {
          const chosen = 'which' in each ? present[each.which % present.length] : undefined;
          if (each.kind === 'add') {
            const element = elementAt(each.dueAt);
            heap.put(element);
            present.push(element);
          } else if (each.kind === 'move' && chosen !== undefined) {
            chosen.dueAt = each.dueAt;
            heap.put(chosen);
          } else if (each.kind === 'remove' && chosen !== undefined) {
            drop(chosen);
          } else if (each.kind === 'shift') {
            for (const element of present) {
              element.dueAt += each.by;
              element.filedAt += each.by;
            }
          } else if (each.kind === 'take') {
            const first = heap.earliest();
            if (first !== undefined) drop(first);
          }
          expect(heap.size).toBe(present.length);
          expect(heap.earliest()?.dueAt ?? Infinity).toBe(Math.min(...present.map(({ dueAt }) => dueAt)));
        }
      }),
    );
  });

  it('does not move an element that was put off before it comes first', () => {
    const heap = new TimeHeap<Timed>();
    const elements = [1, 2, 3].map(elementAt);
    for (const element of elements) heap.put(element);
    elements[2]!.dueAt = 30;
    heap.put(elements[2]!);
    expect(elements[2]).toEqual({ dueAt: 30, filedAt: 3, heapIndex: 2 });
  });

  it('has nothing to do for an element that is not in it', () => {
    const heap = new TimeHeap<Timed>();
    heap.put(elementAt(1));
    heap.remove(elementAt(0));
    expect(heap.size).toBe(1);
  });
});
