import type { FastifyInstance } from 'fastify';
import { formatObservations, ObservationsSchema } from './observation-documents.ts';
import type { ObservationQueries } from './observation-queries.ts';
import { ProblemError } from './problem.ts';

/** `/v1/observations`: what a rehearsal beside another server has found. Undefined: bootd itself answers. */
export function addObservationRoutes(
  app: FastifyInstance,
  observations: ObservationQueries | undefined,
): void {
  app.get(
    '/v1/observations',
    {
      schema: {
        tags: ['observations'],
        operationId: 'getObservations',
        summary:
          "A rehearsal so far: where bootd's answers would have differed from those of the server beside it.",
        response: { 200: ObservationsSchema },
      },
    },
    () => {
      if (observations === undefined) {
        throw new ProblemError(
          'service-off',
          'This bootd answers by itself; only `serve --observe` compares',
        );
      }
      return formatObservations(observations.report());
    },
  );
}
