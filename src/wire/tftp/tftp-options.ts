/** One option of a request or an OACK (RFC 2347), name and value as they stand on the wire, in Latin-1. */
export interface TftpOption {
  readonly name: string;
  readonly value: string;
}

const UINT64_END = 2n ** 64n;

// What strtoumax(3) takes as decimal: white space of the C locale, a sign, digits, and nothing behind them.
const DECIMAL = /^[ \t\n\v\f\r]*([+-]?)([0-9]+)$/;

/**
 * Reads name and value pairs from `from` to the end of the datagram. As in.tftpd does, an empty string ends the list
 * and an option without a value is left out. `terminated` is false when the last string has no NUL; that
 * option is left out too.
 */
export function decodeTftpOptions(
  bytes: Uint8Array,
  from: number,
): { readonly options: readonly TftpOption[]; readonly terminated: boolean } {
  const options: TftpOption[] = [];
  let name: string | undefined;
  let offset = from;
  while (offset < bytes.length && bytes[offset] !== 0) {
    const end = bytes.indexOf(0, offset);
    if (end < 0) return { options, terminated: false };
    const text = String.fromCharCode(...bytes.subarray(offset, end));
    offset = end + 1;
    if (name === undefined) {
      name = text;
    } else {
      options.push({ name, value: text });
      name = undefined;
    }
  }
  return { options, terminated: true };
}

/** The pairs as NUL-terminated strings one after another. */
export function encodeTftpOptions(options: readonly TftpOption[]): string {
  return options.map(({ name, value }) => `${name}\0${value}\0`).join('');
}

/**
 * The value of an option as in.tftpd reads it: decimal, unsigned 64 bits, with leading white space and a sign; a
 * negative number wraps around. Undefined for what is no such number, or too large for one.
 */
export function parseOptionNumber(value: string): bigint | undefined {
  const match = DECIMAL.exec(value);
  if (match === null) return undefined;
  const number = BigInt(match[2] ?? '');
  if (number >= UINT64_END) return undefined;
  return match[1] === '-' ? BigInt.asUintN(64, -number) : number;
}
