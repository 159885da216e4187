import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeControl, type FakeReply } from './fake-control.ts';
import { run, type Run } from './run.ts';

const UUID = '1be26c0b-03f2-4d2e-ae87-c02d7f33c123';
const PATH = `/v1/nodes/${UUID}/boot`;
const WATCH = {
  ...{ node: UUID, state: 'under-way', attempt: 1, attempts: 2, boot: 't84xs0', failures: [] },
  sentence: 'was switched on and has not been heard yet',
};
const FAILURE = { code: 'no-discover', sentence: 'no DISCOVER from any port', remedy: 'Look at the cable.' };
const STARTED = '2026-01-01T00:00:00.000Z';

let control: FakeControl;
beforeAll(async () => {
  control = await FakeControl.start();
});
afterAll(() => control.stop());

/** Answers with one state of the watch after the other, and with a stream of events. */
function play(views: readonly object[], events: readonly object[] = []): void {
  let next = 0;
  control.answersBy(({ method, path }): FakeReply | undefined => {
    if (path === '/v1/events?types=boot') {
      return {
        stream: (send) => {
          for (const event of events) send(`event: boot\ndata: ${JSON.stringify(event)}\n\n`);
        },
      };
    }
    if (method === 'POST' && path === PATH) return { status: 202, body: views[0] };
    if (method === 'GET' && path === PATH) return { body: views[Math.min((next += 1), views.length - 1)] };
    if (path === '/v1/boots/t84xs0') return { body: { console: ['Memory test', 'PXE-E61: no cable\u001b'] } };
    if (path === '/v1/nodes') return { body: { nodes: [{ uuid: UUID, name: 'bm1', ports: [] }] } };
    return method === 'DELETE' && path === PATH ? { status: 204 } : undefined;
  });
}

// With a terminal of its own the run is not interrupted at once.
const boot = (...words: string[]): Promise<Run> =>
  run(['boot', ...words, '--socket', control.socket], {}, { decorated: false });

describe('bootd boot start', () => {
  it('tells each step of the machine, and ends with 0 when it has booted', async () => {
    const base = {
      node: UUID,
      mac: '52:54:00:00:00:01',
      id: 't84xs0',
      started_at: STARTED,
      state: 'under-way',
    };
    const step = { kind: 'power', at: STARTED, count: 1, action: 'cycle', attempt: 1, attempts: 2 };
    const stranger = { ...base, node: null, mac: '52:54:00:00:00:02' };
    play(
      [WATCH, WATCH, { ...WATCH, state: 'booted', sentence: 'has its ramdisk' }],
      [
        { ...base, step },
        { ...stranger, step },
      ],
    );
    const { code, out, err } = await boot(
      'start',
      'bm1',
      '--attempts',
      '2',
      '--boot-time',
      '60',
      '--no-uefi',
    );
    expect({ code, err, lines: out.split('\n') }).toEqual({
      code: 0,
      err: '',
      lines: [
        '52:54:00:00:00:01      0.000 s  bmc   switched off and on again, start 1 of 2',
        'BOOTED: has its ramdisk',
      ],
    });
    expect(control.calls.find(({ method }) => method === 'POST')?.body).toEqual({
      ...{ uefi: false, attempts: 2, boot_time: 60 },
    });
  });

  it('ends with 1, the diagnosis, the remedy and the last words of the machine when it has not', async () => {
    play([
      WATCH,
      { ...WATCH, attempt: 2, failures: [FAILURE] },
      { ...WATCH, state: 'failed', attempt: 2, sentence: FAILURE.sentence, failures: [FAILURE, FAILURE] },
    ]);
    const { code, out } = await boot('start', UUID, '--console');
    expect({ code, lines: out.split('\n') }).toEqual({
      code: 1,
      lines: [
        'start 1 of 2 failed: no DISCOVER from any port; it is started again',
        'FAILED after 2 starts: no DISCOVER from any port',
        'remedy: Look at the cable.',
        'the last lines of its console:',
        '  | Memory test',
        '  | PXE-E61: no cable\\x1b',
        '`bootd boot show t84xs0` shows all of it',
      ],
    });
  });

  it('is JSON at its end, for programs', async () => {
    const end = { ...WATCH, state: 'failed', failures: [FAILURE] };
    play([WATCH, end]);
    const { code, out } = await boot('start', UUID, '--json');
    expect({ code, document: JSON.parse(out) as unknown }).toEqual({ code: 1, document: end });
    expect(control.calls.some(({ path }) => path.startsWith('/v1/events'))).toBe(false);
  });

  it('can be left alone, watched later, and ended', async () => {
    play([WATCH, { ...WATCH, state: 'cancelled', sentence: 'is no longer watched' }]);
    expect(await boot('start', 'bm1', '--no-wait')).toMatchObject({
      code: 0,
      out: 'begun; `bootd boot watch bm1` follows it, `bootd boot cancel bm1` ends the watching',
    });
    expect(await boot('watch', 'bm1')).toMatchObject({ code: 1, out: 'CANCELLED: is no longer watched' });
    expect(await boot('cancel', 'bm1')).toMatchObject({ code: 0 });
    expect(control.calls.at(-1)).toMatchObject({ method: 'DELETE', path: PATH });
  });

  it('goes on when it is interrupted, and says so', async () => {
    play([WATCH]);
    const { code, err } = await run(['boot', 'start', 'bm1', '--socket', control.socket]);
    expect(code).toBe(1);
    expect(err).toMatch(/^The boot goes on; `bootd boot watch bm1` follows it/);
  });

  it('says why it is not begun, and what cannot be', async () => {
    control.answers({
      [`POST ${PATH}`]: { status: 409, body: { code: 'managed-elsewhere', detail: 'ironic manages it' } },
      [`GET ${PATH}`]: { status: 404, body: { code: 'watch-not-found', detail: 'not since it started' } },
    });
    expect(await boot('start', UUID, '--json')).toMatchObject({
      ...{ code: 1, err: 'bootd: ironic manages it (managed-elsewhere)' },
    });
    expect(await boot('watch', UUID, '--json')).toMatchObject({ code: 1 });
    expect(await boot('start', UUID, '--attempts', '0')).toMatchObject({ code: 2 });
  });
});
