import { openSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BootFileOutcome } from '../../../src/io/boot-root.ts';
import { BootFileOpener } from '../../../src/services/boot-file-opener.ts';

/** Files whose opening the test lets end. */
class SlowRoot {
  readonly asked: string[] = [];
  readonly #waiting: ((outcome: BootFileOutcome) => void)[] = [];

  open(name: string): Promise<BootFileOutcome> {
    this.asked.push(name);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async deliver(): Promise<void> {
    const fd = openSync('/dev/null', 'r');
    this.#waiting.shift()?.({ kind: 'file', fd, size: 0, identity: 'x', modifiedAt: 0 });
    await Promise.resolve();
    await Promise.resolve();
  }
}

let root: SlowRoot;
let opener: BootFileOpener;

beforeEach(() => {
  vi.useFakeTimers();
  root = new SlowRoot();
  opener = new BootFileOpener(root);
});

afterEach(() => {
  vi.useRealTimers();
});

async function drop(opening: ReturnType<BootFileOpener['open']>): Promise<void> {
  const opened = await opening;
  if (opened.kind === 'file') opened.drop();
}

describe('BootFileOpener', () => {
  it('opens a file once for all who ask while it is being opened', async () => {
    const openings = [opener.open('loader'), opener.open('loader')];
    await root.deliver();
    expect(root.asked).toEqual(['loader']);
    await Promise.all(openings.map(drop));
  });

  it('opens it once more for all who ask in the milliseconds behind that, when these are over', async () => {
    const first = opener.open('loader');
    await root.deliver();
    await drop(first);
    const later = [opener.open('loader'), opener.open('loader')];
    expect(root.asked).toEqual(['loader']);
    vi.advanceTimersByTime(5);
    expect(root.asked).toEqual(['loader', 'loader']);
    await root.deliver();
    await Promise.all(later.map(drop));
  });

  it('lets nobody wait for a file that was opened a while ago, or for the sake of another file', async () => {
    const first = opener.open('loader');
    await root.deliver();
    await drop(first);
    const other = opener.open('kernel');
    expect(root.asked).toEqual(['loader', 'kernel']);
    await root.deliver();
    await drop(other);
    vi.advanceTimersByTime(5);
    const again = opener.open('loader');
    expect(root.asked).toEqual(['loader', 'kernel', 'loader']);
    await root.deliver();
    await drop(again);
  });

  it('opens two files at a time, and the next one when one of them is there', async () => {
    const openings = ['a', 'b', 'c'].map((name) => opener.open(name));
    expect(root.asked).toEqual(['a', 'b']);
    await root.deliver();
    expect(root.asked).toEqual(['a', 'b', 'c']);
    await root.deliver();
    await root.deliver();
    await Promise.all(openings.map(drop));
  });
});
