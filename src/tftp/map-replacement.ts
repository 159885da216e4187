import { foldCase } from './ere-bytes.ts';
import type { EreSpan } from './ere-groups.ts';

/** A peer as rules see it. A mapped IPv4 address (RFC 4291 section 2.5.5.2) counts as IPv4. */
export interface MapPeer {
  readonly family: 'ipv4' | 'ipv6';
  /** `\i`: 192.168.0.130, 2001:db8::5. */
  readonly text: string;
  /** `\x`: 8 or 32 upper-case hex digits. */
  readonly hex: string;
}

/** A piece of the third field of a rule. `case` holds from there on. */
export type ReplacementPart =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'group'; readonly group: number }
  | { readonly kind: 'peer'; readonly form: 'text' | 'hex' }
  | { readonly kind: 'case'; readonly convert: (text: string) => string };

const CASE_ESCAPES: ReadonlyMap<string, (text: string) => string> = new Map([
  ['U', foldCase],
  ['L', lowerCase],
  ['E', (text: string) => text],
]);

/** Takes a replacement apart. Every text is one: `\` before any other byte stands for that byte. */
export function parseReplacement(text: string): readonly ReplacementPart[] {
  const parts: ReplacementPart[] = [];
  // A backslash at the very end, which only the end of the file can leave, stands for itself.
  for (const [piece] of text.matchAll(/\\[^]|[^\\]+|\\$/g)) {
    const escaped = piece.length === 2 && piece.startsWith('\\') ? piece.slice(1) : undefined;
    const convert = CASE_ESCAPES.get(escaped ?? '');
    if (escaped === undefined) parts.push({ kind: 'literal', text: piece });
    else if (escaped >= '0' && escaped <= '9') parts.push({ kind: 'group', group: Number(escaped) });
    else if (escaped === 'i') parts.push({ kind: 'peer', form: 'text' });
    else if (escaped === 'x') parts.push({ kind: 'peer', form: 'hex' });
    else if (convert !== undefined) parts.push({ kind: 'case', convert });
    else parts.push({ kind: 'literal', text: escaped });
  }
  return parts;
}

/**
 * The name with its match replaced. What stands around the match stays, in its own case. A group that the pattern has
 * not, or that took no part, gives nothing.
 */
export function replaceMatch(
  name: string,
  spans: readonly EreSpan[],
  parts: readonly ReplacementPart[],
  peer: MapPeer,
): string {
  const [whole] = spans;
  if (whole === undefined) return expand(name, spans, parts, peer);
  return name.slice(0, whole.start) + expand(name, spans, parts, peer) + name.slice(whole.end);
}

function expand(
  name: string,
  spans: readonly EreSpan[],
  parts: readonly ReplacementPart[],
  peer: MapPeer,
): string {
  let expanded = '';
  let convert = (text: string): string => text;
  for (const part of parts) {
    switch (part.kind) {
      case 'literal':
        expanded += convert(part.text);
        break;
      case 'group': {
        const span = spans[part.group];
        if (span !== undefined && span.start >= 0) expanded += convert(name.slice(span.start, span.end));
        break;
      }
      case 'peer':
        expanded += convert(peer[part.form]);
        break;
      case 'case':
        convert = part.convert;
        break;
      default:
        part satisfies never;
    }
  }
  return expanded;
}

/** ASCII only, as tolower(3) in the C locale. */
function lowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
