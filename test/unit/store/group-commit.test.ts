import { describe, expect, it, vi } from 'vitest';
import { GroupCommit, type GroupCommitLimits } from '../../../src/store/group-commit.ts';
import { StoreError } from '../../../src/store/store.ts';

const LIMITS: GroupCommitLimits = { deadlineMs: 10_000, maxWaiting: 1000 };

/** A disk that does nothing until it is told to, one flush after the other. */
class SlowDisk {
  readonly flushes: (readonly number[])[] = [];
  readonly #pending: { resolve: () => void; reject: (error: StoreError) => void }[] = [];
  running = 0;
  mostAtOnce = 0;

  readonly flush = async (changes: readonly number[]): Promise<void> => {
    this.flushes.push(changes);
    this.running += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running);
    try {
      await new Promise<void>((resolve, reject) => this.#pending.push({ resolve, reject }));
    } finally {
      this.running -= 1;
    }
  };

  async finish(error?: StoreError): Promise<void> {
    await settled(() => this.#pending.length > 0);
    const pending = this.#pending.shift();
    if (error === undefined) pending?.resolve();
    else pending?.reject(error);
  }
}

async function settled(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !condition(); turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(condition()).toBe(true);
}

function outcome(promise: Promise<void>): Promise<string> {
  return promise.then(
    () => 'done',
    (error: unknown) => (error instanceof StoreError ? error.code : 'another error'),
  );
}

describe('GroupCommit', () => {
  it('puts everything of one turn of the event loop into one flush, in order', async () => {
    const disk = new SlowDisk();
    const group = new GroupCommit(disk.flush, LIMITS, () => undefined);
    const commits = [group.commit([1, 2]), group.commit([3]), group.commit([4])];
    await disk.finish();
    await Promise.all(commits);
    expect(disk.flushes).toEqual([[1, 2, 3, 4]]);
  });

  it('collects what comes during a flush for the next one, and runs one at a time', async () => {
    const disk = new SlowDisk();
    const group = new GroupCommit(disk.flush, LIMITS, () => undefined);
    const first = group.commit([1]);
    await settled(() => disk.flushes.length === 1);
    const later = [2, 3, 4].map((change) => group.commit([change]));
    await disk.finish();
    await first;
    await disk.finish();
    await Promise.all(later);
    expect(disk.flushes).toEqual([[1], [2, 3, 4]]);
    expect(disk.mostAtOnce).toBe(1);
  });

  it('flushes at once after a pause, and lets what comes right behind a flush wait for company', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const flushes: (readonly number[])[] = [];
    const flush = (changes: readonly number[]): Promise<void> => {
      flushes.push(changes);
      return Promise.resolve();
    };
    const turns = async (count: number): Promise<void> => {
      for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    };
    try {
      const group = new GroupCommit(flush, LIMITS, () => undefined);
      await group.commit([1]);
      const second = group.commit([2]);
      await turns(3);
      const third = group.commit([3]);
      await turns(3);
      expect(flushes).toEqual([[1]]);
      vi.advanceTimersByTime(2);
      await Promise.all([second, third]);
      expect(flushes).toEqual([[1], [2, 3]]);
      vi.advanceTimersByTime(2);
      await group.commit([4]);
      expect(flushes).toEqual([[1], [2, 3], [4]]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('does not resolve a commit before its flush has ended', async () => {
    const disk = new SlowDisk();
    const group = new GroupCommit(disk.flush, LIMITS, () => undefined);
    let done = false;
    const commit = group.commit([1]).then(() => {
      done = true;
    });
    await settled(() => disk.flushes.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(done).toBe(false);
    await disk.finish();
    await commit;
    expect(done).toBe(true);
  });

  it('rejects exactly those of the failed flush, and goes on with the next', async () => {
    const disk = new SlowDisk();
    const group = new GroupCommit(disk.flush, LIMITS, () => undefined);
    const first = outcome(group.commit([1]));
    await settled(() => disk.flushes.length === 1);
    const second = outcome(group.commit([2]));
    await disk.finish(new StoreError('failing', 'no'));
    await disk.finish();
    expect(await first).toBe('failing');
    expect(await second).toBe('done');
  });

  it('rejects what waits too long, forgets what was not begun, and recovers when the disk does', async () => {
    const disk = new SlowDisk();
    const complaints: string[] = [];
    const group = new GroupCommit(disk.flush, { deadlineMs: 40, maxWaiting: 1000 }, (error) => {
      complaints.push(error.code);
    });
    const inFlight = outcome(group.commit([1]));
    await settled(() => disk.flushes.length === 1);
    const waiting = outcome(group.commit([2]));
    expect(await Promise.all([inFlight, waiting])).toEqual(['slow', 'slow']);
    expect(complaints.length).toBeGreaterThan(0);
    const next = group.commit([3]);
    await disk.finish();
    await disk.finish();
    await next;
    expect(disk.flushes).toEqual([[1], [3]]);
  });

  it('refuses at once what is beyond the limit, and takes more when there is room again', async () => {
    const disk = new SlowDisk();
    const group = new GroupCommit(disk.flush, { deadlineMs: 10_000, maxWaiting: 3 }, () => undefined);
    const first = group.commit([1]);
    await settled(() => disk.flushes.length === 1);
    const waiting = group.commit([2, 3, 4]);
    expect(await outcome(group.commit([5]))).toBe('overloaded');
    await disk.finish();
    await first;
    await settled(() => disk.flushes.length === 2);
    const late = group.commit([6]);
    await disk.finish();
    await disk.finish();
    await Promise.all([waiting, late]);
    expect(disk.flushes.flat()).toEqual([1, 2, 3, 4, 6]);
  });

  it('splits a crowd into several flushes, but never one commit', async () => {
    const disk = new SlowDisk();
    const group = new GroupCommit(disk.flush, { deadlineMs: 10_000, maxWaiting: 100_000 }, () => undefined);
    const commits = [6000, 6000, 12_000].map((size) => group.commit(Array.from({ length: size }, () => 0)));
    for (let count = 0; count < 3; count += 1) await disk.finish();
    await Promise.all(commits);
    expect(disk.flushes.map((changes) => changes.length)).toEqual([6000, 6000, 12_000]);
  });

  it('is idle when nothing waits', async () => {
    const disk = new SlowDisk();
    const group = new GroupCommit(disk.flush, LIMITS, () => undefined);
    await group.idle();
    const commit = group.commit([1]);
    let idle = false;
    const waiting = group.idle().then(() => {
      idle = true;
    });
    await settled(() => disk.flushes.length === 1);
    expect(idle).toBe(false);
    await disk.finish();
    await Promise.all([commit, waiting]);
  });
});
