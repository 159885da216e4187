import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { formatIpv4 } from '../addr/ipv4.ts';
import { formatLeaseDocument, LEASE_STATES, LeaseSchema, type LeaseDocument } from './lease-documents.ts';
import type { LeaseQueries, LeaseView } from './lease-queries.ts';
import type { NodeCommands } from './node-commands.ts';
import { ProblemError } from './problem.ts';
import {
  addressOf,
  AddressParams,
  LimitQuery,
  queriedAddress,
  queriedLimit,
  queriedMac,
  queriedSubnet,
} from './request-parts.ts';

const TAGS = ['leases'];

const LeaseQuery = Type.Object(
  {
    mac: Type.Optional(Type.String()),
    state: Type.Optional(Type.Union(LEASE_STATES.map((state) => Type.Literal(state)))),
    subnet: Type.Optional(Type.String({ description: 'A network, like 192.168.0.0/24.' })),
    after: Type.Optional(Type.String({ description: 'Only leases of addresses behind this one.' })),
    limit: Type.Optional(LimitQuery),
  },
  { additionalProperties: false },
);

/** `/v1/leases`: who has which address. `leases` is undefined while DHCP is off. */
export function addLeaseRoutes(
  app: FastifyInstance,
  nodes: NodeCommands,
  leases: LeaseQueries | undefined,
): void {
  const format = (view: LeaseView): LeaseDocument =>
    formatLeaseDocument(view, view.lease.mac && nodes.portByMac(view.lease.mac)?.node.uuid);

  app.get<{ Querystring: Static<typeof LeaseQuery> }>(
    '/v1/leases',
    {
      schema: {
        tags: TAGS,
        operationId: 'listLeases',
        summary: 'Leases in the order of their addresses; every condition of the query must hold.',
        querystring: LeaseQuery,
        response: { 200: Type.Object({ leases: Type.Array(LeaseSchema) }) },
      },
    },
    (request) => {
      const { mac, state, subnet, after, limit } = request.query;
      const views = requireDhcp(leases).list({ mac: queriedMac(mac), state, subnet: queriedSubnet(subnet) });
      const last = queriedAddress(after);
      const wanted = last === undefined ? views : views.filter(({ lease }) => lease.address > last);
      return { leases: wanted.slice(0, queriedLimit(limit)).map(format) };
    },
  );

  app.get<{ Params: Static<typeof AddressParams> }>(
    '/v1/leases/:address',
    {
      schema: {
        tags: TAGS,
        operationId: 'getLease',
        summary: 'The lease of one address.',
        params: AddressParams,
        response: { 200: LeaseSchema },
      },
    },
    (request) => {
      const address = addressOf(request.params.address);
      const view = requireDhcp(leases).byAddress(address);
      if (view === undefined) {
        throw new ProblemError('lease-not-found', `There is no lease of ${formatIpv4(address)}`);
      }
      return format(view);
    },
  );

  app.delete<{ Params: Static<typeof AddressParams> }>(
    '/v1/leases/:address',
    {
      schema: {
        tags: TAGS,
        operationId: 'releaseLease',
        summary: 'Frees an address now. Succeeds when it is free already.',
        params: AddressParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const address = addressOf(request.params.address);
      const queries = requireDhcp(leases);
      try {
        await queries.release(address);
      } catch (error) {
        throw new ProblemError('not-kept', error instanceof Error ? error.message : String(error));
      }
      return reply.code(204).send();
    },
  );
}

function requireDhcp(leases: LeaseQueries | undefined): LeaseQueries {
  if (leases === undefined) throw new ProblemError('service-off', 'The configuration has no dhcp section');
  return leases;
}
