import { encodeDhcpMessage, type DhcpMessage } from '../wire/dhcp/dhcp-message.ts';
import { decodeEncapsulated } from '../wire/dhcp/encapsulated-options.ts';
import { OPTION } from '../wire/dhcp/option-codes.ts';
import { WireError } from '../wire/wire-error.ts';
import type { BooleanExpression, DataExpression } from './class-expression.ts';
import type { ClassSettings } from './dhcp-settings.ts';

/** What a class may ask about: the message, and whether a reservation or node knows the machine. */
export interface ClassSubject {
  readonly message: DhcpMessage;
  readonly isKnown: boolean;
}

/** The classes that a machine is a member of, in the order of the configuration. */
export function findClasses(
  classes: readonly ClassSettings[],
  subject: ClassSubject,
): readonly ClassSettings[] {
  return classes.filter(({ match }) => evaluateBoolean(match, subject) === true);
}

/**
 * The value of a condition; undefined: unknown. As dhcpd 4.4.3 has it (observed):
 * - two absent values are equal, an absent and a present one are not
 * - `and` is unknown unless its left side is true; so `not (a and b)` is not true where `a` is false
 * - `or` is true if its left side is, else what its right side is: `a or b` is unknown where `b` is, though `a` is false
 * - `not` of unknown is unknown
 */
export function evaluateBoolean(expression: BooleanExpression, subject: ClassSubject): boolean | undefined {
  switch (expression.kind) {
    case 'equals':
      return isSame(expression.left, expression.right, subject);
    case 'not-equals':
      return !isSame(expression.left, expression.right, subject);
    case 'exists':
      return valueOf(expression.carrier, expression.code, subject) !== undefined;
    case 'known':
      return subject.isKnown;
    case 'and':
      return evaluateBoolean(expression.left, subject) === true
        ? evaluateBoolean(expression.right, subject)
        : undefined;
    case 'or':
      return evaluateBoolean(expression.left, subject) === true || evaluateBoolean(expression.right, subject);
    case 'not': {
      const value = evaluateBoolean(expression.of, subject);
      return value === undefined ? undefined : !value;
    }
  }
}

function isSame(left: DataExpression, right: DataExpression, subject: ClassSubject): boolean {
  const a = evaluateData(left, subject);
  const b = evaluateData(right, subject);
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((octet, index) => octet === b[index]);
}

/**
 * The octets of an expression; undefined: there are none. What is made from an absent value is absent; a substring that
 * begins behind the end is empty, and one that reaches beyond it is cut.
 */
export function evaluateData(expression: DataExpression, subject: ClassSubject): Uint8Array | undefined {
  switch (expression.kind) {
    case 'octets':
      return expression.value;
    case 'option':
      return valueOf(undefined, expression.code, subject);
    case 'sub-option':
      return valueOf(expression.carrier, expression.code, subject);
    case 'hardware': {
      const { htype, hlen, chaddr } = subject.message;
      return Uint8Array.of(htype, ...chaddr.subarray(0, hlen));
    }
    case 'substring': {
      const { offset, length } = expression;
      return evaluateData(expression.of, subject)?.subarray(offset, offset + length);
    }
    case 'suffix': {
      const value = evaluateData(expression.of, subject);
      return value?.subarray(Math.max(0, value.length - expression.length));
    }
    case 'concat':
      return concatenation(expression.parts, subject);
    case 'lcase':
      return evaluateData(expression.of, subject)?.map((octet) => (isUpper(octet) ? octet + 0x20 : octet));
    case 'ucase':
      return evaluateData(expression.of, subject)?.map((octet) => (isLower(octet) ? octet - 0x20 : octet));
    case 'packet':
      return packetOctets(expression.offset, expression.length, subject);
  }
}

function valueOf(
  carrier: number | undefined,
  code: number,
  { message: { options } }: ClassSubject,
): Uint8Array | undefined {
  if (carrier === undefined) return options.get(code);
  const carried = options.get(carrier);
  if (carried === undefined) return undefined;
  try {
    const marks = carrier === OPTION.relayAgentInformation ? 'none' : 'pad-and-end';
    return decodeEncapsulated(carried, marks).get(code);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function concatenation(parts: readonly DataExpression[], subject: ClassSubject): Uint8Array | undefined {
  const octets: number[] = [];
  for (const part of parts) {
    const value = evaluateData(part, subject);
    if (value === undefined) return undefined;
    octets.push(...value);
  }
  return Uint8Array.from(octets);
}

/** Header octets are as they came; options are counted as this program would write them. */
function packetOctets(offset: number, length: number, { message }: ClassSubject): Uint8Array | undefined {
  const packet = encodeDhcpMessage(message, Infinity);
  return offset > packet.length ? undefined : packet.subarray(offset, offset + length);
}

function isUpper(octet: number): boolean {
  return octet >= 0x41 && octet <= 0x5a;
}

function isLower(octet: number): boolean {
  return octet >= 0x61 && octet <= 0x7a;
}
