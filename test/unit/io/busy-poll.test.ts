import { describe, expect, it } from 'vitest';
import { BusyPoll } from '../../../src/io/busy-poll.ts';

const ASKING_MS = 0.001;

/** A socket whose clock goes on a little with each question; `answers` says how many datagrams it finds at a time. */
class ScriptedSocket {
  asked = 0;
  peerCount = 1;
  time = 1000;
  answers: (sinceMs: number) => number;
  #start = 0;

  constructor(answers: (sinceMs: number) => number) {
    this.answers = answers;
  }

  now(): number {
    return this.time;
  }

  peers(): number {
    return this.peerCount;
  }

  receive(): number {
    this.asked += 1;
    this.time += ASKING_MS;
    return this.answers(this.time - this.#start);
  }

  /** How often one wake-up asks, and for how long. */
  wake(poll: BusyPoll): { readonly asked: number; readonly ms: number } {
    this.#start = this.time;
    const before = this.asked;
    poll.run();
    return { asked: this.asked - before, ms: this.time - this.#start };
  }
}

/** Wakes up until the poll asks, or pauses. Returns the wake-ups before. */
function wakeUpsUntil(state: 'asking' | 'pausing', socket: ScriptedSocket, poll: BusyPoll): number {
  for (let count = 0; count < 10_000; count++) {
    if (socket.wake(poll).asked > 0 === (state === 'asking')) return count;
  }
  throw new Error(`it is never ${state}`);
}

const silence = (): number => 0;
/** Wake-ups in vain after which it pauses. */
const VAIN = 8;

describe('a busy poll', () => {
  it.each([
    [0, 0.1],
    [1, 0.1],
    [4, 0.025],
    [20, 0.005],
  ])('with %i peers waits %f ms for an answer', (peers, ms) => {
    const socket = new ScriptedSocket(silence);
    socket.peerCount = peers;
    expect(socket.wake(new BusyPoll(socket)).ms).toBeCloseTo(ms, 2);
  });

  it('asks once at least, however many peers there are', () => {
    const socket = new ScriptedSocket(silence);
    socket.peerCount = 100_000;
    expect(socket.wake(new BusyPoll(socket)).asked).toBe(1);
  });

  it('waits anew after each answer', () => {
    const answersAt = [0.08, 0.16, 0.24];
    const socket = new ScriptedSocket((ms) => {
      if (ms < (answersAt[0] ?? Infinity)) return 0;
      answersAt.shift();
      return 1;
    });
    expect(socket.wake(new BusyPoll(socket)).ms).toBeCloseTo(0.34, 2);
  });

  it('lets the event loop have its turn after a millisecond', () => {
    const socket = new ScriptedSocket((ms) => (ms < 5 ? 3 : 0));
    expect(socket.wake(new BusyPoll(socket)).ms).toBeCloseTo(1, 2);
  });

  it('goes on for as long as it pays', () => {
    const socket = new ScriptedSocket((ms) => (ms < 0.05 ? 1 : 0));
    const poll = new BusyPoll(socket);
    for (let count = 0; count < 1000; count++) expect(socket.wake(poll).asked).toBeGreaterThan(0);
  });

  it('pauses when nobody answers in time, and longer each time', () => {
    const socket = new ScriptedSocket(silence);
    const poll = new BusyPoll(socket);
    // A wake-up that ends a pause is the first in vain of the next ones.
    let inVain = 0;
    for (const pause of [64, 128, 256, 512, 1024, 2048, 4096, 4096]) {
      for (; inVain < VAIN; inVain++) expect(socket.wake(poll).asked).toBeGreaterThan(0);
      expect(wakeUpsUntil('asking', socket, poll)).toBe(pause);
      inVain = 1;
    }
  });

  it('pauses when too few answer in time', () => {
    const socket = new ScriptedSocket((ms) => (ms < 0.0055 ? 1 : 0));
    const poll = new BusyPoll(socket);
    const wakeUps = wakeUpsUntil('pausing', socket, poll);
    expect(wakeUps).toBeGreaterThan(VAIN);
    expect(wakeUps).toBeLessThan(100);
  });

  it('begins with a short pause again once it has paid', () => {
    const socket = new ScriptedSocket(silence);
    const poll = new BusyPoll(socket);
    for (let pauses = 0; pauses < 3; pauses++) {
      wakeUpsUntil('pausing', socket, poll);
      wakeUpsUntil('asking', socket, poll);
    }
    socket.answers = (ms) => (ms < 0.05 ? 1 : 0);
    for (let count = 0; count < 100; count++) socket.wake(poll);
    socket.answers = silence;
    wakeUpsUntil('pausing', socket, poll);
    // One wake-up of the pause is over.
    expect(wakeUpsUntil('asking', socket, poll)).toBe(63);
  });
});
