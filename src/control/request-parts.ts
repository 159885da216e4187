import { Type } from '@sinclair/typebox';
import { parseIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { parseMac, type Mac } from '../addr/mac.ts';
import { parseSubnet, type Subnet } from '../addr/subnet.ts';
import { parseNodeUuid, type NodeUuid } from '../boot/node.ts';
import type { Precondition } from '../boot/node-registry.ts';
import { ProblemError } from './problem.ts';
import { ProfileNameSchema } from './profile-documents.ts';

/** `{uuid}` of a path. */
export const UuidParams = Type.Object({ uuid: Type.String({ description: "The node's UUID." }) });
/** `{name}` of a path. */
export const NameParams = Type.Object({ name: ProfileNameSchema });
/** `{address}` of a path. */
export const AddressParams = Type.Object({ address: Type.String({ description: 'An IPv4 address.' }) });

/** `limit` of a query: a long list is read in parts, so that nothing else waits for it. */
export const LimitQuery = Type.String({
  pattern: '^[1-9][0-9]{0,4}$',
  description: 'At most so many, the first ones; go on with `after`.',
});

/** The node's UUID in a path, in any case. */
export function uuidOf(text: string): NodeUuid {
  return parsed(parseNodeUuid(text), 'invalid-path', `"${text}" is no UUID`);
}

/** The address in a path. */
export function addressOf(text: string): Ipv4 {
  return parsed(parseIpv4(text), 'invalid-path', `"${text}" is no IPv4 address`);
}

/** The MAC in a query; undefined when it asks for none. */
export function queriedMac(text: string | undefined): Mac | undefined {
  return text === undefined ? undefined : parsed(parseMac(text), 'invalid-query', `mac: "${text}" is no MAC`);
}

/** The node's UUID in a query; undefined when it asks for none. */
export function queriedNode(text: string | undefined): NodeUuid | undefined {
  return text === undefined
    ? undefined
    : parsed(parseNodeUuid(text), 'invalid-query', `node: "${text}" is no UUID`);
}

/** The subnet in a query; undefined when it asks for none. */
export function queriedSubnet(text: string | undefined): Subnet | undefined {
  if (text === undefined) return undefined;
  return parsed(parseSubnet(text), 'invalid-query', `subnet: "${text}" is no network like 192.168.0.0/24`);
}

/** The address in a query; undefined when there is none. */
export function queriedAddress(text: string | undefined): Ipv4 | undefined {
  if (text === undefined) return undefined;
  return parsed(parseIpv4(text), 'invalid-query', `"${text}" is no IPv4 address`);
}

/** How many are asked for; all, when the query does not say. */
export function queriedLimit(text: string | undefined): number {
  return text === undefined ? Infinity : Number(text);
}

function parsed<T>(value: T | undefined, code: 'invalid-path' | 'invalid-query', detail: string): T {
  if (value === undefined) throw new ProblemError(code, detail);
  return value;
}

/** The entity tag of a generation: strong, since equal generations are equal documents. */
export function entityTag(generation: number): string {
  return `"${generation}"`;
}

/** What `If-Match` and `If-None-Match` (RFC 9110 section 13.1) ask for. Throws ProblemError for what they cannot be. */
export function preconditionOf(headers: {
  readonly 'if-match'?: string | undefined;
  readonly 'if-none-match'?: string | undefined;
}): Precondition {
  const match = headers['if-match']?.trim();
  const noneMatch = headers['if-none-match']?.trim();
  if (match !== undefined && noneMatch !== undefined) {
    throw new ProblemError('invalid-header', 'If-Match and If-None-Match cannot stand together');
  }
  if (noneMatch !== undefined) {
    if (noneMatch === '*') return { kind: 'absent' };
    throw new ProblemError('invalid-header', 'If-None-Match can only be * here: create, but do not replace');
  }
  if (match === undefined) return { kind: 'none' };
  if (match === '*') return { kind: 'present' };
  const tags = match.split(',').map((tag) => /^"(\d{1,15})"$/.exec(tag.trim())?.[1]);
  // A weak or foreign tag matches nothing (RFC 9110 section 13.1.1): the precondition fails, which is not an error.
  return { kind: 'generation', oneOf: tags.filter((tag) => tag !== undefined).map(Number) };
}
