import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WatchOrder, WatchView } from '../../../src/control/watch-commands.ts';
import { UUID } from '../boot/samples.ts';
import { TestApi } from './api.ts';

const PATH = `/v1/nodes/${UUID}/boot`;
const STARTED = Date.UTC(2026, 0, 1);
const VIEW: WatchView = {
  ...{ node: UUID, state: 'under-way', startedAt: STARTED, endedAt: undefined, attempt: 1, attempts: 3 },
  ...{ boot: 't84xs0', sentence: 'was switched on and has not been heard yet', failures: [] },
};

let api: TestApi;
let orders: WatchOrder[];
let cancelled: string[];
let view: WatchView | undefined;

beforeEach(async () => {
  api = new TestApi();
  [orders, cancelled, view] = [[], [], undefined];
  api.watches = {
    begin(_uuid, order) {
      orders.push(order);
      return (view = VIEW);
    },
    watch: () => view,
    cancel: (uuid) => void cancelled.push(uuid),
  };
  await api.open();
});
afterEach(() => api.close());

describe('POST /v1/nodes/{uuid}/boot', () => {
  it('is an order by the configuration, where it says nothing', async () => {
    expect(await api.call('POST', PATH, {})).toMatchObject({
      status: 202,
      body: { node: UUID, state: 'under-way', boot: 't84xs0', ended_at: null, failures: [] },
    });
    expect(orders).toEqual([{ uefi: undefined, evenIfManaged: false, console: false, patience: {} }]);
  });

  it('may be left out whole', async () => {
    expect((await api.call('POST', PATH)).status).toBe(202);
    expect(orders).toHaveLength(1);
    expect((await api.call('POST', '/v1/reload')).status).toBe(200);
    // Where something has to be said, it is still missed.
    expect((await api.call('POST', '/v1/probes')).body).toMatchObject({
      code: 'invalid-document',
      errors: [{ pointer: '/mac', detail: 'is missing' }],
    });
  });

  it('says how, how often and how long', async () => {
    const body = {
      uefi: true,
      even_if_managed: true,
      console: true,
      attempts: 2,
      first_request: 30,
      boot_time: 90,
    };
    expect((await api.call('POST', PATH, body)).status).toBe(202);
    expect(orders).toEqual([
      {
        ...{ uefi: true, evenIfManaged: true, console: true },
        patience: { attempts: 2, firstRequestMs: 30_000, bootMs: 90_000 },
      },
    ]);
  });

  it.each([
    [{ attempts: 0 }, 400],
    [{ attempts: 21 }, 400],
    [{ boot_time: 1.5 }, 400],
    [{ device: 'disk' }, 400],
    [{ first_request: 90, boot_time: 30 }, 422],
  ])('is refused with %j', async (body, status) => {
    expect((await api.call('POST', PATH, body)).status).toBe(status);
    expect(orders).toEqual([]);
  });
});

describe('what follows', () => {
  it('is asked for and ended', async () => {
    expect(await api.call('GET', PATH)).toMatchObject({ status: 404, body: { code: 'watch-not-found' } });
    const failure = { code: 'no-discover', sentence: 'no DISCOVER', remedy: 'Look.' };
    view = {
      ...VIEW,
      state: 'failed',
      endedAt: STARTED + 1000,
      sentence: 'no DISCOVER',
      failures: [failure],
    };
    expect((await api.call('GET', PATH)).body).toMatchObject({
      ...{ state: 'failed', ended_at: '2026-01-01T00:00:01.000Z', failures: [failure] },
    });
    expect((await api.call('DELETE', PATH)).status).toBe(204);
    expect(cancelled).toEqual([UUID]);
  });
});
