import { WireError } from '../wire-error.ts';
import { OPTION } from './option-codes.ts';

const PAD = 0;
const END = 255;
const LONGEST_INSTANCE = 255;

/** Option 52 with its length and value. */
const OVERLOAD_LENGTH = 3;

/** Bits of option 52 (RFC 2132 section 9.3). */
const OVERLOADS_FILE = 1;
const OVERLOADS_SNAME = 2;

/** Code → value, in the order of the wire. */
export type OptionMap = ReadonlyMap<number, Uint8Array>;

/** The header fields that may hold options while they hold nothing else. */
export interface HeaderFields {
  readonly file: Uint8Array;
  readonly sname: Uint8Array;
}

/** The three places where options may stand; `file` and `sname` are undefined when they hold what their name says. */
export interface OptionAreas {
  readonly options: Uint8Array;
  readonly file: Uint8Array | undefined;
  readonly sname: Uint8Array | undefined;
}

/** What a layout did not have room for, besides the areas themselves. */
export interface OptionLayout extends OptionAreas {
  /** Codes of the options that were left out, in the order in which they were asked for. */
  readonly dropped: readonly number[];
}

/**
 * Options that a reply cannot do without: message type, server identifier, lease time, the echoed client identifier
 * (RFC 6842 section 3) and the relay's own information (RFC 3046 section 2.2).
 */
const NEVER_DROPPED: ReadonlySet<number> = new Set([
  OPTION.messageType,
  OPTION.serverIdentifier,
  OPTION.leaseTime,
  OPTION.clientIdentifier,
  OPTION.relayAgentInformation,
]);

/**
 * The options of a message: those of the options area, then `file` and `sname` where option 52 says so (RFC 2131
 * section 4.1). Instances of one code are joined in order (RFC 3396 section 7). Octets after END are ignored, a
 * missing END is not missed. Option 52 itself is left out once it was followed. Values are views.
 * Throws WireError `broken-options` when an option runs past the end of its area.
 */
export function decodeOptions(
  area: Uint8Array,
  file: Uint8Array,
  sname: Uint8Array,
): { readonly options: OptionMap; readonly overload: number } {
  const options = new Map<number, Uint8Array>();
  scanOptions(area, options);
  const overload = overloadOf(options);
  if (overload !== 0) {
    options.delete(OPTION.overload);
    if (overload & OVERLOADS_FILE) scanOptions(file, options);
    if (overload & OVERLOADS_SNAME) scanOptions(sname, options);
  }
  return { options, overload };
}

/** Whether `overload`, as decodeOptions returns it, says that `file` or `sname` held options. */
export function overloads(overload: number, field: 'file' | 'sname'): boolean {
  return (overload & (field === 'file' ? OVERLOADS_FILE : OVERLOADS_SNAME)) !== 0;
}

function overloadOf(options: OptionMap): number {
  const value = options.get(OPTION.overload);
  const overload = value?.length === 1 ? (value[0] ?? 0) : 0;
  return overload <= (OVERLOADS_FILE | OVERLOADS_SNAME) ? overload : 0;
}

function scanOptions(area: Uint8Array, into: Map<number, Uint8Array>): void {
  let at = 0;
  while (at < area.length) {
    const code = area[at] ?? END;
    at += 1;
    if (code === PAD) continue;
    if (code === END) return;
    const length = area[at];
    if (length === undefined || at + 1 + length > area.length) {
      throw new WireError('broken-options', `option ${code} runs past the end of its area`);
    }
    const value = area.subarray(at + 1, at + 1 + length);
    const before = into.get(code);
    into.set(code, before === undefined ? value : joined(before, value));
    at += 1 + length;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** Octets that one option takes, split into instances of at most 255 octets where it is longer (RFC 3396). */
function encodedLength(value: Uint8Array): number {
  return value.length + 2 * Math.max(1, Math.ceil(value.length / LONGEST_INSTANCE));
}

/** Octets of an area that holds all of the options, END included. */
export function areaLength(options: OptionMap): number {
  let length = 1;
  for (const value of options.values()) length += encodedLength(value);
  return length;
}

/**
 * Lays options out that need more than `room` octets, END included, in the order of the map, with option 82 last (RFC 3046
 * section 2.1). What does not fit goes into `file`, then into `sname`, where these are all zeros, and option 52 says so; what then
 * fits nowhere is left out. Each option has the choice before those that come after it. Those that a reply cannot do without
 * always stand in the options area, even when they alone exceed the room: half a reply helps nobody, and such a client sent more
 * than that itself.
 */
export function layoutOptions(options: OptionMap, room: number, fields: HeaderFields): OptionLayout {
  const ordered = inOrder(options);
  let fileRoom = roomIn(fields.file);
  let snameRoom = roomIn(fields.sname);
  let mainRoom = room - 1 - (fileRoom + snameRoom > 0 ? OVERLOAD_LENGTH : 0);
  for (const [code, value] of ordered) if (NEVER_DROPPED.has(code)) mainRoom -= encodedLength(value);
  const main: OneOption[] = [];
  const inFile: OneOption[] = [];
  const inSname: OneOption[] = [];
  const dropped: number[] = [];
  for (const option of ordered) {
    const length = encodedLength(option[1]);
    if (NEVER_DROPPED.has(option[0])) {
      main.push(option);
    } else if (length <= mainRoom) {
      main.push(option);
      mainRoom -= length;
    } else if (length <= fileRoom) {
      inFile.push(option);
      fileRoom -= length;
    } else if (length <= snameRoom) {
      inSname.push(option);
      snameRoom -= length;
    } else {
      dropped.push(option[0]);
    }
  }
  const overload = (inFile.length > 0 ? OVERLOADS_FILE : 0) | (inSname.length > 0 ? OVERLOADS_SNAME : 0);
  if (overload !== 0) insertOverload(main, overload);
  return {
    options: encodeArea(new Map(main)),
    file: inFile.length > 0 ? encodeArea(new Map(inFile), fields.file.length) : undefined,
    sname: inSname.length > 0 ? encodeArea(new Map(inSname), fields.sname.length) : undefined,
    dropped,
  };
}

/** Octets that options may take in a header field, END not counted. */
function roomIn(field: Uint8Array): number {
  return field.every((octet) => octet === 0) ? Math.max(0, field.length - 1) : 0;
}

/** Behind the options that every reader looks for first, and before option 82, which stays last. */
function insertOverload(main: OneOption[], overload: number): void {
  const option = [OPTION.overload, Uint8Array.of(overload)] as const;
  const last = main.at(-1);
  if (last?.[0] === OPTION.relayAgentInformation) main.splice(-1, 0, option);
  else main.push(option);
}

type OneOption = readonly [code: number, value: Uint8Array];

/** As the map has them, but the relay's own information last. */
function inOrder(options: OptionMap): readonly OneOption[] {
  const isOfRelay = ([code]: OneOption): boolean => code === OPTION.relayAgentInformation;
  const ordered = [...options];
  return [...ordered.filter((option) => !isOfRelay(option)), ...ordered.filter(isOfRelay)];
}

/** The options and END in an area of `length` octets; what is left of it is PAD. */
function encodeArea(options: OptionMap, length = areaLength(options)): Uint8Array {
  const area = new Uint8Array(length);
  writeOptions(options, area, 0);
  return area;
}

/**
 * Writes the options and END into memory that has room for them, from `start` on, in the order of the map, with option 82 last
 * (RFC 3046 section 2.1).
 */
export function writeOptions(options: OptionMap, area: Uint8Array, start: number): void {
  let at = start;
  for (const [code, value] of options) {
    if (code !== OPTION.relayAgentInformation) at = writeOption(code, value, area, at);
  }
  const relayInformation = options.get(OPTION.relayAgentInformation);
  if (relayInformation !== undefined) {
    at = writeOption(OPTION.relayAgentInformation, relayInformation, area, at);
  }
  area[at] = END;
}

/** Writes one option, in as many instances as it takes; returns where the next one goes. */
function writeOption(code: number, value: Uint8Array, area: Uint8Array, start: number): number {
  let at = start;
  let from = 0;
  do {
    const end = Math.min(from + LONGEST_INSTANCE, value.length);
    area[at] = code;
    area[at + 1] = end - from;
    at += 2;
    // Most values have a few octets; a loop is faster than Uint8Array.set for them.
    for (; from < end; from += 1) area[at++] = value[from] ?? 0;
  } while (from < value.length);
  return at;
}
