import { Readable } from 'node:stream';
import { Type, type Static } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { ANSWER_HEADERS } from './answer-headers.ts';
import { asked } from './bmc-problems.ts';
import type { PowerCommands } from './power-commands.ts';
import { ProblemError } from './problem.ts';
import { uuidOf, UuidParams } from './request-parts.ts';

const MEDIA_TYPE = 'application/octet-stream';

const ConsoleQuery = Type.Object(
  {
    take_over: Type.Optional(
      Type.Union([Type.Literal('true'), Type.Literal('false')], {
        default: 'false',
        description: 'Put out another console that has the serial port.',
      }),
    ),
  },
  { additionalProperties: false },
);

/**
 * `/v1/nodes/{uuid}/console`: serial over LAN as one long request. What is sent in its body is typed, what the machine
 * prints is its answer, both as they come; the end of either ends the other. Without a body nothing is typed, until the client
 * has enough.
 */
export function addConsoleRoutes(app: FastifyInstance, power: PowerCommands): void {
  app.addContentTypeParser(MEDIA_TYPE, (_request, payload, done) => done(null, payload));
  app.post<{
    Params: Static<typeof UuidParams>;
    Querystring: Static<typeof ConsoleQuery>;
    Body: unknown;
  }>(
    '/v1/nodes/:uuid/console',
    {
      schema: {
        tags: ['power'],
        operationId: 'openConsole',
        summary: 'Serial over LAN: the body is typed, the answer is what the machine prints.',
        consumes: [MEDIA_TYPE],
        params: UuidParams,
        querystring: ConsoleQuery,
        response: { 200: Type.String({ description: 'Octets as they come, until either side ends it.' }) },
      },
    },
    async (request, reply) => {
      const { body: typed, params, query } = request;
      if (typed !== undefined && !(typed instanceof Readable)) {
        throw new ProblemError('unsupported-media-type', `What is typed must come as ${MEDIA_TYPE}`);
      }
      const output = reply.raw;
      const console = await asked(
        power.console(uuidOf(params.uuid), query.take_over === 'true', {
          onOutput: (characters) => void output.write(characters),
          onEnd: (error) => void output.end(`\r\n[${error.message}]\r\n`),
        }),
      );
      reply.hijack();
      // Nobody would tell us any more that the client is gone, and a BMC has one serial port.
      if (request.raw.socket.destroyed) return console.close();
      output.writeHead(200, { ...ANSWER_HEADERS, 'content-type': MEDIA_TYPE });
      output.flushHeaders();
      const close = (): void => {
        void console.close().then(() => output.end());
      };
      typed?.on('data', (characters: Buffer) => console.type(characters));
      typed?.on('end', close);
      typed?.on('error', close);
      output.on('close', close);
    },
  );
}
