import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { ProblemError } from './problem.ts';
import type { ReloadCommands } from './reload-commands.ts';
import { nullable } from './schema-terms.ts';

const ReloadPostSchema = Type.Object(
  {
    dry_run: Type.Optional(
      Type.Boolean({ default: false, description: 'Only say what would change; put nothing in force.' }),
    ),
  },
  { additionalProperties: false },
);

const ChangeSchema = Type.Object({
  key: Type.String({ description: 'As in bootd.yaml; the name of a section where it comes or goes.' }),
  effect: Type.Union([Type.Literal('live'), Type.Literal('restart')]),
  reason: nullable(Type.String({ description: 'Why it needs a restart.' })),
});

const ReloadSchema = Type.Object({
  applied: Type.Boolean({ description: 'False for a dry run.' }),
  changes: Type.Array(ChangeSchema, {
    description:
      'What differs from what is in force. `restart`: the old value stays in force until bootd is restarted.',
  }),
});

/** `/v1/reload`: the configuration file, read again. Undefined: a rehearsal, which keeps its own. */
export function addReloadRoutes(app: FastifyInstance, configuration: ReloadCommands | undefined): void {
  app.post<{ Body: Static<typeof ReloadPostSchema> }>(
    '/v1/reload',
    {
      schema: {
        tags: ['configuration'],
        operationId: 'reloadConfiguration',
        summary: 'Reads the configuration again and puts it in force: all of it, or nothing.',
        body: ReloadPostSchema,
        response: { 200: ReloadSchema },
      },
    },
    async (request): Promise<Static<typeof ReloadSchema>> => {
      if (configuration === undefined) {
        throw new ProblemError(
          'rehearsal-under-way',
          'A rehearsal keeps the configuration that it began with: end it, and begin another one',
        );
      }
      const isDryRun = request.body.dry_run ?? false;
      const outcome = await (isDryRun ? configuration.plan() : configuration.reload());
      if (outcome.kind === 'refused') {
        throw new ProblemError(
          'configuration-refused',
          'The configuration cannot be used; what was in force before stays in force',
          outcome.problems.map((detail) => ({ pointer: '', detail })),
        );
      }
      const changes = outcome.changes.map(({ key, effect }) => ({
        key,
        effect: effect.kind,
        reason: effect.kind === 'restart' ? effect.reason : null,
      }));
      return { applied: outcome.kind === 'applied', changes };
    },
  );
}
