import { Type, type Static, type TSchema } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { asked } from './bmc-problems.ts';
import type { PowerCommands } from './power-commands.ts';
import {
  BootDevicePutSchema,
  BootDeviceSchema,
  ChassisSchema,
  DeviceSchema,
  EventLogEntrySchema,
  formatBootDevice,
  formatChassis,
  formatDevice,
  formatEventLogEntry,
  formatPresence,
  formatRaw,
  formatSensor,
  IdentifyPostSchema,
  parseBootDevice,
  parseRaw,
  PowerPostSchema,
  PresenceSchema,
  RawPostSchema,
  RawSchema,
  SensorSchema,
} from './power-documents.ts';
import { uuidOf, UuidParams } from './request-parts.ts';

const TAGS = ['power'];

/** More entries than this no controller keeps. */
export const MOST_LOG_ENTRIES = 10_000;
export const MOST_SENSORS = 1000;

interface Params {
  readonly Params: Static<typeof UuidParams>;
}

/** What is common to the schemas below. */
function schemaOf(operationId: string, summary: string, answer: TSchema, body?: TSchema) {
  return {
    tags: TAGS,
    operationId,
    summary,
    params: UuidParams,
    ...(body !== undefined && { body }),
    response: { 200: answer },
  };
}

/** `/v1/nodes/{uuid}/power`, `/boot-device` and `/bmc`: each asks the node's BMC now. */
export function addPowerRoutes(app: FastifyInstance, power: PowerCommands): void {
  app.get<Params>(
    '/v1/nodes/:uuid/power',
    { schema: schemaOf('getPower', 'Asks the BMC for the state of power and chassis.', ChassisSchema) },
    async ({ params }) => formatChassis(await asked(power.status(uuidOf(params.uuid)))),
  );

  app.post<Params & { Body: Static<typeof PowerPostSchema> }>(
    '/v1/nodes/:uuid/power',
    {
      schema: schemaOf(
        'setPower',
        'Switches the machine. The answer means that the BMC has begun.',
        PowerPostSchema,
        PowerPostSchema,
      ),
    },
    async ({ params, body }) => {
      await asked(power.control(uuidOf(params.uuid), body.action));
      return body;
    },
  );

  app.get<Params>(
    '/v1/nodes/:uuid/boot-device',
    { schema: schemaOf('getBootDevice', 'Where the machine is told to boot from.', BootDeviceSchema) },
    async ({ params }) => formatBootDevice(await asked(power.bootDevice(uuidOf(params.uuid)))),
  );

  app.put<Params & { Body: Static<typeof BootDevicePutSchema> }>(
    '/v1/nodes/:uuid/boot-device',
    {
      schema: schemaOf(
        'putBootDevice',
        'Tells the machine where to boot from next, or from now on.',
        BootDevicePutSchema,
        BootDevicePutSchema,
      ),
    },
    async ({ params, body }) => {
      const order = parseBootDevice(body);
      await asked(power.setBootDevice(uuidOf(params.uuid), order));
      return order;
    },
  );

  app.get<Params>(
    '/v1/nodes/:uuid/bmc',
    { schema: schemaOf('getBmc', 'Maker, product and firmware of the BMC.', DeviceSchema) },
    async ({ params }) => formatDevice(await asked(power.device(uuidOf(params.uuid)))),
  );

  app.get<Params>(
    '/v1/nodes/:uuid/bmc/ping',
    {
      schema: schemaOf(
        'pingBmc',
        'Whether the BMC is there, which IPMI and cipher suites it speaks; asked without logging in.',
        PresenceSchema,
      ),
    },
    async ({ params }) => formatPresence(await asked(power.presence(uuidOf(params.uuid)))),
  );

  app.get<Params>(
    '/v1/nodes/:uuid/bmc/sel',
    {
      schema: schemaOf(
        'listEventLog',
        'The system event log, oldest first.',
        Type.Object({ entries: Type.Array(EventLogEntrySchema) }),
      ),
    },
    async ({ params }) => ({
      entries: (await asked(power.eventLog(uuidOf(params.uuid), MOST_LOG_ENTRIES))).map(formatEventLogEntry),
    }),
  );

  app.get<Params>(
    '/v1/nodes/:uuid/bmc/sensors',
    {
      schema: schemaOf(
        'listSensors',
        'The sensors and what they read now.',
        Type.Object({ sensors: Type.Array(SensorSchema) }),
      ),
    },
    async ({ params }) => ({
      sensors: (await asked(power.sensors(uuidOf(params.uuid), MOST_SENSORS))).map(formatSensor),
    }),
  );

  app.post<Params & { Body: Static<typeof IdentifyPostSchema> }>(
    '/v1/nodes/:uuid/bmc/identify',
    {
      schema: schemaOf(
        'identify',
        'Makes the machine show itself, by a light as a rule; 0 stops that.',
        IdentifyPostSchema,
        IdentifyPostSchema,
      ),
    },
    async ({ params, body }) => {
      await asked(power.identify(uuidOf(params.uuid), body.seconds));
      return body;
    },
  );

  app.post<Params & { Body: Static<typeof RawPostSchema> }>(
    '/v1/nodes/:uuid/bmc/raw',
    {
      schema: schemaOf('raw', 'Any IPMI command, for what bootd has no words for.', RawSchema, RawPostSchema),
    },
    async ({ params, body }) => {
      const request = parseRaw(body);
      return formatRaw(request, await asked(power.raw(uuidOf(params.uuid), request)));
    },
  );
}
