import swagger from '@fastify/swagger';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { printableJson } from '../wire/visible-text.ts';
import { ANSWER_HEADERS } from './answer-headers.ts';
import { AllowedMethods } from './allowed-methods.ts';
import type { BootQueries } from './boot-queries.ts';
import { addBootRoutes } from './boot-routes.ts';
import type { EventFeed } from './event-feed.ts';
import { addEventRoutes } from './event-routes.ts';
import { addConsoleRoutes } from './console-routes.ts';
import { addHealthRoutes, type HealthChecks } from './health-routes.ts';
import type { ImageQueries } from './image-queries.ts';
import { addImageRoutes } from './image-routes.ts';
import { addLeaseRoutes } from './lease-routes.ts';
import type { LeaseQueries } from './lease-queries.ts';
import type { NodeCommands } from './node-commands.ts';
import { addNodeRoutes } from './node-routes.ts';
import type { ProbeCommands } from './probe-commands.ts';
import type { PowerCommands } from './power-commands.ts';
import type { ObservationQueries } from './observation-queries.ts';
import { addObservationRoutes } from './observation-routes.ts';
import { addPowerRoutes } from './power-routes.ts';
import { addProbeRoutes } from './probe-routes.ts';
import { problemDocument, ProblemError, PROBLEMS, type ProblemCode, type ProblemDetail } from './problem.ts';
import { addBootProfileRoutes, addSharedProfileRoutes } from './profile-routes.ts';
import type { WatchCommands } from './watch-commands.ts';
import type { ReloadCommands } from './reload-commands.ts';
import { addReloadRoutes } from './reload-routes.ts';
import { addWatchRoutes } from './watch-routes.ts';
import { refuseChange, type Access } from './access.ts';
import { refuseForeignPage } from './page-guard.ts';
import { addStatusPage } from './status-page.ts';

/** What the API shows and changes. */
export interface ControlParts {
  readonly nodes: NodeCommands;
  /** Undefined while DHCP is off. */
  readonly leases: LeaseQueries | undefined;
  readonly images: ImageQueries;
  readonly probes: ProbeCommands;
  readonly boots: BootQueries;
  readonly power: PowerCommands;
  readonly events: EventFeed;
  readonly watches: WatchCommands;
  readonly configuration: ReloadCommands;
  readonly health: HealthChecks;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** For /v1/openapi.json. */
  readonly version: string;
}

/** What the API of a rehearsal shows: nothing else is there, and nothing can be changed. */
export interface RehearsalParts extends Pick<ControlParts, 'health' | 'metrics' | 'logger' | 'version'> {
  readonly observations: ObservationQueries;
}

/** The API behind one listening address; its `routing` takes requests, its `inject` plays them. */
export type ControlServer = FastifyInstance;

const BODY_LIMIT_OCTETS = 1_048_576;

/** Requests with more than this are refused at the door; the API's paths are short. */
const MAX_PARAMETER_OCTETS = 255;

/**
 * The control API, ready for `listen` or `inject`. The Unix socket and the admins' address each have an instance of
 * their own, since they differ in what a caller may do. `ownNames` are names of this host, for browsers.
 */
export async function createControlServer(
  parts: ControlParts | RehearsalParts,
  access: Access,
  ownNames: ReadonlySet<string> = new Set(),
): Promise<ControlServer> {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_OCTETS,
    routerOptions: { maxParamLength: MAX_PARAMETER_OCTETS },
    // A wrong document is refused whole: nothing is coerced, dropped or filled in behind the caller's back.
    ajv: {
      customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: true },
    },
  });
  app.removeContentTypeParser('text/plain');
  app.addContentTypeParser(
    'application/merge-patch+json',
    { parseAs: 'string' },
    app.getDefaultJsonParser('error', 'error'),
  );
  // Answers are what the formatting functions return; their schemas describe them and change nothing.
  app.setSerializerCompiler(() => formatAnswer);
  app.setReplySerializer(formatAnswer);
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(ANSWER_HEADERS);
    const { method, headers } = request;
    const refusal =
      refuseForeignPage(ownNames, method, headers) ?? refuseChange(access, method, headers.authorization);
    if (refusal === undefined) return;
    // What else the body would have been is of no interest.
    void reply.header('connection', 'close');
    if (refusal.code === 'token-required') void reply.header('www-authenticate', 'Bearer realm="bootd"');
    throw refusal;
  });
  app.addHook('preValidation', (request, _reply, done) => {
    // Where every member of a body may be left out, so may the body.
    const { method, routeOptions } = request;
    if (method === 'POST' && routeOptions.schema?.body !== undefined) request.body ??= {};
    done();
  });
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = problemOf(error);
    if (PROBLEMS[problem.code].status >= 500 && !isOfOthers(problem.code)) {
      parts.logger.error(
        { event: EVENTS.controlRequestFailed, method: request.method, path: request.url, err: error },
        'a request of the control API failed',
      );
    }
    return sendProblem(reply, problem);
  });
  const allowed = new AllowedMethods(app);
  app.setNotFoundHandler((request, reply) => {
    const methods = allowed.of(request.url);
    if (methods.length === 0) {
      const where = 'observations' in parts ? ' in a rehearsal (serve --observe)' : '';
      return sendProblem(
        reply,
        new ProblemError('route-not-found', `There is no path ${request.url}${where}`),
      );
    }
    void reply.header('allow', methods.join(', '));
    const detail = `${request.url} has ${methods.join(', ')} and no ${request.method}`;
    return sendProblem(reply, new ProblemError('method-not-allowed', detail));
  });

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'bootd control API',
        version: parts.version,
        description: 'Nodes, what they boot, and the addresses they have. See docs/control-api.md.',
      },
    },
  });
  addHealthRoutes(app, parts.health, parts.metrics);
  if ('observations' in parts) {
    addObservationRoutes(app, parts.observations);
    addReloadRoutes(app, undefined);
  } else {
    addObservationRoutes(app, undefined);
    addRoutesOfHouse(app, parts);
    await addStatusPage(app);
  }
  app.get('/v1/openapi.json', { schema: { hide: true } }, () => app.swagger());
  await app.ready();
  return app;
}

/** JSON that may be looked at in a terminal, where host names and files are what strangers call them. */
function formatAnswer(document: unknown): string {
  return printableJson(JSON.stringify(document));
}

function addRoutesOfHouse(app: FastifyInstance, parts: ControlParts): void {
  addNodeRoutes(app, parts.nodes, parts.leases, parts.power);
  addPowerRoutes(app, parts.power);
  addConsoleRoutes(app, parts.power);
  addWatchRoutes(app, parts.watches);
  addBootProfileRoutes(app, parts.nodes);
  addSharedProfileRoutes(app, parts.nodes);
  addImageRoutes(app, parts.images);
  addLeaseRoutes(app, parts.nodes, parts.leases);
  addProbeRoutes(app, parts.probes);
  addBootRoutes(app, parts.boots);
  addEventRoutes(app, parts.events);
  addReloadRoutes(app, parts.configuration);
}

/**
 * What a BMC does wrong is none of the API's failures; the power service logs it. Nor are followers beyond the limit,
 * whose refusals anybody could fill a log with.
 */
function isOfOthers(code: ProblemCode): boolean {
  return code.startsWith('bmc-') || code === 'too-many-followers';
}

function sendProblem(reply: FastifyReply, problem: ProblemError): FastifyReply {
  const document = problemDocument(problem);
  return reply.code(document.status).type('application/problem+json').send(document);
}

const CODE_BY_FRAMEWORK_ERROR: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed-json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed-json',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
};

const CODE_BY_CONTEXT: Readonly<Record<string, ProblemCode>> = {
  body: 'invalid-document',
  querystring: 'invalid-query',
  params: 'invalid-path',
  headers: 'invalid-header',
};

function problemOf(error: FastifyError): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error.validation !== undefined) {
    const code = CODE_BY_CONTEXT[error.validationContext ?? 'body'] ?? 'invalid-document';
    const errors = error.validation.map(validationDetail);
    return new ProblemError(
      code,
      errors.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; '),
      errors,
    );
  }
  const code = CODE_BY_FRAMEWORK_ERROR[error.code];
  if (code !== undefined) return new ProblemError(code, error.message);
  if (error.statusCode === 400) return new ProblemError('malformed-json', error.message);
  return new ProblemError('internal-error', 'The request failed inside the daemon');
}

/** ajv points at the object that holds an unknown or lacks a required key; the pointer here is the key itself. */
function validationDetail(violation: NonNullable<FastifyError['validation']>[number]): ProblemDetail {
  const { instancePath, keyword, params, message } = violation;
  if (keyword === 'additionalProperties') {
    return {
      pointer: `${instancePath}/${escapePointer(params['additionalProperty'])}`,
      detail: 'is not known',
    };
  }
  if (keyword === 'required') {
    return { pointer: `${instancePath}/${escapePointer(params['missingProperty'])}`, detail: 'is missing' };
  }
  return { pointer: instancePath, detail: message ?? `fails ${keyword}` };
}

function escapePointer(key: unknown): string {
  return String(key).replaceAll('~', '~0').replaceAll('/', '~1');
}
