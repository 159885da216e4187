import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { ANSWER_HEADERS } from './answer-headers.ts';
import { EVENT_TYPES, type EventFeed, type EventType } from './event-feed.ts';
import { FollowerStreams } from './follower-streams.ts';
import { ProblemError } from './problem.ts';

const EventQuery = Type.Object(
  {
    types: Type.Optional(
      Type.String({ description: `Only these, separated by commas: ${EVENT_TYPES.join(', ')}.` }),
    ),
  },
  { additionalProperties: false },
);

/** Keeps proxies and clients from taking silence for the end. */
const HEARTBEAT_MS = 15_000;

/** Fewer than the connections that are taken, so that whoever comes too late is told. */
const CLIENTS_MAX = 256;

/** How long a client waits before it comes back. */
const RETRY_MS = 2000;

/** `/v1/events`: what happens, as it happens, as server-sent events. */
export function addEventRoutes(app: FastifyInstance, feed: EventFeed): void {
  const followers = new FollowerStreams(feed);
  const heartbeat = setInterval(() => followers.beat(), HEARTBEAT_MS).unref();
  app.addHook('onClose', () => {
    clearInterval(heartbeat);
    followers.destroy();
  });

  app.get<{ Querystring: Static<typeof EventQuery> }>(
    '/v1/events',
    {
      schema: {
        tags: ['events'],
        operationId: 'followEvents',
        summary: 'Server-sent events: leases, boots, nodes and health, as they happen.',
        querystring: EventQuery,
        produces: ['text/event-stream'],
        response: { 200: Type.String() },
      },
    },
    (request, reply) => {
      const wanted = wantedTypes(request.query.types);
      if (followers.size >= CLIENTS_MAX) {
        throw new ProblemError('too-many-followers', `${CLIENTS_MAX} clients follow already`);
      }
      const lastEventId = request.headers['last-event-id'];
      // From here on the answer is a stream that fastify has no part in.
      reply.hijack();
      const client = reply.raw;
      client.writeHead(200, { ...ANSWER_HEADERS, 'content-type': 'text/event-stream' });
      client.write(`retry: ${RETRY_MS}\n\n`);
      followers.add(client, wanted, typeof lastEventId === 'string' ? lastEventId : undefined);
    },
  );
}

function wantedTypes(text: string | undefined): ReadonlySet<EventType> {
  if (text === undefined) return new Set(EVENT_TYPES);
  const types = text.split(',');
  const known: readonly string[] = EVENT_TYPES;
  const strange = types.find((type) => !known.includes(type));
  if (strange === undefined) return new Set(EVENT_TYPES.filter((type) => types.includes(type)));
  throw new ProblemError('invalid-query', `types: "${strange}" is none of ${EVENT_TYPES.join(', ')}`);
}
