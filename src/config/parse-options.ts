import type { OptionCatalogue } from '../dhcp/option-catalogue.ts';
import { OPTION } from '../wire/dhcp/option-codes.ts';
import type { OptionType } from '../wire/dhcp/option-types.ts';
import { encodeOptionValue, OptionValueError } from '../wire/dhcp/option-values.ts';
import type { Located, Place } from './located.ts';
import { didYouMean } from './nearest-name.ts';
import type { ProblemList } from './problem-list.ts';
import type { RawOptionValue } from './raw-scope.ts';

/** Option values of one scope, by code, and those of encapsulated spaces. */
export interface ParsedOptions {
  readonly options: ReadonlyMap<number, Uint8Array>;
  readonly encapsulated: ReadonlyMap<string, ReadonlyMap<number, Uint8Array>>;
}

/** Options that every reply computes for itself, and what to write instead. */
const COMPUTED: ReadonlyMap<number, string> = new Map([
  [OPTION.requestedAddress, 'it is for clients'],
  [OPTION.leaseTime, "use 'default-lease-time' and 'max-lease-time'"],
  [OPTION.overload, 'it is set when a reply needs the room'],
  [OPTION.messageType, 'it is the kind of the reply'],
  [OPTION.serverIdentifier, "use 'server-identifier'"],
  [OPTION.parameterRequestList, 'it is for clients'],
  [OPTION.maximumMessageSize, 'it is for clients'],
  [OPTION.clientIdentifier, 'replies echo what the client sent'],
  [OPTION.relayAgentInformation, 'replies echo what the relay sent'],
]);

const LONGEST_SUBOPTION = 255;

/** The options of one scope. Unknown names, values that do not fit their type, and doubles are reported. */
export function parseOptions(
  raw: Located<Readonly<Record<string, RawOptionValue>>> | undefined,
  catalogue: OptionCatalogue,
  namesAreComplete: boolean,
  problems: ProblemList,
): ParsedOptions {
  const options = new Map<number, Uint8Array>();
  const encapsulated = new Map<string, Map<number, Uint8Array>>();
  const firstNames = new Map<string, string>();
  for (const [name, written] of Object.entries(raw?.value ?? {})) {
    const option = catalogue.find(name);
    if (option === undefined) {
      // With a broken definition the name may well be one of those that could not be read.
      if (namesAreComplete) {
        problems.error(
          written.keyPlace,
          `unknown option '${name}'${didYouMean(name, catalogue.names()) || "; define it in 'option-definitions'"}`,
        );
      }
      continue;
    }
    const { code, space, type } = option;
    const instead = space === undefined ? COMPUTED.get(code) : undefined;
    if (instead !== undefined) {
      problems.error(written.keyPlace, `option '${name}' (${code}) cannot be set: ${instead}`);
      continue;
    }
    const key = `${space ?? ''}.${code}`;
    const other = firstNames.get(key);
    if (other !== undefined) {
      problems.error(written.keyPlace, `'${name}' and '${other}' are the same option, ${code}`);
      continue;
    }
    firstNames.set(key, name);
    const octets = encodeLocated(type, written, problems);
    if (octets === undefined) continue;
    if (space === undefined) {
      options.set(code, octets);
      continue;
    }
    if (octets.length > LONGEST_SUBOPTION) {
      problems.error(written.place, `a sub-option holds 255 octets at most, this has ${octets.length}`);
      continue;
    }
    if (catalogue.carrierOf(space) === undefined) {
      problems.warn(
        written.keyPlace,
        `'${name}' is never sent, since no option carries the space '${space}'; name it in 'vendor-option-space', or ` +
          `define an option of type 'encapsulate ${space}'`,
      );
    }
    const ofSpace = encapsulated.get(space) ?? new Map<number, Uint8Array>();
    encapsulated.set(space, ofSpace.set(code, octets));
  }
  return { options, encapsulated };
}

/** The octets of a value by its declared type; reported and undefined when it does not fit. */
export function encodeLocated(
  type: OptionType,
  written: Located<RawOptionValue>,
  problems: ProblemList,
): Uint8Array | undefined {
  const outcome = tryEncode(type, plainValue(written));
  if (typeof outcome === 'string') {
    problems.error(placeOfFault(type, written), outcome);
    return undefined;
  }
  if (outcome.length === 0 && type.kind !== 'flag') {
    problems.error(written.place, 'the value is empty');
    return undefined;
  }
  return outcome;
}

/** The octets, or what is wrong. */
function tryEncode(type: OptionType, value: unknown): Uint8Array | string {
  try {
    return encodeOptionValue(type, value);
  } catch (error) {
    if (error instanceof OptionValueError) return error.message;
    throw error;
  }
}

/** In a list of like elements, the first one that does not fit by itself; else the whole value. */
function placeOfFault(type: OptionType, written: Located<RawOptionValue>): Place {
  if (type.kind !== 'array' || !Array.isArray(written.value)) return written.place;
  const elements = written.value as readonly Located<RawOptionValue>[];
  const faulty = elements.find((element) => typeof tryEncode(type.of, plainValue(element)) === 'string');
  return faulty?.place ?? written.place;
}

/** The value without its places. Numbers stay as they are written, since as text `007` is not `7`. */
function plainValue(written: Located<unknown>): unknown {
  const value: unknown = written.value;
  if (typeof value === 'number' || typeof value === 'bigint') return written.source;
  if (Array.isArray(value)) return value.map((item) => plainValue(item as Located<unknown>));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, plainValue(item as Located<unknown>)]),
  );
}
