/** A set of bytes: 256 entries, 1 for a member. Never changed once it is part of a pattern. */
export type ByteSet = Uint8Array;

const A = 0x41;
const Z = 0x5a;
const FOLD_BIT = 0x20;

/** Line feed: the only byte to which glibc gives a meaning of its own, in `^` and `$`. */
export const NEWLINE = 0x0a;

function isBetween(byte: number, first: number, last: number): boolean {
  return byte >= first && byte <= last;
}

const isUpper = (byte: number): boolean => isBetween(byte, A, Z);
const isLower = (byte: number): boolean => isBetween(byte, A | FOLD_BIT, Z | FOLD_BIT);
const isAlpha = (byte: number): boolean => isUpper(byte) || isLower(byte);
const isDigit = (byte: number): boolean => isBetween(byte, 0x30, 0x39);
const isAlnum = (byte: number): boolean => isAlpha(byte) || isDigit(byte);
const isGraph = (byte: number): boolean => isBetween(byte, 0x21, 0x7e);
const isSpace = (byte: number): boolean => byte === 0x20 || isBetween(byte, 0x09, 0x0d);

/** The set of the bytes for which `test` holds. */
export function byteSet(test: (byte: number) => boolean): ByteSet {
  const set = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) set[byte] = test(byte) ? 1 : 0;
  return set;
}

/** Everything that is not in `set`. */
export function complement(set: ByteSet): ByteSet {
  return set.map((member) => 1 - member);
}

/** The classes of `[[:name:]]` in the C locale: bytes above 0x7F are in none of them. */
export const BYTE_CLASSES: ReadonlyMap<string, ByteSet> = new Map([
  ['alnum', byteSet(isAlnum)],
  ['alpha', byteSet(isAlpha)],
  ['blank', byteSet((byte) => byte === 0x20 || byte === 0x09)],
  ['cntrl', byteSet((byte) => byte < 0x20 || byte === 0x7f)],
  ['digit', byteSet(isDigit)],
  ['graph', byteSet(isGraph)],
  ['lower', byteSet(isLower)],
  ['print', byteSet((byte) => isGraph(byte) || byte === 0x20)],
  ['punct', byteSet((byte) => isGraph(byte) && !isAlnum(byte))],
  ['space', byteSet(isSpace)],
  ['upper', byteSet(isUpper)],
  ['xdigit', byteSet((byte) => isDigit(byte) || isBetween(byte & ~FOLD_BIT, A, A + 5))],
]);

/** `\w`, and what `\<`, `\>`, `\b` and `\B` mean by a word. */
export const WORD_BYTES = byteSet((byte) => isAlnum(byte) || byte === 0x5f);

/** `\s`. */
export const SPACE_BYTES = byteSet(isSpace);

/** `.`: every byte but NUL, line feed included. */
export const ANY_BYTE = byteSet((byte) => byte !== 0);

const SINGLETONS: readonly ByteSet[] = Array.from({ length: 256 }, (_, only) =>
  byteSet((byte) => byte === only),
);

/** The set of just this byte (the low eight bits count). */
export function singleton(byte: number): ByteSet {
  return SINGLETONS[byte & 0xff] ?? new Uint8Array(256);
}

/** Upper-cases the letters of ASCII and leaves the other bytes alone: how glibc compares without regard to case. */
export function foldCase(text: string): string {
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

/** The bytes of a Latin-1 string. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}
