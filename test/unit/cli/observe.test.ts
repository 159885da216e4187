import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeControl } from './fake-control.ts';
import { run } from './run.ts';

let control: FakeControl;
beforeEach(async () => {
  control = await FakeControl.start();
});
afterEach(() => control.stop());

describe('bootd observe report', () => {
  it.each([
    [0, 0],
    [2, 3],
  ])('with %i differences ends with %i', async (differences, code) => {
    control.answersBy(() => ({ body: { differences, report: ['Rehearsal beside 10.0.0.1', 'and so on'] } }));
    const ended = await run(['observe', 'report', '--socket', control.socket]);
    expect(ended).toMatchObject({ code, out: 'Rehearsal beside 10.0.0.1\nand so on' });
    expect(control.calls[0]?.path).toBe('/v1/observations');
  });

  it('prints the whole document for programs', async () => {
    const body = { differences: 0, report: [], findings: [{ aspect: 'secs' }] };
    control.answersBy(() => ({ body }));
    const ended = await run(['observe', 'report', '--json', '--socket', control.socket]);
    expect(JSON.parse(ended.out)).toEqual(body);
  });

  it('says so where bootd answers by itself', async () => {
    control.answersBy(() => ({
      status: 503,
      body: { code: 'service-off', detail: 'only serve --observe compares' },
    }));
    const ended = await run(['observe', 'report', '--socket', control.socket]);
    expect(ended.code).toBe(1);
    expect(ended.err).toContain('only serve --observe compares');
  });
});
