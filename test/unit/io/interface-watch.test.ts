import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseIpv4 } from '../../../src/addr/ipv4.ts';
import { parseSubnet } from '../../../src/addr/subnet.ts';
import { compareInterface, watchInterfaces, type InterfaceChange } from '../../../src/io/interface-watch.ts';
import type { NetworkInterface } from '../../../src/io/network-interfaces.ts';

const BASE: NetworkInterface = {
  name: 'br-prov',
  index: 7,
  mac: undefined,
  addresses: [{ address: parseIpv4('192.168.0.1')!, subnet: parseSubnet('192.168.0.0/24')! }],
  mtu: 1500,
  link: 'up',
  loopback: false,
  ethernet: true,
};

describe('compareInterface', () => {
  it.each([
    { name: 'nothing there', before: undefined, after: undefined, kind: undefined },
    { name: 'nothing new', before: BASE, after: structuredClone(BASE), kind: undefined },
    { name: 'a new one', before: undefined, after: BASE, kind: 'appeared' },
    { name: 'one that went', before: BASE, after: undefined, kind: 'gone' },
    { name: 'another of the same name', before: BASE, after: { ...BASE, index: 8 }, kind: 'replaced' },
    { name: 'a lost cable', before: BASE, after: { ...BASE, link: 'no-carrier' }, kind: 'changed' },
    { name: 'a lost address', before: BASE, after: { ...BASE, addresses: [] }, kind: 'changed' },
    { name: 'another MTU', before: BASE, after: { ...BASE, mtu: 9000 }, kind: 'changed' },
  ] as const)('sees $name', ({ before, after, kind }) => {
    expect(compareInterface(before, after)?.kind).toBe(kind);
  });
});

describe('watchInterfaces', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('takes what was seen last to be still so while the kernel cannot be asked', () => {
    let read = (): NetworkInterface => BASE;
    const changes: InterfaceChange[] = [];
    const watch = watchInterfaces(['br-prov'], (change) => changes.push(change), {
      intervalMs: 100,
      read: () => read(),
    });
    read = () => {
      throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    };
    vi.advanceTimersByTime(1000);
    expect(watch.current('br-prov')).toBe(BASE);
    read = () => ({ ...BASE, mtu: 9000 });
    vi.advanceTimersByTime(100);
    expect(changes.map(({ kind }) => kind)).toEqual(['changed']);
  });

  it('reports each change once, of each interface, and nothing of the first look', () => {
    const there = new Map<string, NetworkInterface>([['br-prov', BASE]]);
    const changes: InterfaceChange[] = [];
    const watch = watchInterfaces(['br-prov', 'eth9'], (change) => changes.push(change), {
      intervalMs: 100,
      read: (name) => there.get(name),
    });
    expect(watch.current('br-prov')).toBe(BASE);
    expect(watch.current('eth9')).toBeUndefined();
    vi.advanceTimersByTime(1000);
    expect(changes).toEqual([]);

    const late = { ...BASE, name: 'eth9', index: 9 };
    there.set('eth9', late);
    there.delete('br-prov');
    vi.advanceTimersByTime(1000);
    expect(changes).toEqual([
      { kind: 'gone', before: BASE },
      { kind: 'appeared', after: late },
    ]);
    expect(watch.current('eth9')).toBe(late);

    changes.length = 0;
    const back = { ...BASE, index: 12 };
    there.set('br-prov', back);
    vi.advanceTimersByTime(100);
    watch.stop();
    there.set('br-prov', { ...back, mtu: 9000 });
    vi.advanceTimersByTime(1000);
    expect(changes).toEqual([{ kind: 'appeared', after: back }]);
  });
});
