import type { HealthCheck } from '../control/health-routes.ts';
import type { ReloadCommands } from '../control/reload-commands.ts';
import { ControlService } from '../services/control-service.ts';
import type { BootPart } from './boot-part.ts';
import type { Foundation } from './foundation.ts';
import type { HousePart } from './house-part.ts';
import type { LeasePart } from './lease-part.ts';
import type { NodePart } from './node-part.ts';

/** The control API over all other parts. */
export function buildControl(
  { settings, events, metrics, logger, version }: Foundation,
  { nodes, images }: NodePart,
  leases: LeasePart | undefined,
  { probes, boots, power, watches }: BootPart,
  checks: () => readonly HealthCheck[],
  configuration: ReloadCommands,
): HousePart {
  const control = new ControlService({
    control: settings.control,
    http: settings.http,
    api: {
      nodes,
      leases: leases?.service,
      images,
      probes,
      boots,
      power,
      events,
      watches,
      configuration,
      health: { checks },
      metrics,
      logger,
      version,
    },
  });
  // The feed stops first, which ends the streams of its followers: the API waits for their end.
  return { services: [control, events], prepare: (next) => control.prepare(next.http) };
}
