import type { OptionMap } from './dhcp-options.ts';
import { WireError } from '../wire-error.ts';
import { decodeEncapsulated, encodeEncapsulated } from './encapsulated-options.ts';
import { OPTION } from './option-codes.ts';

/** Sub-options of option 43 in an answer to `PXEClient` (PXE 2.1 section 2.2.4, table 2-1). */
export const PXE_SUB_OPTION = {
  discoveryControl: 6,
  /** Type and layer of the menu item that the user chose. */
  bootItem: 71,
} as const;

/** Discovery control, bit 3: take the boot file of this offer, look for no boot server. */
export const USE_THIS_BOOT_FILE = 8;

/** The UDP port that a PXE boot server answers on (PXE 2.1 section 2.2.3). */
export const PXE_BOOT_SERVER_PORT = 4011;

/**
 * Option 43 that tells a PXE ROM to load the boot file of this very answer. `asked` is option 43 of its request: the menu item
 * in it, if any, is confirmed (PXE 2.1 section 2.2.6).
 */
export function encodePlainBootAnswer(asked: Uint8Array | undefined): Uint8Array {
  const answer = new Map<number, Uint8Array>([
    [PXE_SUB_OPTION.discoveryControl, Uint8Array.of(USE_THIS_BOOT_FILE)],
  ]);
  const item = asked && bootItemIn(asked);
  if (item !== undefined) answer.set(PXE_SUB_OPTION.bootItem, item);
  return encodeEncapsulated(answer, 'end');
}

/** The menu item that a ROM asks a boot server for: type and layer; undefined where option 43 names none, or is broken. */
export function bootItemIn(vendorOptions: Uint8Array): Uint8Array | undefined {
  try {
    return decodeEncapsulated(vendorOptions, 'pad-and-end').get(PXE_SUB_OPTION.bootItem);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** The beginning of option 60 that says what kind of answer the client waits for. */
export type VendorClass = 'PXEClient' | 'HTTPClient';

const ARCHITECTURE_IN_CLASS = /^(?:PXE|HTTP)Client:Arch:(\d{5})(?::|$)/;

/** What a boot ROM tells about itself. */
export interface BootClient {
  readonly vendorClass: VendorClass | undefined;
  /** Numbers of option 93, the preferred one first; else the one in option 60; empty: not told. */
  readonly architectureCodes: readonly number[];
  readonly userClasses: readonly string[];
  /** Option 77 says `iPXE`, or iPXE's own option 175 is there. */
  readonly isIpxe: boolean;
  /** The system's UUID from option 97, lower case. */
  readonly machineUuid: string | undefined;
}

/** Reads options 60, 77, 93, 97 and 175. A value that is broken is one that was not sent. */
export function describeBootClient(options: OptionMap): BootClient {
  const vendorText = asciiText(options.get(OPTION.vendorClassIdentifier));
  const userClasses = decodeUserClasses(options.get(OPTION.userClass));
  const codes = decodeWords(options.get(OPTION.clientSystemArchitecture));
  const codeInClass = ARCHITECTURE_IN_CLASS.exec(vendorText)?.[1];
  return {
    vendorClass: vendorClassOf(vendorText),
    architectureCodes: codes.length > 0 || codeInClass === undefined ? codes : [Number(codeInClass)],
    userClasses,
    isIpxe: userClasses.includes('iPXE') || options.has(OPTION.ipxeEncapsulated),
    machineUuid: decodeMachineIdentifier(options.get(OPTION.clientMachineIdentifier)),
  };
}

function vendorClassOf(text: string): VendorClass | undefined {
  if (text.startsWith('PXEClient')) return 'PXEClient';
  return text.startsWith('HTTPClient') ? 'HTTPClient' : undefined;
}

/** The octets as text, one character each: enough to compare, and nothing is ever an error. */
function asciiText(value: Uint8Array | undefined): string {
  return value === undefined ? '' : String.fromCharCode(...value.subarray(0, 255));
}

/**
 * The classes of option 77. RFC 3004 has a length before each; iPXE and others send bare text, which is taken as one class
 * when the lengths do not add up.
 */
export function decodeUserClasses(value: Uint8Array | undefined): readonly string[] {
  if (value === undefined || value.length === 0) return [];
  const classes: string[] = [];
  let at = 0;
  while (at < value.length) {
    const length = value[at] ?? 0;
    if (length === 0 || at + 1 + length > value.length) return [asciiText(value)];
    classes.push(asciiText(value.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  return classes;
}

function decodeWords(value: Uint8Array | undefined): readonly number[] {
  if (value === undefined || value.length % 2 !== 0) return [];
  const words: number[] = [];
  for (let at = 0; at < value.length; at += 2) words.push((value[at] ?? 0) * 256 + (value[at + 1] ?? 0));
  return words;
}

const UUID_TYPE = 0;

/**
 * Option 97 is a type octet and 16 octets (RFC 4578 section 2.3), in the order in which they are printed: firmware sends the
 * SMBIOS octets already swapped, or not, so this is what the client says and not always what the label on its case says.
 */
function decodeMachineIdentifier(value: Uint8Array | undefined): string | undefined {
  if (value?.length !== 17 || value[0] !== UUID_TYPE) return undefined;
  const digits = Array.from(value.subarray(1), (octet) => octet.toString(16).padStart(2, '0')).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
