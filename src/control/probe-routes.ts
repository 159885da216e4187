import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { formatIpv4, parseIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { parseMac } from '../addr/mac.ts';
import { MOST_PROBES } from '../boot/probe-register.ts';
import type { ExpectedFile, ProbeAnnouncement, ProbeCommands } from './probe-commands.ts';
import { ProblemError } from './problem.ts';
import { nullable } from './schema-terms.ts';

const TAGS = ['probes'];
const DEFAULT_LIFETIME_SECONDS = 600;
const LONGEST_LIFETIME_SECONDS = 3600;

const ProbePostSchema = Type.Object(
  {
    mac: Type.String({ description: 'The machine that is played.' }),
    address: Type.Optional(
      nullable(
        Type.String({
          description:
            "From which its files are fetched, where that is not the leased one: the playing host's.",
        }),
      ),
    ),
    lifetime_seconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: LONGEST_LIFETIME_SECONDS,
        default: DEFAULT_LIFETIME_SECONDS,
        description: 'After this it counts as over, should it never be deleted.',
      }),
    ),
  },
  { additionalProperties: false },
);

const ProbeSchema = Type.Object({
  id: Type.String(),
  mac: Type.String(),
  address: nullable(Type.String()),
  started_at: Type.String({ format: 'date-time' }),
  expires_at: Type.String({ format: 'date-time' }),
});

const ExpectedFileQuery = Type.Object(
  {
    name: Type.String({ description: 'As the machine asks for it.' }),
    address: Type.String({ description: 'From which it asks.' }),
  },
  { additionalProperties: false },
);

const ExpectedFileSchema = Type.Object({
  source: Type.Union([
    Type.Literal('disk'),
    Type.Literal('rendered'),
    Type.Literal('fallback'),
    Type.Literal('none'),
  ]),
  path: nullable(Type.String({ description: 'Below the TFTP root.' })),
  octets: nullable(Type.Integer()),
  sha256: nullable(Type.String()),
  node: nullable(Type.String({ description: 'Whose boot file is rendered.' })),
  generation: nullable(Type.Integer()),
  error: nullable(Type.Object({ code: Type.Integer(), message: Type.String() })),
});

const ProbeParams = Type.Object({ id: Type.String() });

/** `/v1/probes`: who plays which machine, so that what it does is not taken for the machine's own doing. */
export function addProbeRoutes(app: FastifyInstance, probes: ProbeCommands): void {
  app.get(
    '/v1/probes',
    {
      schema: {
        tags: TAGS,
        operationId: 'listProbes',
        summary: 'Machines that `bootd probe` plays now.',
        response: { 200: Type.Object({ probes: Type.Array(ProbeSchema) }) },
      },
    },
    () => ({ probes: probes.underWay().map(formatProbe) }),
  );

  app.post<{ Body: Static<typeof ProbePostSchema> }>(
    '/v1/probes',
    {
      schema: {
        tags: TAGS,
        operationId: 'announceProbe',
        summary:
          'Announces that a machine will be played: its boots do not use up policy `once`, its traces are marked.',
        body: ProbePostSchema,
        response: { 201: ProbeSchema },
      },
    },
    (request, reply) => {
      const mac = parseMac(request.body.mac);
      if (mac === undefined) {
        throw new ProblemError('invalid-value', `"${request.body.mac}" is no MAC`, [
          { pointer: '/mac', detail: 'is no MAC' },
        ]);
      }
      const seconds = request.body.lifetime_seconds ?? DEFAULT_LIFETIME_SECONDS;
      const address = addressOf(request.body.address ?? undefined);
      const probe = probes.announce(mac, seconds * 1000, address);
      if (probe === undefined) {
        throw new ProblemError('too-many-probes', `${MOST_PROBES} machines are being played already`);
      }
      return reply.code(201).send(formatProbe(probe));
    },
  );

  app.get<{ Params: Static<typeof ProbeParams>; Querystring: Static<typeof ExpectedFileQuery> }>(
    '/v1/probes/:id/file',
    {
      schema: {
        tags: TAGS,
        operationId: 'getExpectedFile',
        summary: 'What a TFTP request of the machine that is played should be answered with, to compare it.',
        params: ProbeParams,
        querystring: ExpectedFileQuery,
        response: { 200: ExpectedFileSchema },
      },
    },
    async (request) => {
      const { id } = request.params;
      if (!probes.underWay().some((probe) => probe.id === id)) {
        throw new ProblemError('probe-not-found', `There is no probe ${id}, or it is over`);
      }
      const address = parseIpv4(request.query.address);
      if (address === undefined) {
        throw new ProblemError('invalid-query', `address: "${request.query.address}" is no IPv4 address`);
      }
      const expected = await probes.expectedFile(request.query.name, address);
      if (expected === undefined) throw new ProblemError('service-off', 'TFTP is off');
      return formatExpectedFile(expected);
    },
  );

  app.delete<{ Params: Static<typeof ProbeParams> }>(
    '/v1/probes/:id',
    {
      schema: {
        tags: TAGS,
        operationId: 'endProbe',
        summary: 'The machine is its own again. Succeeds when there is no such probe.',
        params: ProbeParams,
        response: { 204: Type.Null() },
      },
    },
    (request, reply) => {
      probes.end(request.params.id);
      return reply.code(204).send();
    },
  );
}

function formatExpectedFile(expected: ExpectedFile): Static<typeof ExpectedFileSchema> {
  if (expected.kind === 'refused') {
    const { code, message } = expected;
    const nothing = { path: null, octets: null, sha256: null, node: null, generation: null };
    return { source: 'none', ...nothing, error: { code, message } };
  }
  const { source, path, octets, sha256, node, generation } = expected;
  return { source, path, octets, sha256, node: node ?? null, generation: generation ?? null, error: null };
}

function addressOf(text: string | undefined): Ipv4 | undefined {
  if (text === undefined) return undefined;
  const address = parseIpv4(text);
  if (address !== undefined) return address;
  throw new ProblemError('invalid-value', `"${text}" is no IPv4 address`, [
    { pointer: '/address', detail: 'is no IPv4 address' },
  ]);
}

function formatProbe({
  id,
  mac,
  address,
  startedAt,
  expiresAt,
}: ProbeAnnouncement): Static<typeof ProbeSchema> {
  return {
    id,
    mac,
    address: address === undefined ? null : formatIpv4(address),
    started_at: new Date(startedAt).toISOString(),
    expires_at: new Date(expiresAt).toISOString(),
  };
}
