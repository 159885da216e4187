import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ipv4FromNumber, parseIpv4, type Ipv4 } from '../../../src/addr/ipv4.ts';
import { parseMac, type Mac } from '../../../src/addr/mac.ts';
import { createSettableClock } from '../../../src/io/clock.ts';
import { createConflictProbe, type ConflictProbe } from '../../../src/io/conflict-probe.ts';
import type { ProbeAnswer, ProbeWire } from '../../../src/io/probe-wire.ts';

const OWN = parseIpv4('192.168.0.1')!;
const ADDRESS = parseIpv4('192.168.0.140')!;
const OTHER = parseIpv4('192.168.0.141')!;
const RELAYED = parseIpv4('10.9.9.9')!;
const STRANGER = parseMac('52:54:00:00:00:99')!;
const CLIENT = parseMac('0c:c4:7a:0e:2b:6b')!;

/** A wire on which the test answers. */
class FakeWire implements ProbeWire {
  readonly asked: Ipv4[] = [];
  readonly inbox: ProbeAnswer[] = [];
  works = true;
  closed = false;
  looks = 0;

  ask(address: Ipv4): boolean {
    if (this.works) this.asked.push(address);
    return this.works;
  }

  answers(): readonly ProbeAnswer[] {
    this.looks += 1;
    return this.inbox.splice(0);
  }

  answer(address: Ipv4, mac: Mac | undefined = STRANGER): void {
    this.inbox.push({ address, mac });
  }

  close(): void {
    this.closed = true;
  }
}

let arp: FakeWire;
let icmp: FakeWire;
let probe: ConflictProbe;
let answers: ProbeAnswer[];

beforeEach(() => {
  vi.useFakeTimers();
  arp = new FakeWire();
  icmp = new FakeWire();
  answers = [];
  probe = createConflictProbe({
    wires: [arp, icmp],
    wireFor: (address) => (address === RELAYED ? icmp : address < OWN ? undefined : arp),
    isOwn: (address) => address === OWN,
    onAnswer: (answer) => answers.push(answer),
  });
});

afterEach(() => {
  probe.close();
  vi.useRealTimers();
});

/** Follows a check: its finding once there is one, and when. */
function follow(promise: Promise<string>): { finding: string | undefined; afterMs: number | undefined } {
  const startedAt = performance.now();
  const state: { finding: string | undefined; afterMs: number | undefined } = {
    finding: undefined,
    afterMs: undefined,
  };
  void promise.then((finding) => {
    state.finding = finding;
    state.afterMs = performance.now() - startedAt;
  });
  return state;
}

describe('a check', () => {
  it('finds an address free when nobody answered in time, having asked twice', async () => {
    const check = follow(probe.check(ADDRESS, 1000));
    await vi.advanceTimersByTimeAsync(990);
    expect(check.finding).toBeUndefined();
    await vi.advanceTimersByTimeAsync(20);
    expect(check.finding).toBe('free');
    expect(arp.asked).toEqual([ADDRESS, ADDRESS]);
    expect(answers).toEqual([]);
  });

  it('finds an address in use within milliseconds of the answer, and names who answered', async () => {
    const check = follow(probe.check(ADDRESS, 1000));
    await vi.advanceTimersByTimeAsync(100);
    arp.answer(ADDRESS);
    await vi.advanceTimersByTimeAsync(5);
    expect(check.finding).toBe('in-use');
    expect(answers).toEqual([{ address: ADDRESS, mac: STRANGER }]);
  });

  it('hears an answer that lay there while the event loop was blocked beyond the deadline', async () => {
    const clock = createSettableClock(0);
    const blocked = createConflictProbe({ wires: [arp], wireFor: () => arp, isOwn: () => false, clock });
    const check = follow(blocked.check(ADDRESS, 1000));
    arp.answer(ADDRESS);
    clock.advance(5000);
    await vi.advanceTimersByTimeAsync(5);
    expect(check.finding).toBe('in-use');
  });

  it('does not mind an answer for another address, or by the client that is to get it', async () => {
    const check = follow(probe.check(ADDRESS, 1000, CLIENT));
    arp.answer(OTHER);
    arp.answer(ADDRESS, CLIENT);
    await vi.advanceTimersByTimeAsync(1010);
    expect(check.finding).toBe('free');
  });

  it('minds a stranger who answers beside the client', async () => {
    const check = follow(probe.check(ADDRESS, 1000, CLIENT));
    arp.answer(ADDRESS, CLIENT);
    arp.answer(ADDRESS, STRANGER);
    await vi.advanceTimersByTimeAsync(10);
    expect(check.finding).toBe('in-use');
  });

  it('cannot tell an answer by ping from one by the client, and so takes it for a stranger', async () => {
    const check = follow(probe.check(RELAYED, 1000, CLIENT));
    icmp.inbox.push({ address: RELAYED, mac: undefined });
    await vi.advanceTimersByTimeAsync(10);
    expect(check.finding).toBe('in-use');
    expect(arp.asked).toEqual([]);
  });

  it('forgets answers from before anybody asked', async () => {
    arp.answer(ADDRESS);
    const check = follow(probe.check(ADDRESS, 1000));
    await vi.advanceTimersByTimeAsync(1010);
    expect(check.finding).toBe('free');
  });

  it('finds our own address in use at once', async () => {
    expect(await probe.check(OWN, 1000)).toBe('in-use');
    expect(arp.asked).toEqual([]);
  });

  it('does not know about what cannot be asked', async () => {
    expect(await probe.check(parseIpv4('10.0.0.1')!, 1000)).toBe('unknown');
    arp.works = false;
    expect(await probe.check(ADDRESS, 1000)).toBe('unknown');
  });
});

describe('many checks', () => {
  it('run beside each other, each with its own time', async () => {
    const slow = follow(probe.check(ADDRESS, 1000));
    const quick = follow(probe.check(OTHER, 100));
    const relayed = follow(probe.check(RELAYED, 500));
    await vi.advanceTimersByTimeAsync(1500);
    expect([slow.finding, quick.finding, relayed.finding]).toEqual(['free', 'free', 'free']);
    expect(slow.afterMs).toBeGreaterThanOrEqual(1000);
    expect(slow.afterMs).toBeLessThan(1020);
    expect(quick.afterMs).toBeLessThan(120);
    expect(relayed.afterMs).toBeLessThan(520);
  });

  it('of one address are all answered by one answer', async () => {
    const checks = [probe.check(ADDRESS, 1000), probe.check(ADDRESS, 2000)].map(follow);
    arp.answer(ADDRESS);
    await vi.advanceTimersByTimeAsync(10);
    expect(checks.map(({ finding }) => finding)).toEqual(['in-use', 'in-use']);
  });

  it('are bounded', async () => {
    const checks = Array.from({ length: 4096 }, (_, index) =>
      follow(probe.check(ipv4FromNumber(OTHER + index), 1000)),
    );
    expect(await probe.check(ADDRESS, 1000)).toBe('unknown');
    await vi.advanceTimersByTimeAsync(1010);
    expect(checks.every(({ finding }) => finding === 'free')).toBe(true);
    const next = follow(probe.check(ADDRESS, 100));
    await vi.advanceTimersByTimeAsync(110);
    expect(next.finding).toBe('free');
  });

  it('cost nothing while there are none', async () => {
    const check = follow(probe.check(ADDRESS, 100));
    await vi.advanceTimersByTimeAsync(200);
    expect(check.finding).toBe('free');
    const { looks } = arp;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(arp.looks).toBe(looks);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a probe that is closed', () => {
  it('ends its checks, closes its wires and asks nothing more', async () => {
    const check = follow(probe.check(ADDRESS, 1000));
    probe.close();
    await vi.advanceTimersByTimeAsync(0);
    expect(check.finding).toBe('unknown');
    expect([arp.closed, icmp.closed]).toEqual([true, true]);
    expect(await probe.check(ADDRESS, 1000)).toBe('unknown');
    expect(vi.getTimerCount()).toBe(0);
  });
});
