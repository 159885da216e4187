import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { BootSchema, BootSummarySchema, formatBootDocument, formatBootSummary } from './boot-documents.ts';
import type { BootQueries } from './boot-queries.ts';
import { ProblemError } from './problem.ts';
import { LimitQuery, queriedLimit, queriedMac, queriedNode } from './request-parts.ts';

const TAGS = ['boots'];

const BootQuery = Type.Object(
  {
    mac: Type.Optional(Type.String()),
    node: Type.Optional(Type.String({ description: "A node's UUID: the boots of all its ports." })),
    after: Type.Optional(Type.String({ description: 'Only boots behind the one of this id in the list.' })),
    limit: Type.Optional(LimitQuery),
  },
  { additionalProperties: false },
);

const BootParams = Type.Object({ id: Type.String() });

/** `/v1/boots`: what machines did when they booted, and why they did not get further. */
export function addBootRoutes(app: FastifyInstance, boots: BootQueries): void {
  app.get<{ Querystring: Static<typeof BootQuery> }>(
    '/v1/boots',
    {
      schema: {
        tags: TAGS,
        operationId: 'listBoots',
        summary: 'Boots, newest first; every condition of the query must hold.',
        querystring: BootQuery,
        response: { 200: Type.Object({ boots: Type.Array(BootSummarySchema) }) },
      },
    },
    ({ query: { mac, node, after, limit } }) => {
      const views = boots.list({ mac: queriedMac(mac), node: queriedNode(node) });
      const last = after === undefined ? -1 : views.findIndex(({ trace }) => trace.id === after);
      if (after !== undefined && last === -1) {
        throw new ProblemError('boot-not-found', `after: there is no boot ${after} in this list`);
      }
      const wanted = views.slice(last + 1, last + 1 + queriedLimit(limit));
      return { boots: wanted.map(formatBootSummary) };
    },
  );

  app.get<{ Params: Static<typeof BootParams> }>(
    '/v1/boots/:id',
    {
      schema: {
        tags: TAGS,
        operationId: 'getBoot',
        summary: 'One boot with all that happened in it.',
        params: BootParams,
        response: { 200: BootSchema },
      },
    },
    ({ params: { id } }) => {
      const view = boots.byId(id);
      if (view === undefined) throw new ProblemError('boot-not-found', `There is no boot ${id}`);
      return formatBootDocument(view);
    },
  );
}
