import { describe, expect, it } from 'vitest';
import type { Mac } from '../../../src/addr/mac.ts';
import { TraceTable } from '../../../src/boot/trace-table.ts';
import { MAC, OTHER_MAC } from './samples.ts';

const LIMITS = { established: 4, fleeting: 3, perMachine: 2 };
const NOW = Date.UTC(2026, 0, 1);
const stranger = (number: number): Mac => `02:00:00:00:00:${String(number).padStart(2, '0')}` as Mac;

describe('TraceTable', () => {
  it('lets a flood of strangers push out nothing but itself', () => {
    const table = new TraceTable(LIMITS);
    const known = table.begin(MAC, NOW, { isProbe: false, isEstablished: true });
    for (let number = 0; number < 50; number += 1) {
      table.begin(stranger(number), NOW + number, { isProbe: false, isEstablished: false });
    }
    expect(table.byId(known.id)).toBe(known);
    expect(table.size).toBe(1 + LIMITS.fleeting);
    expect(table.current(stranger(49))).toBeDefined();
    expect(table.current(stranger(1))).toBeUndefined();
  });

  it('keeps a stranger that has come further', () => {
    const table = new TraceTable(LIMITS);
    const trace = table.begin(MAC, NOW, { isProbe: false, isEstablished: false });
    table.establish(trace);
    for (let number = 0; number < 9; number += 1) {
      table.begin(stranger(number), NOW, { isProbe: false, isEstablished: false });
    }
    expect(table.byId(trace.id)).toBe(trace);
  });

  it('keeps the last boots of each machine, and of all', () => {
    const dropped: string[] = [];
    const table = new TraceTable(LIMITS, ({ id }) => dropped.push(id));
    const known = { isProbe: false, isEstablished: true };
    const traces = [1, 2, 3].map((second) => table.begin(MAC, NOW + second * 1000, known));
    expect(table.ofMachine(MAC)).toEqual(traces.slice(1));
    expect(dropped).toEqual([traces[0]!.id]);
    expect(traces.map(({ endedAt }) => endedAt)).toEqual([NOW + 2000, NOW + 3000, undefined]);
    for (let number = 0; number < 3; number += 1) table.begin(stranger(number), NOW + 9000, known);
    expect(table.ofMachine(MAC)).toEqual(traces.slice(2));
    expect(table.size).toBe(LIMITS.established);
  });

  it('gives no id twice, also after a restart', () => {
    const before = new TraceTable(LIMITS);
    const known = { isProbe: false, isEstablished: true };
    const first = before.begin(MAC, NOW, known);
    const second = before.begin(OTHER_MAC, NOW, known);
    const after = new TraceTable(LIMITS);
    after.restore([first, second]);
    const third = after.begin(OTHER_MAC, NOW, known);
    expect(new Set([first.id, second.id, third.id]).size).toBe(3);
    expect(after.current(OTHER_MAC)).toBe(third);
  });
});
