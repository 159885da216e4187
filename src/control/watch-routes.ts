import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { ProblemError } from './problem.ts';
import { uuidOf, UuidParams } from './request-parts.ts';
import { nullable } from './schema-terms.ts';
import type { WatchCommands, WatchOrder, WatchView } from './watch-commands.ts';

const TAGS = ['power'];

const WatchPostSchema = Type.Object(
  {
    uefi: Type.Optional(
      nullable(Type.Boolean({ description: "Boot by UEFI; null: as the node's boot_mode says." })),
    ),
    even_if_managed: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Also for a node that another program manages, such as Ironic.',
      }),
    ),
    console: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Read its serial console along and keep the last lines with the boot.',
      }),
    ),
    attempts: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 20, description: 'How often it is started in all.' }),
    ),
    first_request: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 86_400,
        description: 'Seconds that it may take from power-on to its first DHCP request.',
      }),
    ),
    boot_time: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 86_400,
        description: 'Seconds that it may take from power-on until its kernel is sent.',
      }),
    ),
  },
  { additionalProperties: false },
);

const FailureSchema = Type.Object({
  code: Type.String(),
  sentence: Type.String(),
  remedy: Type.String(),
});

const WatchSchema = Type.Object({
  node: Type.String(),
  state: Type.Union(
    (['under-way', 'booted', 'failed', 'cancelled'] as const).map((state) => Type.Literal(state)),
  ),
  started_at: Type.String({ format: 'date-time' }),
  ended_at: nullable(Type.String({ format: 'date-time' })),
  attempt: Type.Integer({ description: 'Which start of the machine this is.' }),
  attempts: Type.Integer({ description: 'How often it is started at most.' }),
  boot: nullable(Type.String({ description: 'The trace, in /v1/boots.' })),
  sentence: Type.String(),
  failures: Type.Array(FailureSchema, { description: 'Why attempts failed, the first one first.' }),
});

interface Params {
  readonly Params: Static<typeof UuidParams>;
}

/** `/v1/nodes/{uuid}/boot`: boots that bootd starts by IPMI and watches to their kernel. */
export function addWatchRoutes(app: FastifyInstance, watches: WatchCommands): void {
  app.post<Params & { Body: Static<typeof WatchPostSchema> }>(
    '/v1/nodes/:uuid/boot',
    {
      schema: {
        tags: TAGS,
        operationId: 'bootNode',
        summary: 'Boots the machine from the network and watches it to its kernel.',
        params: UuidParams,
        body: WatchPostSchema,
        response: { 202: WatchSchema },
      },
    },
    (request, reply) => {
      const order = parseOrder(request.body);
      return reply.code(202).send(formatWatch(watches.begin(uuidOf(request.params.uuid), order)));
    },
  );

  app.get<Params>(
    '/v1/nodes/:uuid/boot',
    {
      schema: {
        tags: TAGS,
        operationId: 'getNodeBoot',
        summary: 'How the last boot stands that bootd started.',
        params: UuidParams,
        response: { 200: WatchSchema },
      },
    },
    (request) => {
      const uuid = uuidOf(request.params.uuid);
      const watch = watches.watch(uuid);
      if (watch === undefined) {
        throw new ProblemError('watch-not-found', `bootd has not booted node ${uuid} since it started`);
      }
      return formatWatch(watch);
    },
  );

  app.delete<Params>(
    '/v1/nodes/:uuid/boot',
    {
      schema: {
        tags: TAGS,
        operationId: 'cancelNodeBoot',
        summary: 'Watches no longer; the machine stays as it is. Succeeds when nothing is watched.',
        params: UuidParams,
        response: { 204: Type.Null() },
      },
    },
    (request, reply) => {
      watches.cancel(uuidOf(request.params.uuid));
      return reply.code(204).send();
    },
  );
}

/** What is left out is as the configuration has it. */
function parseOrder(document: Static<typeof WatchPostSchema>): WatchOrder {
  const { uefi, even_if_managed, console, attempts, first_request, boot_time } = document;
  if (boot_time !== undefined && first_request !== undefined && boot_time < first_request) {
    throw new ProblemError('invalid-value', '"boot_time" counts from power-on', [
      { pointer: '/boot_time', detail: 'cannot be shorter than "first_request"' },
    ]);
  }
  return {
    uefi: uefi ?? undefined,
    evenIfManaged: even_if_managed ?? false,
    console: console ?? false,
    patience: {
      ...(attempts !== undefined && { attempts }),
      ...(first_request !== undefined && { firstRequestMs: first_request * 1000 }),
      ...(boot_time !== undefined && { bootMs: boot_time * 1000 }),
    },
  };
}

function formatWatch(watch: WatchView): Static<typeof WatchSchema> {
  const timestamp = (at: number): string => new Date(at).toISOString();
  return {
    node: watch.node,
    state: watch.state,
    started_at: timestamp(watch.startedAt),
    ended_at: watch.endedAt === undefined ? null : timestamp(watch.endedAt),
    attempt: watch.attempt,
    attempts: watch.attempts,
    boot: watch.boot ?? null,
    sentence: watch.sentence,
    failures: watch.failures.map(({ code, sentence, remedy }) => ({ code, sentence, remedy })),
  };
}
