import { WireError } from '../wire-error.ts';
import type { OptionMap } from './dhcp-options.ts';

const PAD = 0;
const END = 255;

/**
 * The sub-options inside an option that encapsulates others: 43, 82, 175. Instances of one code are joined. In option 43,
 * codes 0 and 255 are PAD and END (RFC 2132 section 8.4); option 82 knows neither (RFC 3046 section 2.0). Values are
 * views. Throws WireError `broken-options` when a sub-option runs past the end.
 */
export function decodeEncapsulated(value: Uint8Array, marks: 'pad-and-end' | 'none'): OptionMap {
  const options = new Map<number, Uint8Array>();
  let at = 0;
  while (at < value.length) {
    const code = value[at] ?? END;
    at += 1;
    if (marks === 'pad-and-end' && code === PAD) continue;
    if (marks === 'pad-and-end' && code === END) return options;
    const length = value[at];
    if (length === undefined || at + 1 + length > value.length) {
      throw new WireError('broken-options', `sub-option ${code} runs past the end`);
    }
    const part = value.subarray(at + 1, at + 1 + length);
    const before = options.get(code);
    options.set(code, before === undefined ? part : Uint8Array.of(...before, ...part));
    at += 1 + length;
  }
  return options;
}

/** Sub-options as the value of the option that carries them, with END where it is wanted; longer ones are split. */
export function encodeEncapsulated(options: OptionMap, end: 'end' | 'no-end'): Uint8Array {
  const octets: number[] = [];
  for (const [code, value] of options) {
    let start = 0;
    do {
      const part = value.subarray(start, start + 255);
      octets.push(code, part.length, ...part);
      start += 255;
    } while (start < value.length);
  }
  if (end === 'end') octets.push(END);
  return Uint8Array.from(octets);
}
