import { describe, expect, it } from 'vitest';
import { evaluateBoolean, evaluateData } from '../../../src/dhcp/class-evaluation.ts';
import { parseClassExpression } from '../../../src/dhcp/class-expression-parser.ts';
import type { BooleanExpression } from '../../../src/dhcp/class-expression.ts';
import { OptionCatalogue } from '../../../src/dhcp/option-catalogue.ts';
import { ascii, bytes, FakeClient } from './fake-view.ts';

const { message } = {
  message: new FakeClient({ mac: '0c:c4:7a:0e:2b:6b' }).message(1, [
    [60, ascii('ABCdef')],
    [77, bytes('')],
    [82, bytes('010465746837')],
    [175, bytes('130101')],
  ]),
};

function parse(text: string): BooleanExpression {
  const parsed = parseClassExpression(text, new OptionCatalogue());
  if (parsed.kind === 'problem') throw new Error(parsed.problem.message);
  return parsed.expression;
}

const YES = 'exists vendor-class-identifier';
const NO = 'exists domain-name';

/** Every row was observed with dhcpd 4.4.3, which took the branch of an `if` for true, and the other one for the rest. */
const OBSERVED: readonly (readonly [string, boolean])[] = [
  ['option domain-name = option nis-domain', true],
  ['option domain-name != option nis-domain', false],
  ['option domain-name = "x"', false],
  ['option domain-name != "x"', true],
  ['not (option domain-name = "x")', true],
  ['not (option domain-name != "x")', false],
  [`${NO} and ${YES}`, false],
  [`not (${NO} and ${YES})`, false],
  [`not (${YES} and ${NO})`, true],
  [`not (${NO} and ${NO})`, false],
  [`not (${NO} or ${NO})`, true],
  [`${YES} or ${NO}`, true],
  [`${NO} or ${YES}`, true],
  [`not (${YES} or ${NO})`, false],
  // Unknown, on either side; `and` and `or` bind to the right.
  [`not (${NO} or ${NO} and ${YES})`, false],
  [`${NO} or ${NO} and ${YES}`, false],
  [`${YES} or ${NO} and ${YES}`, true],
  [`not (${NO} and ${YES}) or ${YES}`, true],
  [`not (${NO} and ${YES}) or ${NO}`, false],
  [`not (not (${NO} and ${YES}) or ${NO})`, true],
  [`not (not (${NO} and ${YES}) or ${YES})`, false],
  [`not (not (${NO} and ${YES}) and ${NO})`, false],
  ['concat(option domain-name, option vendor-class-identifier) = option vendor-class-identifier', false],
  ['concat(option vendor-class-identifier, option domain-name) = option vendor-class-identifier', false],
  ['concat(option domain-name, option nis-domain) = ""', false],
  ['concat(option domain-name, option nis-domain) = option nis-domain', true],
  ['substring(option domain-name, 0, 3) = ""', false],
  ['substring(option domain-name, 0, 3) = option nis-domain', true],
  ['substring(option vendor-class-identifier, 50, 3) = ""', true],
  ['substring(option vendor-class-identifier, 50, 3) = option nis-domain', false],
  ['substring(option vendor-class-identifier, 0, 200) = option vendor-class-identifier', true],
  ['suffix(option vendor-class-identifier, 200) = option vendor-class-identifier', true],
  ['suffix(option domain-name, 2) = option nis-domain', true],
  ['lcase(option domain-name) = option nis-domain', true],
  ['lcase(option vendor-class-identifier) = "abcdef"', true],
  ['packet(2000, 4) = option nis-domain', true],
  ['packet(2000, 4) = ""', false],
  ['packet(0, 1) = 01', true],
  ['substring(hardware, 0, 1) = 01', true],
  ['option user-class = ""', true],
  ['exists user-class', true],
  ['known', false],
  ['not known', true],
];

describe('conditions', () => {
  it.each(OBSERVED)('%s: %s', (text, holds) => {
    expect(evaluateBoolean(parse(text), { message, isKnown: false }) === true).toBe(holds);
  });

  it.each([
    ['substring(option vendor-class-identifier, 0, 3) = "ABC"', true],
    ['suffix(option vendor-class-identifier, 3) = "def"', true],
    ['ucase(option vendor-class-identifier) = "ABCDEF"', true],
    ['concat("a", "b") = "ab"', true],
    ['hardware = 1:0c:c4:7a:0e:2b:6b', true],
    ['substring(hardware, 1, 3) = 0c:c4:7a', true],
    ['option agent.circuit-id = "eth7"', true],
    ['option agent.remote-id = "eth7"', false],
    ['exists agent.circuit-id', true],
    ['exists ipxe.http', true],
    ['exists ipxe.https', false],
    ['packet(28, 6) = 0c:c4:7a:0e:2b:6b', true],
  ])('%s: %s', (text, holds) => {
    expect(evaluateBoolean(parse(text), { message, isKnown: false })).toBe(holds);
  });

  it('knows what is known', () => {
    expect(evaluateBoolean({ kind: 'known' }, { message, isKnown: true })).toBe(true);
  });

  it('is unknown, not false, where dhcpd does not know', () => {
    expect(evaluateBoolean(parse(`${NO} and ${YES}`), { message, isKnown: false })).toBeUndefined();
    expect(evaluateBoolean(parse(`not (${NO} and ${YES})`), { message, isKnown: false })).toBeUndefined();
  });

  it('takes broken sub-options for none', () => {
    const broken = { ...message, options: new Map([[82, bytes('01ff')]]) };
    const circuit = { kind: 'sub-option', carrier: 82, code: 1 } as const;
    expect(evaluateData(circuit, { message: broken, isKnown: false })).toBeUndefined();
  });
});
