import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { formatIpv4 } from '../addr/ipv4.ts';
import type { Node, NodeUuid } from '../boot/node.ts';
import { carryOut } from './command-answers.ts';
import { formatLeaseDocument, LeaseSchema } from './lease-documents.ts';
import type { LeaseQueries, LeaseView } from './lease-queries.ts';
import type { NodeCommands } from './node-commands.ts';
import {
  formatNodeDocument,
  NodePatchSchema,
  NodePutSchema,
  NodeSchema,
  parseNodeDocument,
  parseNodePatch,
  type NodeDocument,
} from './node-documents.ts';
import type { PowerCommands } from './power-commands.ts';
import { ProblemError } from './problem.ts';
import { entityTag, preconditionOf, uuidOf, UuidParams } from './request-parts.ts';

const TAGS = ['nodes'];

/** `/v1/nodes`: machines, one document each, and the addresses that they have. */
export function addNodeRoutes(
  app: FastifyInstance,
  nodes: NodeCommands,
  leases: LeaseQueries | undefined,
  power: Pick<PowerCommands, 'view'>,
): void {
  const documentOf = (node: Node): NodeDocument =>
    formatNodeDocument(node, power.view(node.uuid), nodes.remarksOn(node));
  const answer = (node: Node, reply: FastifyReply): FastifyReply =>
    reply.header('etag', entityTag(node.generation)).send(documentOf(node));

  app.get(
    '/v1/nodes',
    {
      schema: {
        tags: TAGS,
        operationId: 'listNodes',
        summary: 'All nodes, in the order of their UUIDs.',
        response: { 200: Type.Object({ nodes: Type.Array(NodeSchema) }) },
      },
    },
    () => ({ nodes: nodes.listNodes().map(documentOf) }),
  );

  app.get<{ Params: Static<typeof UuidParams> }>(
    '/v1/nodes/:uuid',
    {
      schema: {
        tags: TAGS,
        operationId: 'getNode',
        summary: 'One node; its generation is the ETag.',
        params: UuidParams,
        response: { 200: NodeSchema },
      },
    },
    (request, reply) => {
      return answer(requireNode(nodes, uuidOf(request.params.uuid)), reply);
    },
  );

  app.put<{ Params: Static<typeof UuidParams>; Body: Static<typeof NodePutSchema> }>(
    '/v1/nodes/:uuid',
    {
      schema: {
        tags: TAGS,
        operationId: 'putNode',
        summary: 'Creates a node or replaces all of it. The answer means that it is in effect and on disk.',
        params: UuidParams,
        body: NodePutSchema,
        response: { 200: NodeSchema },
      },
    },
    async (request, reply) => {
      const uuid = uuidOf(request.params.uuid);
      const precondition = preconditionOf(request.headers);
      await carryOut(nodes, { kind: 'node.put', node: parseNodeDocument(uuid, request.body), precondition });
      return answer(requireNode(nodes, uuid), reply);
    },
  );

  app.patch<{ Params: Static<typeof UuidParams>; Body: Static<typeof NodePatchSchema> }>(
    '/v1/nodes/:uuid',
    {
      schema: {
        tags: TAGS,
        operationId: 'patchNode',
        summary: 'Changes the members that are named (RFC 7396) and keeps the rest, the BMC included.',
        params: UuidParams,
        body: NodePatchSchema,
        response: { 200: NodeSchema },
      },
    },
    async (request, reply) => {
      const uuid = uuidOf(request.params.uuid);
      const precondition = preconditionOf(request.headers);
      await carryOut(nodes, {
        kind: 'node.amend',
        uuid,
        fields: parseNodePatch(request.body),
        precondition,
      });
      return answer(requireNode(nodes, uuid), reply);
    },
  );

  app.delete<{ Params: Static<typeof UuidParams> }>(
    '/v1/nodes/:uuid',
    {
      schema: {
        tags: TAGS,
        operationId: 'deleteNode',
        summary: 'Forgets a node and its boot profile. Succeeds when there is none.',
        params: UuidParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const precondition = preconditionOf(request.headers);
      await carryOut(nodes, { kind: 'node.delete', uuid: uuidOf(request.params.uuid), precondition });
      return reply.code(204).send();
    },
  );

  app.get<{ Params: Static<typeof UuidParams> }>(
    '/v1/nodes/:uuid/leases',
    {
      schema: {
        tags: TAGS,
        operationId: 'listNodeLeases',
        summary: "The leases of the node's ports, and the addresses that the node has or will get.",
        params: UuidParams,
        response: {
          200: Type.Object({
            addresses: Type.Array(Type.String(), { description: 'Fixed, bound and offered addresses.' }),
            leases: Type.Array(LeaseSchema),
          }),
        },
      },
    },
    (request) => {
      const node = requireNode(nodes, uuidOf(request.params.uuid));
      const views = node.ports.flatMap((port) => leases?.list({ mac: port.address }) ?? []);
      return {
        addresses: addressesOf(node, views),
        leases: views.map((view) => formatLeaseDocument(view, node.uuid)),
      };
    },
  );
}

/** The node, or the problem that there is none. */
export function requireNode(nodes: NodeCommands, uuid: NodeUuid): Node {
  const node = nodes.node(uuid);
  if (node === undefined) throw new ProblemError('node-not-found', `There is no node ${uuid}`);
  return node;
}

function addressesOf(node: Node, views: readonly LeaseView[]): string[] {
  const fixed = node.ports.flatMap((port) => (port.fixedAddress === undefined ? [] : [port.fixedAddress]));
  const leased = views
    .filter(({ state }) => state === 'bound' || state === 'offered')
    .map(({ lease }) => lease.address);
  return [...new Set([...fixed, ...leased])].map(formatIpv4);
}
