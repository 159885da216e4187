import { join } from 'node:path';
import type { HealthCheck } from '../control/health-routes.ts';
import { openLevelStore, type LevelStore } from '../store/level-store.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { healthCheck } from './house-part.ts';

/** Opens what is kept in the state directory; says what had to be repaired, and rejects with a `StoreError`. */
export async function openStore(
  stateDirectory: string,
  logger: Logger,
  metrics: Metrics,
): Promise<LevelStore> {
  const { store, report } = await openLevelStore(join(stateDirectory, 'store'), {
    listener: {
      flushed(durationMs, _changes, error) {
        metrics.storeCommits.inc({ result: error === undefined ? 'kept' : 'failed' });
        metrics.storeCommitSeconds.observe(durationMs / 1000);
      },
      healthChanged(health) {
        if (health.kind === 'working')
          logger.info({ event: EVENTS.storeRecovered }, 'the store keeps leases again');
        else logger.error({ event: EVENTS.storeFailed }, health.reason);
      },
    },
  });
  for (const sentence of report) logger.warn({ event: EVENTS.storeRepaired }, sentence);
  return store;
}

/** Whether what is promised can be kept. */
export function checkStore(store: LevelStore): HealthCheck {
  const health = store.health();
  return healthCheck('store', health.kind === 'working' ? [] : [health.reason]);
}
