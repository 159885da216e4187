import type { IpmiRequest, IpmiResponse } from '../wire/rmcp/ipmi-message.ts';
import { ask, numberAt, octetAt, refused, type Conversation } from './conversation.ts';
import { formatSensorType, formatState } from './event-text.ts';
import { IpmiError } from './ipmi-error.ts';
import { convertReading, parseSensorRecord, type SensorRecord } from './sensor-record.ts';

/** A sensor and what it reads now. */
export interface SensorReading {
  readonly name: string;
  readonly type: string;
  /** Undefined: the sensor has states instead, or does not read at the moment. */
  readonly value: number | undefined;
  readonly unit: string;
  /** States that are in force, in words; for a threshold sensor, those that it has passed. */
  readonly states: readonly string[];
  /** False: the controller has no reading, as for a fan of a machine that is off. */
  readonly available: boolean;
}

const STORAGE = 0x0a;
const SENSOR = 0x04;
const GET_REPOSITORY_INFO = 0x20;
const RESERVE_SDR = 0x22;
const GET_SDR = 0x23;
const GET_SENSOR_READING = 0x2d;
const WHAT = 'sensor data repository';
const FIRST = 0x0000;
const LAST = 0xffff;
const HEADER_OCTETS = 5;
/** Beyond this a repository is a controller's mistake. */
const MOST_RECORDS = 2000;
/** So much is asked for at once until the controller says that it cannot; then as much as every one can. */
const LARGE_PART_OCTETS = 32;
const SMALL_PART_OCTETS = 16;
const TOO_MANY_OCTETS = 0xca;
/** Somebody else's change cancels a reservation; a controller that cancels every one is given up. */
const MOST_RESERVATIONS = 8;
const RESERVATION_CANCELLED = 0xc5;
const NOT_THERE = 0xcb;
const BMC_OWNER = 0x20;
const THRESHOLD = 0x01;

const CROSSED = [
  'at or below lower non-critical',
  'at or below lower critical',
  'at or below lower non-recoverable',
  'at or above upper non-critical',
  'at or above upper critical',
  'at or above upper non-recoverable',
];

/** Reads the repository, and each sensor of the controller itself as it comes up, `limit` sensors at most. */
export function* listSensors(limit: number): Conversation<readonly SensorReading[]> {
  yield* ask({ netFn: STORAGE, command: GET_REPOSITORY_INFO, data: new Uint8Array() }, WHAT);
  const readings: SensorReading[] = [];
  const seen = new Set<number>();
  const repository = new Repository();
  let next = FIRST;
  while (readings.length < limit && next !== LAST && !seen.has(next) && seen.size < MOST_RECORDS) {
    seen.add(next);
    const record = yield* getRecord(next, repository);
    if (record === undefined) break;
    next = record.next;
    const sensor = parseSensorRecord(record.octets);
    // Sensors of other controllers would have to be asked across the bus.
    if (sensor?.ownerId === BMC_OWNER) readings.push(yield* readSensor(sensor));
  }
  return readings;
}

interface RepositoryRecord {
  readonly octets: Uint8Array;
  readonly next: number;
}

/** Undefined: it is not there, as in a repository that is empty. */
function* getRecord(id: number, repository: Repository): Conversation<RepositoryRecord | undefined> {
  const header = yield* repository.read(id, 0, HEADER_OCTETS);
  if (header === undefined) return undefined;
  const next = numberAt(header, 0, 2, WHAT);
  const length = HEADER_OCTETS + octetAt(header, 6, WHAT);
  const octets = [...header.subarray(2)];
  while (octets.length < length) {
    const part = yield* repository.read(id, octets.length, length - octets.length);
    if (part === undefined || part.length <= 2)
      throw new IpmiError('bad-answer', `${WHAT}: a part of a record is missing`);
    octets.push(...part.subarray(2));
  }
  return { octets: Uint8Array.from(octets.slice(0, length)), next };
}

/** Parts of records may only be read under a reservation, which is taken anew when somebody else cancels it. */
class Repository {
  #id: number | undefined;
  #taken = 0;
  #partOctets = LARGE_PART_OCTETS;

  *read(recordId: number, offset: number, count: number): Conversation<Uint8Array | undefined> {
    for (;;) {
      const id = (this.#id ??= yield* this.#reserve());
      const part = Math.min(count, this.#partOctets);
      const request: IpmiRequest = {
        netFn: STORAGE,
        command: GET_SDR,
        data: Uint8Array.of(id, id >> 8, recordId, recordId >> 8, offset, part),
      };
      const { completionCode, data }: IpmiResponse = yield request;
      if (completionCode === 0) return data;
      if (completionCode === NOT_THERE) return undefined;
      if (completionCode === TOO_MANY_OCTETS && part > SMALL_PART_OCTETS) {
        this.#partOctets = SMALL_PART_OCTETS;
        continue;
      }
      if (completionCode !== RESERVATION_CANCELLED) throw refused(request, completionCode, WHAT);
      this.#id = undefined;
    }
  }

  *#reserve(): Conversation<number> {
    const request = { netFn: STORAGE, command: RESERVE_SDR, data: new Uint8Array() };
    const { completionCode, data }: IpmiResponse = yield request;
    this.#taken += 1;
    if (completionCode !== 0) throw refused(request, completionCode, WHAT);
    if (this.#taken > MOST_RESERVATIONS) {
      throw new IpmiError('bad-answer', `${WHAT}: every reservation is cancelled`);
    }
    return numberAt(data, 0, 2, WHAT);
  }
}

function* readSensor(record: SensorRecord): Conversation<SensorReading> {
  const { name, unit, sensorType, readingType, conversion } = record;
  const base = { name, type: formatSensorType(sensorType), unit };
  const { completionCode, data }: IpmiResponse = yield {
    netFn: SENSOR,
    command: GET_SENSOR_READING,
    lun: record.lun,
    data: Uint8Array.of(record.number),
  };
  const [raw = 0, flags = 0, low = 0, high = 0] = data;
  const SCANNING = 0x40;
  const UNAVAILABLE = 0x20;
  if (completionCode !== 0 || (flags & SCANNING) === 0 || (flags & UNAVAILABLE) !== 0) {
    return { ...base, value: undefined, states: [], available: false };
  }
  const set = (mask: number): readonly number[] =>
    Array.from({ length: 15 }, (_, bit) => bit).filter((bit) => (mask & (1 << bit)) !== 0);
  const states =
    readingType === THRESHOLD
      ? set(low & 0x3f).map((bit) => CROSSED[bit] ?? '')
      : set(low | ((high & 0x7f) << 8)).map((bit) => formatState(sensorType, readingType, bit));
  const value = conversion === undefined ? undefined : convertReading(raw, conversion);
  return { ...base, value, states, available: true };
}
