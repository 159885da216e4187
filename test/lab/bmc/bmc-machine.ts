/** What a command to a test BMC returns: completion code and data. */
export type CommandAnswer = readonly [completionCode: number, ...data: number[]];

/** The boot flags that were in force when the machine was last switched on. */
export interface BootFlags {
  readonly valid: boolean;
  readonly persistent: boolean;
  readonly uefi: boolean;
  /** Device selector of IPMI: 1 PXE, 2 disk, ... */
  readonly device: number;
}

/** A sensor of a test BMC. */
export interface TestSensor {
  readonly name: string;
  readonly type: number;
  readonly reading: number;
  /** Full records: raw octet times `multiplier` times ten to the `exponent`, in `unit`. Compact ones have states. */
  readonly analogue?: { readonly multiplier: number; readonly exponent: number; readonly unit: number };
  /** Bits of the states that are in force. */
  readonly states?: number;
}

const DEFAULT_SENSORS: readonly TestSensor[] = [
  { name: 'Inlet Temp', type: 1, reading: 23, analogue: { multiplier: 1, exponent: 0, unit: 1 } },
  { name: '12V', type: 2, reading: 200, analogue: { multiplier: 60, exponent: -3, unit: 4 } },
  { name: 'FAN1', type: 4, reading: 72, analogue: { multiplier: 100, exponent: 0, unit: 18 } },
  { name: 'PS1 Status', type: 8, reading: 0, states: 0b1001 },
];

/** An entry of the event log, 16 octets without the record number. */
export type TestEvent = readonly number[];

const DEFAULT_EVENTS: readonly TestEvent[] = [
  // System event at 2026-01-01 00:00:00 UTC: "PXE server not found".
  [0x02, ...time(1_767_225_600), 0x20, 0x00, 0x04, 0x1e, 0x51, 0x6f, 0x02, 0xff, 0xff],
  // Upper critical going high of a temperature, with reading and threshold.
  [0x02, ...time(1_767_225_660), 0x20, 0x00, 0x04, 0x01, 0x01, 0x01, 0x59, 0x5a, 0x55],
  [0x02, ...time(1_767_225_720), 0x20, 0x00, 0x04, 0x08, 0x04, 0xef, 0x01, 0xff, 0xff],
];

/** The chassis behind a test BMC and the commands that reach it, without any wire. */
export class BmcMachine {
  power: 'on' | 'off' = 'off';
  bootOptions = [0, 0, 0, 0, 0];
  /** Parameter 3: whether the flags outlive 60 seconds without a power command. */
  keepsFlags = false;
  lastBoot: BootFlags | undefined;
  identifySeconds: number | 'forever' = 0;
  manufacturer = 0;
  sensors: readonly TestSensor[] = DEFAULT_SENSORS;
  events: readonly TestEvent[] = DEFAULT_EVENTS;
  /** Called at each change of power; `flags` are those of a boot that begins. */
  onPower: (power: 'on' | 'off', flags: BootFlags | undefined) => void = () => undefined;

  bootFlags(): BootFlags {
    const [flags = 0, device = 0] = this.bootOptions;
    return {
      valid: (flags & 0x80) !== 0,
      persistent: (flags & 0x40) !== 0,
      uefi: (flags & 0x20) !== 0,
      device: (device >> 2) & 15,
    };
  }

  /** Carries a command out for a user with this privilege (2 user, 3 operator, 4 administrator). */
  execute(netFn: number, command: number, data: Buffer, privilege: number): CommandAnswer {
    switch (netFn) {
      case 0x00:
        return this.#chassis(command, data, privilege);
      case 0x04:
        return command === 0x2d ? this.#reading(data[0] ?? 0) : [0xc1];
      case 0x06:
        return command === 0x01 ? this.#deviceId() : [0xc1];
      case 0x0a:
        return this.#storage(command, data);
      default:
        return [0xc1];
    }
  }

  #deviceId(): CommandAnswer {
    const maker = this.manufacturer;
    return [
      0,
      0x20,
      0x81,
      0x02,
      0x83,
      0x02,
      0x9f,
      maker & 0xff,
      (maker >> 8) & 0xff,
      maker >> 16,
      0xb0,
      0x07,
    ];
  }

  #chassis(command: number, data: Buffer, privilege: number): CommandAnswer {
    if (command === 0x01) return [0, (this.power === 'on' ? 1 : 0) | 0x40, 0x10, 0x40];
    if (command === 0x09) return this.#getBootOption(data[0] ?? 0);
    if (privilege < 3) return [0xd4];
    if (command === 0x02) return this.#control(data[0] ?? 0xff);
    if (command === 0x04) {
      this.identifySeconds = data[1] === 1 ? 'forever' : (data[0] ?? 15);
      return [0];
    }
    return command === 0x08 ? this.#setBootOption(data) : [0xc1];
  }

  #control(what: number): CommandAnswer {
    const isOn = this.power === 'on';
    if (what === 1) {
      if (!isOn) this.#switchOn();
      return [0];
    }
    if (what === 0) {
      if (isOn) this.#switchOff();
      return [0];
    }
    if (!isOn) return [0xd5];
    if (what === 5) this.#switchOff();
    else if (what === 2 || what === 3) {
      this.#switchOff();
      this.#switchOn();
    } else return [0xcc];
    return [0];
  }

  #switchOn(): void {
    const flags = this.bootFlags();
    this.power = 'on';
    this.lastBoot = flags;
    if (flags.valid && !flags.persistent) this.bootOptions = [0, 0, 0, 0, 0];
    this.onPower('on', flags);
  }

  #switchOff(): void {
    this.power = 'off';
    this.onPower('off', undefined);
  }

  #setBootOption(data: Buffer): CommandAnswer {
    const parameter = (data[0] ?? 0) & 0x7f;
    if (parameter === 3) this.keepsFlags = ((data[1] ?? 0) & 0x08) !== 0;
    if (parameter === 5) {
      if (data.length < 6) return [0xc7];
      this.bootOptions = [...data.subarray(1, 6)];
    }
    return [0, 3, 4, 5].includes(parameter) ? [0] : [0x80];
  }

  #getBootOption(parameter: number): CommandAnswer {
    switch (parameter & 0x7f) {
      case 0:
        return [0, 1, 0, 0];
      case 3:
        return [0, 1, 3, this.keepsFlags ? 8 : 0];
      case 5:
        return [0, 1, 5, ...this.bootOptions];
      default:
        return [0x80];
    }
  }

  #storage(command: number, data: Buffer): CommandAnswer {
    const record = data.length >= 4 ? data.readUInt16LE(2) : 0;
    switch (command) {
      case 0x20:
        return [0, 0x51, this.sensors.length, 0, 0xff, 0xff, ...time(0), ...time(0), 0x02];
      case 0x22:
      case 0x42:
        return [0, 1, 0];
      case 0x23: {
        const at = record;
        const sensor = this.sensors[at];
        if (sensor === undefined) return [0xcb];
        const next = at + 1 < this.sensors.length ? [at + 1, 0] : [0xff, 0xff];
        const octets = sensorRecord(sensor, at);
        const from = data[4] ?? 0;
        return [0, ...next, ...octets.slice(from, from + (data[5] ?? 0))];
      }
      case 0x40:
        return [0, 0x51, this.events.length, 0, 0xff, 0xff, ...time(0), ...time(0), 0x02];
      case 0x43:
        return this.#event(record);
      default:
        return [0xc1];
    }
  }

  /** Records are numbered from 1; 0 is the first and 0xffff the last. */
  #event(wanted: number): CommandAnswer {
    const at = wanted === 0 ? 0 : wanted === 0xffff ? this.events.length - 1 : wanted - 1;
    const event = this.events[at];
    if (event === undefined) return [0xcb];
    const next = at + 1 < this.events.length ? [at + 2, 0] : [0xff, 0xff];
    return [0, ...next, at + 1, 0, ...event];
  }

  #reading(number: number): CommandAnswer {
    const sensor = this.sensors[number];
    if (sensor === undefined) return [0xcb];
    if (this.power === 'off' && sensor.name.startsWith('FAN')) return [0, 0, 0x60, 0, 0];
    return [0, sensor.reading, 0x40, sensor.states ?? 0, 0x80];
  }
}

/** A full record for analogue sensors, a compact one for the others (IPMI 2.0 tables 43-1 and 43-2). */
function sensorRecord(sensor: TestSensor, number: number): readonly number[] {
  const name = [0xc0 | sensor.name.length, ...Buffer.from(sensor.name, 'latin1')];
  const key = [0x20, 0, number, 7, 1, 0x7f, 0x68, sensor.type];
  const { analogue } = sensor;
  const body =
    analogue === undefined
      ? [...key, 0x6f, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...name]
      : [
          ...[...key, 0x01, 0, 0, 0, 0, 0, 0, 0, analogue.unit, 0, 0],
          ...[analogue.multiplier & 0xff, (analogue.multiplier >> 2) & 0xc0, 0, 0, 0],
          ...[(analogue.exponent & 0x0f) << 4, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...name],
        ];
  return [number, 0, 0x51, analogue === undefined ? 2 : 1, body.length, ...body];
}

function time(seconds: number): readonly number[] {
  return [seconds & 0xff, (seconds >> 8) & 0xff, (seconds >> 16) & 0xff, (seconds >>> 24) & 0xff];
}
