import { describe, expect, it } from 'vitest';
import type { BooleanExpression, DataExpression } from '../../../src/dhcp/class-expression.ts';
import { parseClassExpression } from '../../../src/dhcp/class-expression-parser.ts';
import { OptionCatalogue } from '../../../src/dhcp/option-catalogue.ts';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const octets = (...value: readonly number[]): DataExpression => ({
  kind: 'octets',
  value: Uint8Array.from(value),
});
const text = (value: string): DataExpression => ({ kind: 'octets', value: ascii(value) });
const option = (code: number): DataExpression => ({ kind: 'option', code });
const equals = (left: DataExpression, right: DataExpression): BooleanExpression => ({
  kind: 'equals',
  left,
  right,
});
const KNOWN: BooleanExpression = { kind: 'known' };
const HARDWARE: DataExpression = { kind: 'hardware' };
const exists = (code: number): BooleanExpression => ({ kind: 'exists', code, carrier: undefined });

function catalogue(): OptionCatalogue {
  const names = new OptionCatalogue();
  names.define({
    name: 'arch',
    code: 93,
    type: { kind: 'integer', bits: 16, signed: false },
    space: undefined,
  });
  names.define({ name: 'lost.x', code: 1, type: { kind: 'text' }, space: 'lost' });
  return names;
}

describe('expressions', () => {
  it.each<readonly [string, BooleanExpression]>([
    ['known', KNOWN],
    ['exists user-class', exists(77)],
    ['exists agent.circuit-id', { kind: 'exists', code: 1, carrier: 82 }],
    ['exists ipxe.http', { kind: 'exists', code: 19, carrier: 175 }],
    ['option user-class = "iPXE"', equals(option(77), text('iPXE'))],
    ['option user-class != "iPXE"', { kind: 'not-equals', left: option(77), right: text('iPXE') }],
    ['OPTION User-Class="iPXE"', equals(option(77), text('iPXE'))],
    ['option option-224 = 01:02', equals(option(224), octets(1, 2))],
    [
      'option agent.remote-id = 2:aa:bb',
      equals({ kind: 'sub-option', carrier: 82, code: 2 }, octets(2, 0xaa, 0xbb)),
    ],
    ['hardware = 1:0c:c4:7a:0e:2b:6b', equals(HARDWARE, octets(1, 0x0c, 0xc4, 0x7a, 0x0e, 0x2b, 0x6b))],
    [
      'substring(option vendor-class-identifier, 0, 9) = "PXEClient"',
      equals({ kind: 'substring', of: option(60), offset: 0, length: 9 }, text('PXEClient')),
    ],
    [
      'suffix(hardware, 3) = aa:bb:cc',
      equals({ kind: 'suffix', of: HARDWARE, length: 3 }, octets(0xaa, 0xbb, 0xcc)),
    ],
    ['packet(24, 4) = 00:00:00:00', equals({ kind: 'packet', offset: 24, length: 4 }, octets(0, 0, 0, 0))],
    [
      'concat("a", hardware, 00:01) = lcase(ucase(option host-name))',
      equals(
        { kind: 'concat', parts: [text('a'), HARDWARE, octets(0, 1)] },
        { kind: 'lcase', of: { kind: 'ucase', of: option(12) } },
      ),
    ],
    ['not known', { kind: 'not', of: KNOWN }],
    ['not not known', { kind: 'not', of: { kind: 'not', of: KNOWN } }],
    ['((known))', KNOWN],
    ['not (known or exists host-name)', { kind: 'not', of: { kind: 'or', left: KNOWN, right: exists(12) } }],
    ['known and exists host-name', { kind: 'and', left: KNOWN, right: exists(12) }],
    ['not known and exists host-name', { kind: 'and', left: { kind: 'not', of: KNOWN }, right: exists(12) }],
    [
      'known or exists host-name and exists user-class',
      { kind: 'or', left: KNOWN, right: { kind: 'and', left: exists(12), right: exists(77) } },
    ],
    [
      'known and known and known',
      { kind: 'and', left: KNOWN, right: { kind: 'and', left: KNOWN, right: KNOWN } },
    ],
    [
      '(known and known) or known',
      { kind: 'or', left: { kind: 'and', left: KNOWN, right: KNOWN }, right: KNOWN },
    ],
    ['known # a comment\n and known', { kind: 'and', left: KNOWN, right: KNOWN }],
  ])('%s', (source, expression) => {
    expect(parseClassExpression(source, catalogue())).toEqual({
      kind: 'expression',
      expression,
      warnings: [],
    });
  });
});

describe('numbers', () => {
  it.each<readonly [string, DataExpression]>([
    ['option arch = 7', octets(0, 7)],
    ['option arch = 16', octets(0, 16)],
    ['7 = option arch', octets(0, 7)],
    ['option pxe-system-type = 7', octets(0, 7)],
    ['option arch = 00:07', octets(0, 7)],
    ['option dhcp-message-type = 1', octets(1)],
    ['option netbios-node-type = 8', octets(8)],
    ['substring(hardware, 0, 1) = 1', octets(1)],
    ['substring(hardware, 0, 1) = ff', octets(255)],
  ])('%s', (source, value) => {
    const parsed = parseClassExpression(source, catalogue());
    if (parsed.kind !== 'expression') throw new Error(parsed.problem.message);
    const { expression } = parsed;
    if (expression.kind !== 'equals') throw new Error(expression.kind);
    expect([expression.left, expression.right]).toContainEqual(value);
    expect(parsed.warnings).toEqual([]);
  });

  it('of two digits are hexadecimal, as dhcpd 4.4.3 has it, with a warning', () => {
    expect(parseClassExpression('option default-ip-ttl = 10', catalogue())).toMatchObject({
      expression: equals(option(23), octets(0x10)),
      warnings: [{ offset: 24, message: '10 is read as the hexadecimal octet 0x10, as in dhcpd' }],
    });
  });
});

describe('text', () => {
  it.each<readonly [string, readonly number[]]>([
    ['"a\\"b"', [0x61, 0x22, 0x62]],
    ['"\\\\"', [0x5c]],
    ['"\\101\\x41\\X4a"', [0x41, 0x41, 0x4a]],
    ['"\\t\\n\\r\\b"', [9, 10, 13, 8]],
    ['"\\001\\377"', [1, 255]],
    ['"\\400"', [0x34, 0x30, 0x30]],
    ['"ü"', [0xc3, 0xbc]],
    ['"# no comment"', [...ascii('# no comment')]],
    ['""', []],
  ])('%s', (source, value) => {
    expect(parseClassExpression(`hardware = ${source}`, catalogue())).toMatchObject({
      expression: equals(HARDWARE, octets(...value)),
    });
  });
});

describe('warnings', () => {
  it('come where dhcpd binds to the right and people to the left', () => {
    expect(parseClassExpression('known and known or exists host-name', catalogue())).toEqual({
      kind: 'expression',
      expression: { kind: 'and', left: KNOWN, right: { kind: 'or', left: KNOWN, right: exists(12) } },
      warnings: [
        {
          offset: 16,
          message: "'a and b or c' means 'a and (b or c)', as in dhcpd; parentheses make it clear",
        },
      ],
    });
  });
});

describe('problems', () => {
  it.each<readonly [string, number, string]>([
    ['', 0, 'the expression is empty'],
    ['  # nothing', 0, 'the expression is empty'],
    ['if known', 0, "leave out 'if'; the expression alone stands here"],
    ['known known', 6, "expected 'and', 'or' or the end, found 'known'"],
    ['known and', 9, 'expected a value, found the end'],
    ['known and or known', 10, "expected a value, found 'or'"],
    ['(known', 6, "expected ')', found the end"],
    ['known)', 5, "expected 'and', 'or' or the end, found ')'"],
    ['option host-name', 16, "expected '=' or '!=', found the end"],
    ['option host-name == "x"', 18, "equality is written with one '='"],
    ['option host-name = x', 19, "'x' has no meaning here; text stands in double quotes"],
    ["option host-name = 'x'", 19, 'text stands in double quotes here'],
    ['option host-name = "x', 19, 'the text that begins here has no closing quote'],
    ['option host-name = "x\\', 19, 'the text that begins here has no closing quote'],
    [
      'option host-name ~= "x"',
      17,
      "regular expressions ('~=') are not offered; compare with substring(...)",
    ],
    ['known && known', 6, "write 'and' and 'or'"],
    ['!known', 0, "write 'not', or '!=' between two values"],
    ['known; known', 5, "';' has no meaning here"],
    ['host-name = "x"', 0, "write 'option host-name' for the value of the option"],
    ['option = "x"', 7, "expected the name of an option, found '='"],
    ['exists', 6, 'expected the name of an option, found the end'],
    ['exists lost.x', 7, "no option carries the space of 'lost.x'"],
    ['substring(hardware, 1) = 01:02', 21, "expected ',', found ')'"],
    ['substring(hardware, x, 1) = 01:02', 20, "expected a whole number up to 65535, found 'x'"],
    ['substring(hardware, 1, 65536) = 01:02', 23, "expected a whole number up to 65535, found '65536'"],
    ['substring hardware = 01:02', 10, "expected '(', found 'hardware'"],
    ['option arch = 65536', 14, '65536 does not fit into 16 bits'],
    ['hardware = 576', 11, 'write 576 as hexadecimal octets, such as 02:40'],
    ['leased-address = 0a:01', 0, "'leased-address' is not offered in the expressions of classes"],
    [
      'binary-to-ascii(16, 8, "-", hardware) = "x"',
      0,
      "'binary-to-ascii' is not offered in the expressions of classes",
    ],
  ])('%s', (source, offset, message) => {
    expect(parseClassExpression(source, catalogue())).toEqual({
      kind: 'problem',
      problem: { offset, message, unknownOption: undefined },
    });
  });

  it('name an option that nobody knows', () => {
    expect(parseClassExpression('exists nonesuch', catalogue())).toEqual({
      kind: 'problem',
      problem: { offset: 7, message: "unknown option 'nonesuch'", unknownOption: 'nonesuch' },
    });
  });

  it.each(['(', 'not ', 'lcase('])("end a nesting of '%s' that is too deep", (opening) => {
    const parsed = parseClassExpression(opening.repeat(100_000), catalogue());
    expect(parsed).toMatchObject({ problem: { message: 'the expression is nested too deeply' } });
  });
});
