import { Type, type Static } from '@sinclair/typebox';
import { BOOT_DEVICES, type BootDeviceOrder, type BootDeviceState } from '../ipmi/boot-device.ts';
import {
  LONGEST_IDENTIFY_SECONDS,
  POWER_ACTIONS,
  type ChassisStatus,
  type PowerAction,
} from '../ipmi/chassis-commands.ts';
import { formatCompletionCode } from '../ipmi/completion-code.ts';
import type { IpmiRequest, IpmiResponse } from '../ipmi/conversation.ts';
import type { DeviceId } from '../ipmi/device-id.ts';
import type { EventLogEntry } from '../ipmi/event-log.ts';
import type { BmcPresence } from '../ipmi/presence-survey.ts';
import type { SensorReading } from '../ipmi/sensors.ts';
import type { PowerView } from './power-commands.ts';
import { nullable } from './schema-terms.ts';

const Timestamp = Type.String({ format: 'date-time' });
const OnOff = Type.Union([Type.Literal('on'), Type.Literal('off')]);

/** What a node's document says of its power. */
export const PowerViewSchema = Type.Object(
  {
    state: Type.Union([Type.Literal('on'), Type.Literal('off'), Type.Literal('unknown')]),
    seen_at: nullable(Timestamp),
    failure: nullable(
      Type.Object(
        { code: Type.String(), detail: Type.String(), since: Timestamp },
        {
          description: 'Why the BMC could not be asked lately; null: it could.',
        },
      ),
    ),
  },
  { description: 'Power as it was last seen; null in the node: it has no BMC.' },
);

export function formatPowerView({ state, seenAt, failure }: PowerView): Static<typeof PowerViewSchema> {
  return {
    state: state ?? 'unknown',
    seen_at: seenAt === undefined ? null : timestamp(seenAt),
    failure:
      failure === undefined
        ? null
        : { code: failure.code, detail: failure.message, since: timestamp(failure.since) },
  };
}

/** The answer to `GET /v1/nodes/{uuid}/power`. */
export const ChassisSchema = Type.Object({
  state: OnOff,
  restore_policy: Type.String({ description: 'What happens when mains power comes back.' }),
  faults: Type.Array(Type.String()),
  last_events: Type.Array(Type.String(), { description: 'What led to the last change of power.' }),
});

export function formatChassis(status: ChassisStatus): Static<typeof ChassisSchema> {
  const faults = {
    'power fault': status.powerFault,
    'power overload': status.overload,
    'power interlock': status.interlock,
    'drive fault': status.driveFault,
    'cooling fault': status.coolingFault,
  };
  return {
    state: status.power,
    restore_policy: status.restorePolicy,
    faults: Object.entries(faults).flatMap(([name, holds]) => (holds ? [name] : [])),
    last_events: [...status.lastEvents],
  };
}

/** The body of `POST /v1/nodes/{uuid}/power`. */
export const PowerPostSchema = Type.Object(
  { action: Type.Unsafe<PowerAction>({ type: 'string', enum: [...POWER_ACTIONS] }) },
  { additionalProperties: false },
);

/** The body of `PUT /v1/nodes/{uuid}/boot-device`. */
export const BootDevicePutSchema = Type.Object(
  {
    device: Type.Unsafe<BootDeviceOrder['device']>({ type: 'string', enum: [...BOOT_DEVICES] }),
    uefi: Type.Optional(Type.Boolean({ default: false })),
    persistent: Type.Optional(
      Type.Boolean({ default: false, description: 'For every boot from now on, instead of the next one.' }),
    ),
    expires: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'The BMC forgets the order after 60 seconds without a power command.',
      }),
    ),
  },
  { additionalProperties: false },
);

export function parseBootDevice(document: Static<typeof BootDevicePutSchema>): BootDeviceOrder {
  return {
    device: document.device,
    uefi: document.uefi ?? false,
    persistent: document.persistent ?? false,
    expires: document.expires ?? true,
  };
}

/** The answer to `GET /v1/nodes/{uuid}/boot-device`. */
export const BootDeviceSchema = Type.Object({
  device: Type.String(),
  uefi: Type.Boolean(),
  persistent: Type.Boolean(),
  in_force: Type.Boolean({ description: 'False: the machine boots by the order of its own set-up.' }),
});

export function formatBootDevice(state: BootDeviceState): Static<typeof BootDeviceSchema> {
  return {
    device: state.device,
    uefi: state.uefi,
    persistent: state.persistent,
    in_force: state.valid,
  };
}

/** The answer to `GET /v1/nodes/{uuid}/bmc`. */
export const DeviceSchema = Type.Object({
  manufacturer: nullable(Type.String()),
  manufacturer_id: Type.Integer(),
  product_id: Type.Integer(),
  firmware: Type.String(),
  ipmi_version: Type.String(),
  device_id: Type.Integer(),
  device_revision: Type.Integer(),
  updating: Type.Boolean(),
});

export function formatDevice(device: DeviceId): Static<typeof DeviceSchema> {
  return {
    manufacturer: device.manufacturerName ?? null,
    manufacturer_id: device.manufacturer,
    product_id: device.product,
    firmware: device.firmware,
    ipmi_version: device.ipmiVersion,
    device_id: device.deviceId,
    device_revision: device.deviceRevision,
    updating: device.isUpdating,
  };
}

/** The answer to `GET /v1/nodes/{uuid}/bmc/ping`. */
export const PresenceSchema = Type.Object({
  pong: nullable(
    Type.Object(
      {
        round_trip_ms: Type.Number(),
        ipmi: Type.Boolean({ description: 'It says that it speaks IPMI.' }),
        asf: Type.Boolean({ description: 'It speaks ASF 1.0.' }),
        rmcp_security: Type.Boolean({ description: "RMCP's security extensions, on port 664." }),
        dash: Type.Boolean({ description: 'It speaks DASH.' }),
        enterprise: Type.Integer({ description: 'Who defined `oem_defined`; 4542 is ASF: nobody.' }),
        oem_defined: Type.Integer(),
      },
      { description: 'Answer to the presence ping; null: none, though it answers IPMI.' },
    ),
  ),
  ipmi: nullable(
    Type.Object(
      {
        versions: Type.Array(Type.String(), { description: '2.0 is RMCP+, which bootd needs.' }),
        cipher_suites: Type.Array(Type.Integer(), { description: 'Empty: it does not list them.' }),
        chosen_suite: nullable(
          Type.Integer({ description: 'Which of them bootd takes; null: it lists none that encrypts.' }),
        ),
        kg_set: Type.Boolean({ description: 'A BMC key is set.' }),
        named_users: Type.Boolean(),
        nameless_users: Type.Boolean({ description: 'Somebody may log in with a password and no name.' }),
        anonymous_login: Type.Boolean({ description: 'Anybody may log in, with neither.' }),
        authentication_types: Type.Array(Type.String(), { description: 'Of IPMI 1.5.' }),
      },
      { description: 'How one may log in; null: it answers the ping and no question of IPMI.' },
    ),
  ),
});

export function formatPresence({ pong, login, suites, suite }: BmcPresence): Static<typeof PresenceSchema> {
  return {
    pong:
      pong === undefined
        ? null
        : {
            round_trip_ms: Math.round(pong.roundTripMs * 1000) / 1000,
            ipmi: pong.ipmi,
            asf: pong.asfVersion === 1,
            rmcp_security: pong.securityExtensions,
            dash: pong.dash,
            enterprise: pong.enterprise,
            oem_defined: pong.oemDefined,
          },
    ipmi:
      login === undefined
        ? null
        : {
            versions: [...(login.ipmi15 ? ['1.5'] : []), ...(login.ipmi20 ? ['2.0'] : [])],
            cipher_suites: [...suites],
            chosen_suite: suite ?? null,
            kg_set: login.kgIsSet,
            named_users: login.namedUsers,
            nameless_users: login.namelessUsers,
            anonymous_login: login.anonymousLogin,
            authentication_types: [...login.authenticationTypes],
          },
  };
}

/** One entry of the event log. */
export const EventLogEntrySchema = Type.Object({
  id: Type.Integer(),
  at: nullable(Timestamp),
  sensor_type: nullable(Type.String()),
  sensor_number: nullable(Type.Integer()),
  direction: nullable(Type.String()),
  event: Type.String(),
});

export function formatEventLogEntry(entry: EventLogEntry): Static<typeof EventLogEntrySchema> {
  return {
    id: entry.recordId,
    at: entry.at === undefined ? null : timestamp(entry.at),
    sensor_type: entry.sensorType ?? null,
    sensor_number: entry.sensorNumber ?? null,
    direction: entry.direction ?? null,
    event: entry.event,
  };
}

/** One sensor. */
export const SensorSchema = Type.Object({
  name: Type.String(),
  type: Type.String(),
  value: nullable(Type.Number()),
  unit: nullable(Type.String()),
  states: Type.Array(Type.String()),
  available: Type.Boolean(),
});

export function formatSensor(sensor: SensorReading): Static<typeof SensorSchema> {
  return {
    name: sensor.name,
    type: sensor.type,
    value: sensor.value ?? null,
    unit: sensor.unit === '' ? null : sensor.unit,
    states: [...sensor.states],
    available: sensor.available,
  };
}

/** The body of `POST /v1/nodes/{uuid}/bmc/identify`. */
export const IdentifyPostSchema = Type.Object(
  {
    seconds: Type.Union([
      Type.Integer({ minimum: 0, maximum: LONGEST_IDENTIFY_SECONDS }),
      Type.Literal('forever'),
    ]),
  },
  { additionalProperties: false },
);

/** The body of `POST /v1/nodes/{uuid}/bmc/raw`. */
export const RawPostSchema = Type.Object(
  {
    net_fn: Type.Integer({ minimum: 0, maximum: 62, multipleOf: 2 }),
    command: Type.Integer({ minimum: 0, maximum: 255 }),
    data: Type.Optional(Type.String({ pattern: '^(?:[0-9A-Fa-f]{2}){0,200}$', description: 'Hexadecimal.' })),
    lun: Type.Optional(Type.Integer({ minimum: 0, maximum: 3, default: 0 })),
  },
  { additionalProperties: false },
);

export function parseRaw(document: Static<typeof RawPostSchema>): IpmiRequest {
  return {
    netFn: document.net_fn,
    command: document.command,
    data: new Uint8Array(Buffer.from(document.data ?? '', 'hex')),
    lun: document.lun ?? 0,
  };
}

/** What a BMC answered, whatever its completion code. */
export const RawSchema = Type.Object({
  completion_code: Type.Integer(),
  meaning: Type.String(),
  data: Type.String({ description: 'Hexadecimal.' }),
});

export function formatRaw(
  request: IpmiRequest,
  { completionCode, data }: IpmiResponse,
): Static<typeof RawSchema> {
  return {
    completion_code: completionCode,
    meaning: formatCompletionCode(completionCode, request.netFn, request.command),
    data: Buffer.from(data).toString('hex'),
  };
}

function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
