import type { NodeUuid } from '../boot/node.ts';
import type { BootDeviceOrder, BootDeviceState } from '../ipmi/boot-device.ts';
import type { ChassisStatus, PowerAction } from '../ipmi/chassis-commands.ts';
import type { DeviceId } from '../ipmi/device-id.ts';
import type { EventLogEntry } from '../ipmi/event-log.ts';
import type { IpmiErrorCode } from '../ipmi/ipmi-error.ts';
import type { SensorReading } from '../ipmi/sensors.ts';
import type { IpmiRequest, IpmiResponse } from '../ipmi/conversation.ts';
import type { BmcPresence } from '../ipmi/presence-survey.ts';

/** What is known of a node's power without asking its BMC. Times are milliseconds since 1970. */
export interface PowerView {
  /** Undefined: it has not been seen yet. */
  readonly state: 'on' | 'off' | undefined;
  readonly seenAt: number | undefined;
  /** Why the last question got no answer; undefined: it got one, or there was none. */
  readonly failure:
    { readonly code: IpmiErrorCode; readonly message: string; readonly since: number } | undefined;
}

/** Who sees what a machine prints. */
export interface ConsoleListener {
  onOutput(characters: Uint8Array): void;
  /** The other side ended it; not called after `close`. */
  onEnd(error: Error): void;
}

/** A serial console over LAN. */
export interface OpenConsole {
  type(characters: Uint8Array): void;
  /** Gives the serial port back. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * The BMCs of nodes, as the control API sees them. What asks one rejects with IpmiError, and with ProblemError where
 * there is no such node or it has no BMC.
 */
export interface PowerCommands {
  /** Undefined: the node has no BMC. */
  view(uuid: NodeUuid): PowerView | undefined;
  status(uuid: NodeUuid): Promise<ChassisStatus>;
  control(uuid: NodeUuid, action: PowerAction): Promise<void>;
  bootDevice(uuid: NodeUuid): Promise<BootDeviceState>;
  setBootDevice(uuid: NodeUuid, order: BootDeviceOrder): Promise<void>;
  device(uuid: NodeUuid): Promise<DeviceId>;
  /** Who is there and how one may log in, asked without logging in. */
  presence(uuid: NodeUuid): Promise<BmcPresence>;
  eventLog(uuid: NodeUuid, limit: number): Promise<readonly EventLogEntry[]>;
  sensors(uuid: NodeUuid, limit: number): Promise<readonly SensorReading[]>;
  identify(uuid: NodeUuid, seconds: number | 'forever'): Promise<void>;
  raw(uuid: NodeUuid, request: IpmiRequest): Promise<IpmiResponse>;
  /** With `takeOver` another console that has the serial port is put out. */
  console(uuid: NodeUuid, takeOver: boolean, listener: ConsoleListener): Promise<OpenConsole>;
}
