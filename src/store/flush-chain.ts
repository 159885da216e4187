import type { RecordChange } from './store.ts';

/**
 * LevelDB drops a damaged block of its log and says so nowhere but in a file of its own. So each flush carries one
 * record more, its own number; a number that is missing when the store is opened is a flush that is lost. The
 * records form a ring, large enough for every flush that the log can hold: a flush of one lease takes about 150
 * octets there, and LevelDB moves a log of 4 MiB into tables, whose damage it reports.
 */
export const CHAIN_PREFIX = 'flush/';

const RING_SIZE = 32_768;

/** Where the count begins: everything before was lost and reported, or never was. */
const BASE_KEY = `${CHAIN_PREFIX}base`;

/** What the records of the chain say. */
export interface ChainState {
  /** The number of the last flush that is there; 0 for a new store. */
  readonly last: number;
  /** How many flushes before it are missing. */
  readonly missing: number;
}

/** The record that goes into flush `number`, counted from 1. */
export function chainLink(number: number): RecordChange {
  const slot = (number % RING_SIZE).toString(16).padStart(4, '0');
  return { kind: 'put', key: `${CHAIN_PREFIX}${slot}`, value: encodeNumber(number) };
}

/** Goes into the flush after a loss was reported, so that the same loss is not reported again at each start. */
export function chainBase(number: number): RecordChange {
  return { kind: 'put', key: BASE_KEY, value: encodeNumber(number) };
}

/** Reads the chain back: all records below CHAIN_PREFIX. */
export function inspectChain(records: Iterable<readonly [key: string, value: Uint8Array]>): ChainState {
  let base = 1;
  const numbers = new Set<number>();
  for (const [key, value] of records) {
    const number = decodeNumber(value);
    if (number === undefined) continue;
    if (key === BASE_KEY) base = number;
    else numbers.add(number);
  }
  let last = 0;
  for (const number of numbers) last = Math.max(last, number);
  const first = Math.max(base, last - RING_SIZE + 1);
  let missing = 0;
  for (let number = first; number < last; number += 1) {
    if (!numbers.has(number)) missing += 1;
  }
  return { last, missing };
}

function encodeNumber(number: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  return bytes;
}

function decodeNumber(bytes: Uint8Array): number | undefined {
  if (bytes.length !== 8) return undefined;
  return Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0));
}
