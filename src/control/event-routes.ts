import type { ServerResponse } from 'node:http';
import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { EVENT_TYPES, type EventFeed, type FeedEvent } from './event-feed.ts';
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

/** Octets that may wait for one client; one that reads slower is disconnected, and comes back with Last-Event-ID. */
const WAITING_MAX_OCTETS = 1024 * 1024;

const CLIENTS_MAX = 512;

/** How long a client waits before it comes back. */
const RETRY_MS = 2000;

/** `/v1/events`: what happens, as it happens, as server-sent events. */
export function addEventRoutes(app: FastifyInstance, feed: EventFeed): void {
  const clients = new Set<ServerResponse>();
  const heartbeat = setInterval(() => {
    for (const client of clients) send(client, ': still here\n\n');
  }, HEARTBEAT_MS).unref();
  app.addHook('onClose', () => {
    clearInterval(heartbeat);
    for (const client of clients) client.destroy();
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
      if (clients.size >= CLIENTS_MAX) {
        throw new ProblemError('too-many-followers', `${CLIENTS_MAX} clients follow already`);
      }
      const lastEventId = request.headers['last-event-id'];
      // From here on the answer is a stream that fastify has no part in.
      reply.hijack();
      const client = reply.raw;
      client.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      });
      client.write(`retry: ${RETRY_MS}\n\n`);
      const pass = (event: FeedEvent): void => {
        if (wanted.has(event.type)) send(client, formatEvent(event));
      };
      if (typeof lastEventId === 'string') {
        const { events, hasGap } = feed.since(lastEventId);
        if (hasGap) send(client, 'event: gap\ndata: {}\n\n');
        for (const event of events) pass(event);
      }
      clients.add(client);
      const unsubscribe = feed.subscribe({ event: pass, end: () => client.end() });
      client.on('close', () => {
        clients.delete(client);
        unsubscribe();
      });
    },
  );
}

function wantedTypes(text: string | undefined): ReadonlySet<string> {
  if (text === undefined) return new Set(EVENT_TYPES);
  const types = text.split(',');
  const known: readonly string[] = EVENT_TYPES;
  const strange = types.find((type) => !known.includes(type));
  if (strange === undefined) return new Set(types);
  throw new ProblemError('invalid-query', `types: "${strange}" is none of ${EVENT_TYPES.join(', ')}`);
}

function formatEvent({ id, type, data }: FeedEvent): string {
  return `id: ${id}\nevent: ${type}\ndata: ${data}\n\n`;
}

function send(client: ServerResponse, text: string): void {
  if (client.destroyed || client.writableEnded) return;
  client.write(text);
  if (client.writableLength > WAITING_MAX_OCTETS) client.destroy();
}
