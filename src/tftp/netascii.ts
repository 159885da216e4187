const LF = 0x0a;
const CR = 0x0d;
const NUL = 0x00;

/** Where a conversion stopped. */
export interface NetasciiProgress {
  /** Octets of the source that were used up. */
  readonly consumed: number;
  /** Octets of the target that were filled. */
  readonly written: number;
  /** The second octet of a pair that did not fit into the target any more; it comes first the next time. */
  readonly pending: number | undefined;
}

/**
 * Converts octets to netascii (RFC 764, as RFC 1350 wants it): LF becomes CR LF, CR becomes CR NUL. Fills the target
 * as far as the source reaches; pairs may be torn between two targets, since block boundaries fall
 * anywhere in the converted stream.
 */
export function encodeNetascii(
  source: Uint8Array,
  target: Uint8Array,
  pending: number | undefined,
): NetasciiProgress {
  let consumed = 0;
  let written = 0;
  let second = pending;
  while (written < target.length) {
    if (second !== undefined) {
      target[written++] = second;
      second = undefined;
      continue;
    }
    const octet = source[consumed];
    if (octet === undefined) break;
    consumed += 1;
    if (octet === LF || octet === CR) {
      target[written++] = CR;
      second = octet === LF ? LF : NUL;
    } else {
      target[written++] = octet;
    }
  }
  return { consumed, written, pending: second };
}

/** The whole of a small text in netascii. */
export function toNetascii(source: Uint8Array): Uint8Array {
  const target = new Uint8Array(2 * source.length);
  return target.slice(0, encodeNetascii(source, target, undefined).written);
}
