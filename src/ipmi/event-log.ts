import type { IpmiRequest, IpmiResponse } from '../wire/rmcp/ipmi-message.ts';
import { ask, numberAt, octetAt, refused, type Conversation } from './conversation.ts';
import { describeEvent } from './event-text.ts';

/** An entry of a controller's system event log. */
export interface EventLogEntry {
  readonly recordId: number;
  /** Milliseconds since 1970; undefined: the controller did not know the time. */
  readonly at: number | undefined;
  /** What kind of sensor saw it, in words; undefined for a record in a format of its maker. */
  readonly sensorType: string | undefined;
  readonly sensorNumber: number | undefined;
  /** `asserted`: it began; `deasserted`: it ended. */
  readonly direction: 'asserted' | 'deasserted' | undefined;
  /** In words as far as they are known, else in hexadecimal. */
  readonly event: string;
}

const STORAGE = 0x0a;
const GET_SEL_INFO = 0x40;
const GET_SEL_ENTRY = 0x43;
const FIRST = 0x0000;
const LAST = 0xffff;
const WHAT = 'event log';
/** Whole records are asked for: no controller's are longer than this. */
const WHOLE_RECORD = 0xff;
const SYSTEM_EVENT = 0x02;
/** Records with a time stamp end here, those without begin. */
const OEM_WITHOUT_TIME = 0xe0;
/** Times before this are seconds since the controller's start (IPMI 2.0 section 37). */
const LATEST_UPTIME_STAMP = 0x2000_0000;
const TIME_UNKNOWN = 0xffff_ffff;

/**
 * Reads the log from its oldest entry on, `limit` entries at most. A record that points back to one that was read ends
 * the list, so that no controller can hold us for ever.
 */
export function* listEventLog(limit: number): Conversation<readonly EventLogEntry[]> {
  const entries: EventLogEntry[] = [];
  const seen = new Set<number>();
  // Its counts change while it is read, and are not relied on; a controller without a log says so here.
  yield* ask({ netFn: STORAGE, command: GET_SEL_INFO, data: new Uint8Array() }, WHAT);
  let next = FIRST;
  while (entries.length < limit && next !== LAST && !seen.has(next)) {
    seen.add(next);
    const request = getEntry(next);
    const { completionCode, data }: IpmiResponse = yield request;
    // 0xcb: there is none. So an empty log answers to the first question.
    if (completionCode === 0xcb) break;
    if (completionCode !== 0) throw refused(request, completionCode, WHAT);
    next = numberAt(data, 0, 2, WHAT);
    entries.push(parseEntry(data.subarray(2)));
  }
  return entries;
}

function getEntry(recordId: number): IpmiRequest {
  const data = Uint8Array.of(0, 0, recordId, recordId >> 8, 0, WHOLE_RECORD);
  return { netFn: STORAGE, command: GET_SEL_ENTRY, data };
}

/** The 16 octets of a record (IPMI 2.0 section 32). */
function parseEntry(record: Uint8Array): EventLogEntry {
  const recordId = numberAt(record, 0, 2, WHAT);
  const type = octetAt(record, 2, WHAT);
  const at = type >= OEM_WITHOUT_TIME ? undefined : parseTime(numberAt(record, 3, 4, WHAT));
  if (type !== SYSTEM_EVENT) {
    const event = `record of type 0x${hex(type)}: ${Array.from(record.subarray(3), hex).join(' ')}`;
    return { recordId, at, sensorType: undefined, sensorNumber: undefined, direction: undefined, event };
  }
  const kind = octetAt(record, 12, WHAT);
  const { sensorType, event } = describeEvent({
    sensorType: octetAt(record, 10, WHAT),
    readingType: kind & 0x7f,
    data: record.subarray(13, 16),
  });
  return {
    recordId,
    at,
    sensorType,
    sensorNumber: octetAt(record, 11, WHAT),
    direction: (kind & 0x80) === 0 ? 'asserted' : 'deasserted',
    event,
  };
}

function parseTime(seconds: number): number | undefined {
  return seconds <= LATEST_UPTIME_STAMP || seconds === TIME_UNKNOWN ? undefined : seconds * 1000;
}

function hex(octet: number): string {
  return octet.toString(16).padStart(2, '0');
}
