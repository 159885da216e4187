import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../telemetry/metrics.ts';

/** The state of one part of the daemon. */
export interface HealthCheck {
  /** dhcp, tftp, store, templates, ... */
  readonly name: string;
  readonly ok: boolean;
  /** What is wrong, with file and line where there is one; empty when all is well. */
  readonly problems: readonly string[];
}

/** Asked at each `/readyz`. */
export interface HealthChecks {
  checks(): readonly HealthCheck[];
}

const TAGS = ['health'];

const CheckSchema = Type.Object({
  name: Type.String(),
  ok: Type.Boolean(),
  problems: Type.Array(Type.String()),
});
const ReadinessSchema = Type.Object({ ready: Type.Boolean(), checks: Type.Array(CheckSchema) });

/** `/healthz`, `/readyz` and `/metrics`, where load balancers and Prometheus look for them. */
export function addHealthRoutes(app: FastifyInstance, health: HealthChecks, metrics: Metrics): void {
  metrics.observeChecks(() => new Map(health.checks().map(({ name, ok }) => [name, ok])));
  app.get(
    '/healthz',
    {
      schema: {
        tags: TAGS,
        operationId: 'getLiveness',
        summary: 'The process runs and answers.',
        response: { 200: Type.Object({ status: Type.Literal('ok') }) },
      },
    },
    () => ({ status: 'ok' }),
  );

  app.get(
    '/readyz',
    {
      schema: {
        tags: TAGS,
        operationId: 'getReadiness',
        summary: 'Whether every service that is on can do its work; what is wrong stands in `problems`.',
        response: { 200: ReadinessSchema, 503: ReadinessSchema },
      },
    },
    (_request, reply) => {
      const checks = health.checks();
      const ready = checks.every((check) => check.ok);
      return reply.code(ready ? 200 : 503).send({ ready, checks });
    },
  );

  app.get(
    '/metrics',
    {
      schema: {
        tags: TAGS,
        operationId: 'getMetrics',
        summary: 'All metrics in the text format of Prometheus.',
        produces: [metrics.registry.contentType],
        response: { 200: Type.String() },
      },
    },
    async (_request, reply) =>
      reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
}
