import { describe, expect, it } from 'vitest';
import { evaluateBoolean } from '../../../src/dhcp/class-evaluation.ts';
import { parseClassExpression } from '../../../src/dhcp/class-expression-parser.ts';
import { OptionCatalogue } from '../../../src/dhcp/option-catalogue.ts';
import {
  allOf,
  anyOf,
  NOBODY,
  opposite,
  parseCondition,
  showCondition,
} from '../../../src/import/condition.ts';
import { splitDhcpdConf } from '../../../src/import/dhcpd-conf-lexer.ts';
import { formatPlace } from '../../../src/import/source-place.ts';
import { StatementFault } from '../../../src/import/token-reader.ts';
import { EMPTY_MESSAGE } from '../../../src/wire/dhcp/dhcp-message.ts';

const catalogue = new OptionCatalogue();
const START = { file: 'f', line: 1, column: 1 };

function read(text: string): ReturnType<typeof parseCondition> {
  return parseCondition(splitDhcpdConf(text, 'f'), START, catalogue);
}

/** The value of a text to a client that sent user-class and host-name, or not. */
function evaluate(
  text: string,
  userClass: string | undefined,
  hostName: string | undefined,
): boolean | undefined {
  const parsed = parseClassExpression(text, catalogue);
  if (parsed.kind === 'problem') throw new Error(`${text}: ${parsed.problem.message}`);
  const encoder = new TextEncoder();
  const options = new Map<number, Uint8Array>();
  if (userClass !== undefined) options.set(77, encoder.encode(userClass));
  if (hostName !== undefined) options.set(12, encoder.encode(hostName));
  return evaluateBoolean(parsed.expression, { message: { ...EMPTY_MESSAGE, options }, isKnown: false });
}

describe('a condition', () => {
  it.each([
    ['option user-class = "iPXE"', 'option user-class = "iPXE"', 'option user-class != "iPXE"'],
    ['option pxe-system-type != 00:07', 'option pxe-system-type != 00:07', 'option pxe-system-type = 00:07'],
    ['exists agent.circuit-id', 'exists agent.circuit-id', 'not exists agent.circuit-id'],
    ['known', 'known', 'not known'],
    ['not known', 'not known', 'known'],
    ['(known)', 'known', 'not known'],
    ['known and exists user-class', 'known and exists user-class', 'not known or not exists user-class'],
    ['known or exists user-class', 'known or exists user-class', 'not known and not exists user-class'],
    [
      'known and exists user-class or exists host-name',
      'known and (exists user-class or exists host-name)',
      'not known or (not exists user-class and not exists host-name)',
    ],
    [
      '(known and exists user-class) or exists host-name',
      '(known and exists user-class) or exists host-name',
      '(not known or not exists user-class) and not exists host-name',
    ],
    [
      'substring( option  vendor-class-identifier,0,9)="PXEClient"',
      'substring( option vendor-class-identifier,0,9) = "PXEClient"',
      'substring( option vendor-class-identifier,0,9) != "PXEClient"',
    ],
  ])('%s', (text, shown, otherwise) => {
    const condition = read(text);
    expect(showCondition(condition)).toBe(shown);
    expect(showCondition(opposite(condition))).toBe(otherwise);
  });

  it('leaves out what follows from another part', () => {
    const seven = read('option pxe-system-type = 00:07');
    const notNine = read('option pxe-system-type != 00:09');
    const notSeven = read('option pxe-system-type != 0:7');
    const notText = read('option user-class != "a"');
    expect(showCondition(allOf([notNine, seven, notText]))).toBe(
      'option pxe-system-type = 00:07 and option user-class != "a"',
    );
    expect(showCondition(allOf([notSeven, seven]))).toBe(
      'option pxe-system-type != 0:7 and option pxe-system-type = 00:07',
    );
  });

  it('can be everybody and nobody', () => {
    for (const [condition, value] of [
      [allOf([]), true],
      [anyOf([]), false],
      [NOBODY, false],
      [allOf([read('exists user-class'), NOBODY]), false],
    ] as const) {
      expect(evaluate(showCondition(condition), 'x', undefined) === true).toBe(value);
    }
  });

  const UNITS = ['exists user-class', 'option user-class = "a"', 'option host-name != "b"', 'known'];
  const CLIENTS = [undefined, 'a', 'b'].flatMap((userClass) =>
    [undefined, 'b', 'c'].map((hostName) => [userClass, hostName] as const),
  );
  const texts = UNITS.flatMap((a) => UNITS.flatMap((b) => [`${a} and ${b}`, `${a} or ${b}`])).flatMap(
    (text) => [
      text,
      `not (${text})`,
      `not (not (${text}))`,
      `not (not (${text}) and exists host-name)`,
      `not (not (${text}) or exists host-name)`,
      `not (exists host-name or not (${text}))`,
      `(${text}) or not (exists host-name and not (${text}))`,
    ],
  );

  it.each(CLIENTS)(
    'holds where dhcpd finds it true, and its opposite everywhere else: %s, %s',
    (userClass, hostName) => {
      for (const text of texts) {
        const condition = read(text);
        const isTrue = evaluate(text, userClass, hostName) === true;
        expect([text, evaluate(showCondition(condition), userClass, hostName) === true]).toEqual([
          text,
          isTrue,
        ]);
        expect([text, evaluate(showCondition(opposite(condition)), userClass, hostName) === true]).toEqual([
          text,
          !isTrue,
        ]);
      }
    },
  );
});

describe('what classes cannot ask', () => {
  it.each([
    ['static', "f:1:1: 'static' is not offered in the expressions of classes"],
    ['known and option nope = "x"', "f:1:11: unknown option 'nope'"],
    [
      'option host-name ~= "^a"',
      "f:1:1: regular expressions ('~=') are not offered; compare with substring(...)",
    ],
    ['option user-class', "f:1:1: expected '=' or '!=', found the end"],
    ['known and', 'f:1:1: a condition is missing'],
    ['(known', "f:1:1: this '(' is never closed"],
    ['known)', "f:1:6: ')' has no meaning here"],
    [`${'not '.repeat(60)}known`, 'f:1:1: it is nested too deeply'],
    [`${'('.repeat(60)}known${')'.repeat(60)}`, 'f:1:1: it is nested too deeply'],
    [
      'pick-first-value(option host-name, "a") = "a"',
      "f:1:1: 'pick-first-value' is not offered in the expressions of classes",
    ],
  ])('%s', (text, message) => {
    let error: unknown;
    try {
      read(text);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(StatementFault);
    const fault = error as StatementFault;
    expect(`${formatPlace(fault.place)}: ${fault.message}`).toBe(message);
  });
});
