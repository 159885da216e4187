/** How the value of an option is written, in the words of dhcpd's `option … code … = TYPE`. */
export type OptionType =
  | { readonly kind: 'boolean' }
  | { readonly kind: 'integer'; readonly bits: 8 | 16 | 32; readonly signed: boolean }
  | { readonly kind: 'ip-address' }
  /** Text without a NUL at its end. */
  | { readonly kind: 'text' }
  /** Octets, which may be text. */
  | { readonly kind: 'string' }
  /** Present without a value (rapid commit, option 80). */
  | { readonly kind: 'flag' }
  | { readonly kind: 'domain-name' }
  /** Names compressed as in RFC 1035 section 4.1.4 (RFC 3397, RFC 3361). */
  | { readonly kind: 'domain-list' }
  /** Destinations and routers of RFC 3442. */
  | { readonly kind: 'classless-routes' }
  | { readonly kind: 'array'; readonly of: OptionType }
  | { readonly kind: 'record'; readonly fields: readonly OptionType[] }
  /** Sub-options of a space. */
  | { readonly kind: 'encapsulate'; readonly space: string };

const SIMPLE_TYPES: ReadonlyMap<string, OptionType> = new Map<string, OptionType>([
  ['boolean', { kind: 'boolean' }],
  ['ip-address', { kind: 'ip-address' }],
  ['text', { kind: 'text' }],
  ['string', { kind: 'string' }],
  ['flag', { kind: 'flag' }],
  ['domain-name', { kind: 'domain-name' }],
  ['domain-list', { kind: 'domain-list' }],
  ['domain-list compressed', { kind: 'domain-list' }],
  ['classless-routes', { kind: 'classless-routes' }],
]);

const INTEGER = /^(?:(signed|unsigned) )?integer (8|16|32)$/;
const ENCAPSULATE = /^encapsulate ([a-z][\w-]*)$/i;

/**
 * Reads a type as dhcpd writes it: `unsigned integer 16`, `array of ip-address`, `{ integer 8, text }`,
 * `encapsulate PXE`. An integer without a word before it is signed, as in dhcpd. Undefined when it is no type.
 */
export function parseOptionType(text: string): OptionType | undefined {
  const words = text.trim().replace(/\s+/g, ' ');
  const lower = words.toLowerCase();
  const simple = SIMPLE_TYPES.get(lower);
  if (simple !== undefined) return simple;
  const integer = INTEGER.exec(lower);
  if (integer !== null) {
    return { kind: 'integer', bits: Number(integer[2]) as 8 | 16 | 32, signed: integer[1] !== 'unsigned' };
  }
  const space = ENCAPSULATE.exec(words)?.[1];
  if (space !== undefined) return { kind: 'encapsulate', space };
  if (lower.startsWith('array of ')) {
    const of = parseOptionType(words.slice('array of '.length));
    return of === undefined || !canRepeat(of) ? undefined : { kind: 'array', of };
  }
  return words.startsWith('{') && words.endsWith('}') ? parseRecord(words.slice(1, -1)) : undefined;
}

function parseRecord(inside: string): OptionType | undefined {
  const fields: OptionType[] = [];
  const parts = inside.split(',');
  for (const [index, part] of parts.entries()) {
    const field = parseOptionType(part);
    // Only the last field may be of any length; the reader could not tell where another one ends.
    if (field === undefined || (index < parts.length - 1 && fixedLength(field) === undefined))
      return undefined;
    fields.push(field);
  }
  return { kind: 'record', fields };
}

/** An array's elements need a length that is known without looking at them. */
function canRepeat(type: OptionType): boolean {
  return (fixedLength(type) ?? 0) > 0;
}

/** The form that parseOptionType reads. */
export function formatOptionType(type: OptionType): string {
  switch (type.kind) {
    case 'integer':
      return `${type.signed ? 'signed' : 'unsigned'} integer ${type.bits}`;
    case 'array':
      return `array of ${formatOptionType(type.of)}`;
    case 'record':
      return `{ ${type.fields.map(formatOptionType).join(', ')} }`;
    case 'encapsulate':
      return `encapsulate ${type.space}`;
    default:
      return type.kind;
  }
}

/** Octets of every value of the type; undefined when they differ. */
export function fixedLength(type: OptionType): number | undefined {
  switch (type.kind) {
    case 'boolean':
      return 1;
    case 'integer':
      return type.bits / 8;
    case 'ip-address':
      return 4;
    case 'flag':
      return 0;
    case 'record':
      return type.fields.reduce<number | undefined>((sum, field) => {
        const length = fixedLength(field);
        return sum === undefined || length === undefined ? undefined : sum + length;
      }, 0);
    case 'text':
    case 'string':
    case 'domain-name':
    case 'domain-list':
    case 'classless-routes':
    case 'array':
    case 'encapsulate':
      return undefined;
  }
}
