import { describe, expect, it } from 'vitest';
import { MOST_PROBES, ProbeRegister, type PlayedMachine } from '../../../src/boot/probe-register.ts';
import { MAC, OTHER_MAC } from './samples.ts';

function probe(changes: Partial<PlayedMachine> = {}): PlayedMachine {
  return { id: 'a', mac: MAC, address: undefined, beganAt: 1000, endsAt: 11_000, ...changes };
}

describe('ProbeRegister', () => {
  it.each([
    ['before it began', 999, undefined],
    ['when it began', 1000, 'a'],
    ['at its last moment', 10_999, 'a'],
    ['when it has expired', 11_000, undefined],
  ])('knows %s whether the machine is played', (_, at, id) => {
    const register = new ProbeRegister();
    register.announce(probe());
    expect(register.probeAt(MAC, at)?.id).toBe(id);
    expect(register.probeAt(OTHER_MAC, at)).toBeUndefined();
  });

  it('still knows after the end what was played before it, for a minute', () => {
    const register = new ProbeRegister();
    register.announce(probe());
    register.end('a', 5000);
    expect(register.underWay(5000)).toEqual([]);
    expect(register.probeAt(MAC, 4999)?.id).toBe('a');
    expect(register.probeAt(MAC, 5000)).toBeUndefined();
    register.underWay(65_001);
    expect(register.probeAt(MAC, 4999)).toBeUndefined();
  });

  it('ends only the probe that is named, and none twice', () => {
    const register = new ProbeRegister();
    register.announce(probe());
    register.announce(probe({ id: 'b' }));
    register.end('a', 2000);
    register.end('a', 9000);
    register.end('nothing', 9000);
    expect(register.underWay(9000).map(({ id }) => id)).toEqual(['b']);
    expect(register.probeAt(MAC, 3000)?.id).toBe('b');
  });

  it('has a bound, and room again when some are over', () => {
    const register = new ProbeRegister();
    for (let at = 0; at < MOST_PROBES; at += 1) {
      expect(register.announce(probe({ id: String(at) }))).toBe(true);
    }
    expect(register.announce(probe({ id: 'one more' }))).toBe(false);
    expect(register.announce(probe({ id: 'later', beganAt: 20_000, endsAt: 30_000 }))).toBe(true);
  });
});
