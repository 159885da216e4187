import { ask, octetAt, type Conversation } from './conversation.ts';

/** What can be done to a machine's power. `soft` asks its operating system; the others ask nobody. */
export const POWER_ACTIONS = ['on', 'off', 'soft', 'cycle', 'reset'] as const;

export type PowerAction = (typeof POWER_ACTIONS)[number];

/** Values of Chassis Control (IPMI 2.0 section 28.3). */
const CONTROL: Readonly<Record<PowerAction, number>> = { off: 0, on: 1, cycle: 2, reset: 3, soft: 5 };

const CHASSIS = 0;
const GET_STATUS = 0x01;
const CONTROL_POWER = 0x02;
const IDENTIFY = 0x04;

/** What a machine gets when its mains power comes back. */
export type RestorePolicy = 'always-off' | 'previous' | 'always-on' | 'unknown';

/** Get Chassis Status (IPMI 2.0 section 28.2). */
export interface ChassisStatus {
  readonly power: 'on' | 'off';
  readonly powerFault: boolean;
  readonly overload: boolean;
  readonly interlock: boolean;
  readonly restorePolicy: RestorePolicy;
  /** What led to the last change of power, in words; empty when the controller does not tell. */
  readonly lastEvents: readonly string[];
  readonly driveFault: boolean;
  readonly coolingFault: boolean;
}

const RESTORE_POLICIES: readonly RestorePolicy[] = ['always-off', 'previous', 'always-on', 'unknown'];
const LAST_EVENTS = [
  'mains power failed',
  'power overload',
  'power interlock',
  'power fault',
  'switched on by command',
];

export function* getChassisStatus(): Conversation<ChassisStatus> {
  const what = 'chassis status';
  const data = yield* ask({ netFn: CHASSIS, command: GET_STATUS, data: new Uint8Array() }, what);
  const power = octetAt(data, 0, what);
  const last = octetAt(data, 1, what);
  const other = octetAt(data, 2, what);
  return {
    power: (power & 0x01) === 0 ? 'off' : 'on',
    overload: (power & 0x02) !== 0,
    interlock: (power & 0x04) !== 0,
    powerFault: (power & 0x18) !== 0,
    restorePolicy: RESTORE_POLICIES[(power >> 5) & 0x03] ?? 'unknown',
    lastEvents: LAST_EVENTS.filter((_, bit) => (last & (1 << bit)) !== 0),
    driveFault: (other & 0x04) !== 0,
    coolingFault: (other & 0x08) !== 0,
  };
}

/** Chassis Control. The answer means that the controller has begun, not that the machine is there yet. */
export function* controlPower(action: PowerAction): Conversation<void> {
  const data = Uint8Array.of(CONTROL[action]);
  yield* ask({ netFn: CHASSIS, command: CONTROL_POWER, data }, `power ${action}`);
}

/** Longest time that Chassis Identify can count. */
export const LONGEST_IDENTIFY_SECONDS = 255;

/** Makes the machine show itself, by a light as a rule; 0 seconds stops that, `forever` until it is stopped. */
export function* identifyChassis(seconds: number | 'forever'): Conversation<void> {
  const FORCE_ON = 1;
  const data = seconds === 'forever' ? Uint8Array.of(0, FORCE_ON) : Uint8Array.of(seconds);
  yield* ask({ netFn: CHASSIS, command: IDENTIFY, data }, 'identify');
}
