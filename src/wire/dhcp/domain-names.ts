const LONGEST_LABEL = 63;
const LONGEST_NAME = 255;
const POINTER = 0xc0;
const LARGEST_POINTER = 0x3fff;

/**
 * Names as in RFC 1035 section 4.1.4, each suffix written once and pointed to afterwards. Undefined when a name has an
 * empty or overlong label, or is too long. A dot at the end of a name is allowed and means nothing here.
 */
export function encodeDomainNames(names: readonly string[]): Uint8Array | undefined {
  const octets: number[] = [];
  const written = new Map<string, number>();
  for (const name of names) {
    const labels = name.replace(/\.$/, '').split('.');
    if (name.length > LONGEST_NAME - 2 || labels.some((label) => !isLabel(label))) return undefined;
    let closed = false;
    for (let index = 0; index < labels.length && !closed; index++) {
      const suffix = labels.slice(index).join('.').toLowerCase();
      const at = written.get(suffix);
      if (at !== undefined) {
        octets.push(POINTER | (at >>> 8), at & 0xff);
        closed = true;
      } else {
        if (octets.length <= LARGEST_POINTER) written.set(suffix, octets.length);
        const label = new TextEncoder().encode(labels[index]);
        octets.push(label.length, ...label);
      }
    }
    if (!closed) octets.push(0);
  }
  return Uint8Array.from(octets);
}

function isLabel(label: string): boolean {
  const { length } = new TextEncoder().encode(label);
  return length >= 1 && length <= LONGEST_LABEL && !/[\s\0]/.test(label);
}

/** The names in the octets; undefined when these are broken. A pointer may only lead back, so that reading ends. */
export function decodeDomainNames(value: Uint8Array): readonly string[] | undefined {
  const names: string[] = [];
  let at = 0;
  while (at < value.length) {
    const name = readName(value, at);
    if (name === undefined) return undefined;
    names.push(name.labels.join('.'));
    at = name.end;
  }
  return names;
}

interface ReadName {
  readonly labels: readonly string[];
  readonly end: number;
}

function readName(value: Uint8Array, start: number): ReadName | undefined {
  const labels: string[] = [];
  let at = start;
  while (at < value.length) {
    const length = value[at] ?? 0;
    if (length === 0) return { labels, end: at + 1 };
    if (length >= POINTER) {
      const target = ((length & 0x3f) << 8) | (value[at + 1] ?? 0);
      const pointed = at + 1 < value.length && target < start ? readName(value, target) : undefined;
      return pointed && { labels: [...labels, ...pointed.labels], end: at + 2 };
    }
    if (length > LONGEST_LABEL || at + 1 + length > value.length) return undefined;
    labels.push(new TextDecoder().decode(value.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  return undefined;
}
