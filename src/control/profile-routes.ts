import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { NodeUuid } from '../boot/node.ts';
import { carryOut } from './command-answers.ts';
import type { NodeCommands } from './node-commands.ts';
import { requireNode } from './node-routes.ts';
import { ProblemError } from './problem.ts';
import {
  BootProfilePutSchema,
  BootProfileSchema,
  formatBootProfile,
  formatSharedProfile,
  parseBootProfile,
  parseSharedProfile,
  SharedProfilePutSchema,
  SharedProfileSchema,
} from './profile-documents.ts';
import { entityTag, NameParams, preconditionOf, uuidOf, UuidParams } from './request-parts.ts';

/** `/v1/nodes/{uuid}/boot-profile`: what one node boots. */
export function addBootProfileRoutes(app: FastifyInstance, nodes: NodeCommands): void {
  const tags = ['boot profiles'];

  const answer = async (uuid: NodeUuid, reply: FastifyReply): Promise<FastifyReply> => {
    const node = requireNode(nodes, uuid);
    const boot = nodes.bootOf(uuid);
    if (boot === undefined) {
      throw new ProblemError('boot-profile-not-found', `Node ${uuid} has no boot profile`);
    }
    const { assignment } = boot;
    const profile =
      assignment.kind === 'own' ? assignment.profile : nodes.sharedProfile(assignment.name)?.profile;
    const warnings = profile === undefined ? [] : await nodes.warningsFor(profile, node);
    return reply.header('etag', entityTag(node.generation)).send(formatBootProfile(node, boot, warnings));
  };

  app.get<{ Params: Static<typeof UuidParams> }>(
    '/v1/nodes/:uuid/boot-profile',
    {
      schema: {
        tags,
        operationId: 'getBootProfile',
        summary: 'What the node boots.',
        params: UuidParams,
        response: { 200: BootProfileSchema },
      },
    },
    (request, reply) => answer(uuidOf(request.params.uuid), reply),
  );

  app.put<{ Params: Static<typeof UuidParams>; Body: Static<typeof BootProfilePutSchema> }>(
    '/v1/nodes/:uuid/boot-profile',
    {
      schema: {
        tags,
        operationId: 'putBootProfile',
        summary: 'Says what the node boots. Policy `once` is armed again by each PUT.',
        params: UuidParams,
        body: BootProfilePutSchema,
        response: { 200: BootProfileSchema },
      },
    },
    async (request, reply) => {
      const uuid = uuidOf(request.params.uuid);
      const precondition = preconditionOf(request.headers);
      const assignment = parseBootProfile(request.body);
      await carryOut(nodes, { kind: 'boot-profile.put', uuid, assignment, precondition });
      return answer(uuid, reply);
    },
  );

  app.delete<{ Params: Static<typeof UuidParams> }>(
    '/v1/nodes/:uuid/boot-profile',
    {
      schema: {
        tags,
        operationId: 'deleteBootProfile',
        summary:
          'The node boots what is on disk for it, if anything. Succeeds when there is no boot profile.',
        params: UuidParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const precondition = preconditionOf(request.headers);
      await carryOut(nodes, { kind: 'boot-profile.delete', uuid: uuidOf(request.params.uuid), precondition });
      return reply.code(204).send();
    },
  );
}

/** `/v1/profiles`: profiles that several nodes share. */
export function addSharedProfileRoutes(app: FastifyInstance, nodes: NodeCommands): void {
  const tags = ['shared profiles'];

  const answer = async (name: string, reply: FastifyReply): Promise<FastifyReply> => {
    const shared = nodes.sharedProfile(name);
    if (shared === undefined) {
      throw new ProblemError('profile-not-found', `There is no shared profile "${name}"`);
    }
    const warnings = await nodes.warningsFor(shared.profile, undefined);
    return reply.header('etag', entityTag(shared.generation)).send(formatSharedProfile(shared, warnings));
  };

  app.get(
    '/v1/profiles',
    {
      schema: {
        tags,
        operationId: 'listProfiles',
        summary: 'All shared profiles, in the order of their names.',
        response: { 200: Type.Object({ profiles: Type.Array(SharedProfileSchema) }) },
      },
    },
    async () => ({
      profiles: await Promise.all(
        nodes
          .listSharedProfiles()
          .map(async (shared) =>
            formatSharedProfile(shared, await nodes.warningsFor(shared.profile, undefined)),
          ),
      ),
    }),
  );

  app.get<{ Params: Static<typeof NameParams> }>(
    '/v1/profiles/:name',
    {
      schema: {
        tags,
        operationId: 'getProfile',
        summary: 'One shared profile; its generation is the ETag.',
        params: NameParams,
        response: { 200: SharedProfileSchema },
      },
    },
    (request, reply) => answer(request.params.name, reply),
  );

  app.put<{ Params: Static<typeof NameParams>; Body: Static<typeof SharedProfilePutSchema> }>(
    '/v1/profiles/:name',
    {
      schema: {
        tags,
        operationId: 'putProfile',
        summary: 'Creates a shared profile or replaces all of it, for every node that uses it.',
        params: NameParams,
        body: SharedProfilePutSchema,
        response: { 200: SharedProfileSchema },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const precondition = preconditionOf(request.headers);
      const profile = parseSharedProfile(name, request.body);
      await carryOut(nodes, { kind: 'shared-profile.put', name, profile, precondition });
      return answer(name, reply);
    },
  );

  app.delete<{ Params: Static<typeof NameParams> }>(
    '/v1/profiles/:name',
    {
      schema: {
        tags,
        operationId: 'deleteProfile',
        summary: 'Forgets a shared profile; refused while nodes use it. Succeeds when there is none.',
        params: NameParams,
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const precondition = preconditionOf(request.headers);
      await carryOut(nodes, { kind: 'shared-profile.delete', name: request.params.name, precondition });
      return reply.code(204).send();
    },
  );
}
