import type { BootdSettings } from '../config/settings.ts';
import type { HealthCheck } from '../control/health-routes.ts';
import type { Service } from '../services/service.ts';

/** A group of services that are built together. Its maker adds what the other parts need of it as further members. */
export interface HousePart {
  /** In the order of their start; parts start in the order of daemon.ts. */
  readonly services: readonly Service[];
  /** For `/readyz`, the metric and the feed of events. */
  checks?(): readonly HealthCheck[];
  /** Resolves when every thread of the part has given a sign of life: what the watchdog asks for. */
  answer?(): Promise<unknown>;
  /**
   * Gets ready for other settings without showing any of it; rejects with ConfigError or IoError when it cannot. The
   * function that it resolves with puts them in force, before it waits for anything, and resolves when what follows is
   * done. What is read at the start only keeps its value in `next`.
   */
  prepare?(next: BootdSettings): Promise<() => void | Promise<void>>;
}

/** A part of which is known what is wrong with it. */
export function healthCheck(name: string, problems: readonly string[]): HealthCheck {
  return { name, ok: problems.length === 0, problems };
}
