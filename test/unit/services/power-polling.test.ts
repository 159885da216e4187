import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseNodeUuid, type Bmc, type Node, type NodeUuid } from '../../../src/boot/node.ts';
import { systemClock } from '../../../src/io/clock.ts';
import { POWER_DEFAULTS } from '../../../src/ipmi/power-settings.ts';
import { PowerService } from '../../../src/services/power-service.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';
import { TestBmc } from '../../lab/bmc/test-bmc.ts';
import { nodeDraft } from '../boot/samples.ts';

const metrics = createMetrics('services');
let bmc: TestBmc;
let nodes: Node[];
let lines: Record<string, unknown>[];
let service: PowerService;

/** A node with a BMC at this port. */
function nodeAt(number: number, port: number, password = 'secret'): Node {
  const uuid = parseNodeUuid(`1be26c0b-03f2-4d2e-ae87-00000000000${number}`);
  if (uuid === undefined) throw new Error('no UUID');
  const bmc: Bmc = {
    ...{ address: '127.0.0.1', port, username: 'admin', password },
    privilege: 'administrator',
    ...{ cipherSuite: undefined, kg: undefined },
  };
  return { ...nodeDraft({ bmc }), uuid, generation: 1 };
}

/** BMCs that fail, by code, as the metrics tell. */
async function failing(): Promise<readonly string[]> {
  const text = await metrics.registry.getSingleMetricAsString('bootd_power_bmcs_failing');
  return [...text.matchAll(/\{code="([a-z-]+)"\} (\d+)/g)]
    .map(([, code, count]) => `${code} ${count}`)
    .sort();
}

const logged = (event: string): readonly unknown[] => lines.filter((line) => line['event'] === event);

beforeEach(async () => {
  bmc = await TestBmc.start();
  [nodes, lines] = [[], []];
  service = new PowerService({
    settings: { ...POWER_DEFAULTS, pollIntervalMs: 200, retries: { attempts: 2, firstTimeoutMs: 200 } },
    nodes: {
      listNodes: () => nodes,
      node: (uuid: NodeUuid) => nodes.find((node) => node.uuid === uuid),
    },
    clock: systemClock,
    logger: pino({}, { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) }),
    metrics,
  });
  await service.start();
});
afterEach(async () => {
  await service.stop();
  await bmc.stop();
});

it('polls tell which BMCs fail and why, as long as they do, and log each once', async () => {
  const gone = await TestBmc.start();
  const { port } = gone;
  await gone.stop();
  const [good, silent, locked] = [nodeAt(1, bmc.port), nodeAt(2, port), nodeAt(3, bmc.port, 'hunter2')];
  nodes = [good, silent, locked];
  await expect.poll(failing, { timeout: 30_000 }).toEqual(['unreachable 1', 'wrong-password 1']);
  await expect.poll(() => service.view(good.uuid)?.state, { timeout: 30_000 }).toBe('off');
  expect(service.view(silent.uuid)).toMatchObject({ state: undefined, failure: { code: 'unreachable' } });
  const seen = service.view(silent.uuid)?.failure?.since;
  bmc.machine.power = 'on';
  await expect
    .poll(() => logged('power.state.changed'), { timeout: 30_000 })
    .toMatchObject([{ state: 'on' }]);
  expect(service.view(silent.uuid)?.failure?.since).toBe(seen);
  expect(logged('power.bmc.lost')).toHaveLength(2);

  // One comes back, the other one is told its password, and the third is no node any more.
  const back = await TestBmc.start({ port });
  nodes = [silent, nodeAt(3, bmc.port)];
  await expect.poll(failing, { timeout: 30_000 }).toEqual([]);
  await expect
    .poll(() => logged('power.bmc.found'), { timeout: 30_000 })
    .toMatchObject([{ node: silent.uuid }]);
  await back.stop();
  expect(JSON.stringify(lines)).not.toMatch(/hunter2|secret/);
});
