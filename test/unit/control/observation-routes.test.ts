import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pino } from 'pino';
import { createControlServer, type ControlServer } from '../../../src/control/http-server.ts';
import { find } from '../../../src/rehearsal/finding.ts';
import { Ledger } from '../../../src/rehearsal/ledger.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { ipv4 } from '../boot/samples.ts';
import { TestApi } from './api.ts';

const ledger = new Ledger();
let server: ControlServer;

beforeEach(async () => {
  server = await createControlServer(
    {
      observations: {
        report: () => ({
          ...ledger.totals,
          startedAt: 0,
          servers: [ipv4('10.0.0.1')],
          otherServers: [],
          unpaired: 0,
          framesLost: 0,
          problems: [],
          entries: ledger.entries,
        }),
      },
      health: { checks: () => [] },
      metrics: createMetrics('services'),
      logger: pino({ level: 'silent' }),
      version: '0.0.0',
    },
    { kind: 'full' },
  );
});
afterEach(() => server.close());

describe('/v1/observations', () => {
  it('tells each finding with its sentence, and the report for people', async () => {
    const findings = [
      find('discover', 'siaddr (next-server)', '10.0.0.1', '10.0.0.2'),
      find('discover', 'option 58 (dhcp-renewal-time)', 'none', '300', 'renewal-times'),
    ];
    ledger.enter({ machine: '02:00:00:00:00:01', wireName: 'br-prov', findings }, 1000);
    const answer = await server.inject('/v1/observations');
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({
      servers: ['10.0.0.1'],
      compared: 1,
      results: { alike: 0, by_design: 0, unknowable: 0, differs: 1 },
      differences: 1,
      findings: [
        {
          machine: '02:00:00:00:00:01',
          verdict: 'differs',
          explanation: null,
          sentence: 'siaddr (next-server): the server says 10.0.0.1, bootd would say 10.0.0.2',
          first_at: '1970-01-01T00:00:01.000Z',
        },
        { verdict: 'by-design', explanation: { name: 'renewal-times' } },
      ],
    });
    expect(answer.json<{ report: string[] }>().report[0]).toContain('Rehearsal beside 10.0.0.1');
  });

  it('stands alone in a rehearsal: nothing can be changed', async () => {
    for (const path of ['/v1/nodes', '/v1/leases', '/v1/boots']) {
      const answer = await server.inject(path);
      expect(answer.statusCode).toBe(404);
      expect(answer.json<{ detail: string }>().detail).toMatch(/ in a rehearsal \(serve --observe\)$/);
    }
    expect((await server.inject('/healthz')).statusCode).toBe(200);
  });

  it('refuses a reload in a rehearsal, and says what to do', async () => {
    for (const payload of [undefined, {}, { dry_run: true }]) {
      const answer = await server.inject({ method: 'POST', url: '/v1/reload', ...(payload && { payload }) });
      expect(answer.statusCode).toBe(409);
      expect(answer.json()).toMatchObject({
        code: 'rehearsal-under-way',
        detail: 'A rehearsal keeps the configuration that it began with: end it, and begin another one',
      });
    }
  });

  it('is off in a bootd that answers by itself', async () => {
    const api = new TestApi();
    await api.open();
    const answer = await api.call('GET', '/v1/observations');
    expect(answer).toMatchObject({ status: 503, body: { code: 'service-off' } });
    await api.close();
  });
});
