import {
  ReloadService,
  type ReloadServiceParts,
  type StartingConfiguration,
} from '../services/reload-service.ts';
import type { Foundation } from './foundation.ts';
import { healthCheck, type HousePart } from './house-part.ts';

/** The configuration, read again. */
export interface ReloadPart extends HousePart {
  readonly configuration: ReloadService;
}

/** `parts` are those that other settings concern. */
export function buildReload(
  foundation: Pick<Foundation, 'clock' | 'logger' | 'metrics' | 'inForce'>,
  starting: StartingConfiguration,
  parts: readonly HousePart[],
  notifier: ReloadServiceParts['notifier'],
): ReloadPart {
  const { clock, logger, metrics, inForce } = foundation;
  const configuration = new ReloadService({
    configuration: starting,
    settings: () => inForce.settings,
    async prepare(next) {
      const steps: (() => void | Promise<void>)[] = [];
      for (const part of parts) {
        const step = await part.prepare?.(next);
        if (step !== undefined) steps.push(step);
      }
      return async () => {
        inForce.settings = next;
        logger.level = next.logLevel;
        // All of them begin in this turn; only what follows is waited for. One that fails keeps no other from it.
        const ends = await Promise.allSettled(steps.map(async (step) => step()));
        const failures = ends.flatMap((end): readonly unknown[] =>
          end.status === 'rejected' ? [end.reason] : [],
        );
        if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('; '));
      };
    },
    notifier,
    clock,
    logger,
    metrics,
  });
  return {
    configuration,
    services: [configuration],
    checks: () => [healthCheck('configuration', configuration.problems)],
  };
}
