import type { NodeUuid } from '../boot/node.ts';
import {
  formatBootDevice,
  formatChassis,
  formatDevice,
  formatEventLogEntry,
  formatRaw,
  formatSensor,
  parseRaw,
} from '../control/power-documents.ts';
import { MOST_LOG_ENTRIES, MOST_SENSORS } from '../control/power-routes.ts';
import { getBootDevice, setBootDevice, type BootDeviceOrder } from '../ipmi/boot-device.ts';
import {
  controlPower,
  getChassisStatus,
  identifyChassis,
  type PowerAction,
} from '../ipmi/chassis-commands.ts';
import { askRaw } from '../ipmi/conversation.ts';
import { getDeviceId } from '../ipmi/device-id.ts';
import { listEventLog } from '../ipmi/event-log.ts';
import { listSensors } from '../ipmi/sensors.ts';
import type { BmcClient } from '../services/bmc-client.ts';
import type { ControlClient } from './control-client.ts';
import { recordOf } from './document.ts';

export type PowerDocument = Readonly<Record<string, unknown>>;

/** An IPMI command as the API's `bmc/raw` takes it. */
export interface RawCommand {
  readonly net_fn: number;
  readonly command: number;
  /** Hexadecimal. */
  readonly data: string;
}

/** A BMC as the subcommands see it; what it returns are the documents of the control API, whichever way it is asked. */
export interface PowerPort {
  status(): Promise<PowerDocument>;
  control(action: PowerAction): Promise<void>;
  bootDevice(): Promise<PowerDocument>;
  setBootDevice(order: BootDeviceOrder): Promise<void>;
  device(): Promise<PowerDocument>;
  eventLog(): Promise<PowerDocument>;
  sensors(): Promise<PowerDocument>;
  identify(seconds: number | 'forever'): Promise<void>;
  raw(command: RawCommand): Promise<PowerDocument>;
  close(): void;
}

/** The BMC of a node, asked by the daemon, which knows the password. */
export class ApiPower implements PowerPort {
  readonly #client: ControlClient;
  readonly #node: string;

  constructor(client: ControlClient, uuid: NodeUuid) {
    this.#client = client;
    this.#node = `/v1/nodes/${uuid}`;
  }

  status(): Promise<PowerDocument> {
    return this.#get('/power');
  }

  async control(action: PowerAction): Promise<void> {
    await this.#client.post(`${this.#node}/power`, { action });
  }

  bootDevice(): Promise<PowerDocument> {
    return this.#get('/boot-device');
  }

  async setBootDevice(order: BootDeviceOrder): Promise<void> {
    await this.#client.put(`${this.#node}/boot-device`, order);
  }

  device(): Promise<PowerDocument> {
    return this.#get('/bmc');
  }

  presence(): Promise<PowerDocument> {
    return this.#get('/bmc/ping');
  }

  eventLog(): Promise<PowerDocument> {
    return this.#get('/bmc/sel');
  }

  sensors(): Promise<PowerDocument> {
    return this.#get('/bmc/sensors');
  }

  async identify(seconds: number | 'forever'): Promise<void> {
    await this.#client.post(`${this.#node}/bmc/identify`, { seconds });
  }

  async raw(command: RawCommand): Promise<PowerDocument> {
    return recordOf((await this.#client.post(`${this.#node}/bmc/raw`, command)).body);
  }

  close(): void {
    // The daemon keeps the session.
  }

  async #get(path: string): Promise<PowerDocument> {
    return recordOf((await this.#client.get(`${this.#node}${path}`)).body);
  }
}

/** A BMC by its address, asked from here. */
export class DirectPower implements PowerPort {
  readonly #bmc: BmcClient;

  constructor(bmc: BmcClient) {
    this.#bmc = bmc;
  }

  async status(): Promise<PowerDocument> {
    return formatChassis(await this.#bmc.ask(getChassisStatus));
  }

  control(action: PowerAction): Promise<void> {
    return this.#bmc.ask(() => controlPower(action));
  }

  async bootDevice(): Promise<PowerDocument> {
    return formatBootDevice(await this.#bmc.ask(getBootDevice));
  }

  async setBootDevice(order: BootDeviceOrder): Promise<void> {
    const manufacturer = await this.#bmc.manufacturer();
    await this.#bmc.ask(() => setBootDevice(order, manufacturer));
  }

  async device(): Promise<PowerDocument> {
    return formatDevice(await this.#bmc.ask(getDeviceId));
  }

  async eventLog(): Promise<PowerDocument> {
    const entries = await this.#bmc.ask(() => listEventLog(MOST_LOG_ENTRIES));
    return { entries: entries.map(formatEventLogEntry) };
  }

  async sensors(): Promise<PowerDocument> {
    const sensors = await this.#bmc.ask(() => listSensors(MOST_SENSORS));
    return { sensors: sensors.map(formatSensor) };
  }

  identify(seconds: number | 'forever'): Promise<void> {
    return this.#bmc.ask(() => identifyChassis(seconds));
  }

  async raw(command: RawCommand): Promise<PowerDocument> {
    const request = parseRaw(command);
    return formatRaw(request, await this.#bmc.ask(() => askRaw(request)));
  }

  close(): void {
    this.#bmc.close();
  }
}
