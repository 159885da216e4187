import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/config/config-error.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import type { HousePart } from '../../../src/daemon/house-part.ts';
import { buildReload, type ReloadPart } from '../../../src/daemon/reload-part.ts';
import { createSteadyClock } from '../../../src/io/clock.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';

const FILE = '/etc/bootd/bootd.yaml';
const FIRST = 'http-boot: { listen: 10.0.0.1:80, root: /srv }\nlog-level: info\n';
const SECOND = FIRST.replace('info', 'debug');

let steps: string[];
let inForce: { settings: ReturnType<typeof loadConfig>['settings'] };
const logger = pino({}, { write: () => undefined });

beforeEach(() => {
  steps = [];
  inForce = { settings: loadConfig(FILE, () => FIRST).settings };
});

/** A part that says when it gets ready and when it follows. */
function part(name: string, follow: () => void | Promise<void> = () => undefined): HousePart {
  return {
    services: [],
    prepare: () => {
      steps.push(`${name} is ready`);
      return Promise.resolve(() => {
        steps.push(`${name} follows to ${inForce.settings.logLevel}`);
        return follow();
      });
    },
  };
}

function build(...parts: readonly HousePart[]): ReloadPart {
  return buildReload(
    { clock: createSteadyClock(), logger, metrics: createMetrics(), inForce },
    { file: FILE, text: FIRST, readText: () => SECOND },
    parts,
    { reloading: () => undefined, reloaded: () => undefined },
  );
}

describe('the parts of the house', () => {
  it('get ready one after the other, and follow together', async () => {
    await build(part('a'), { services: [] }, part('b')).configuration.reload();
    expect(steps).toEqual(['a is ready', 'b is ready', 'a follows to debug', 'b follows to debug']);
    expect(logger.level).toBe('debug');
  });

  it('follow none of them when one cannot get ready', async () => {
    const problem = { severity: 'error', file: 'map-file', line: 1, column: 1, message: 'no' } as const;
    const refusing: HousePart = { services: [], prepare: () => Promise.reject(new ConfigError([problem])) };
    const house = build(part('a'), refusing, part('c'));
    expect(await house.configuration.reload()).toEqual({ kind: 'refused', problems: ['map-file:1:1: no'] });
    expect(steps).toEqual(['a is ready']);
    expect(inForce.settings.logLevel).toBe('info');
    expect(house.checks?.()).toEqual([{ name: 'configuration', ok: false, problems: ['map-file:1:1: no'] }]);
  });

  it('all follow when one of them fails at it, and that is said', async () => {
    let isDone = false;
    const failing = part('a', () => {
      throw new TypeError('of our making');
    });
    const slow = part('b', async () => {
      await Promise.resolve();
      isDone = true;
    });
    const { configuration } = build(failing, slow);
    await expect(configuration.reload()).rejects.toThrow('TypeError: of our making');
    expect(steps).toContain('b follows to debug');
    expect(isDone).toBe(true);
    expect(configuration.problems).toEqual([
      expect.stringContaining('TypeError: of our making; restart bootd'),
    ]);
  });
});
