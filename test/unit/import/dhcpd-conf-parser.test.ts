import { describe, expect, it } from 'vitest';
import { showTokens, splitDhcpdConf } from '../../../src/import/dhcpd-conf-lexer.ts';
import {
  parseDhcpdConf,
  type ConfStatement,
  type ReadInclude,
} from '../../../src/import/dhcpd-conf-parser.ts';
import { formatPlace, ImportError } from '../../../src/import/source-place.ts';

const NO_FILES: ReadInclude = (name) => ({ kind: 'problem', reason: `cannot read ${name}` });

function files(contents: Readonly<Record<string, string>>): ReadInclude {
  return (name) => {
    const text = contents[name];
    return text === undefined
      ? { kind: 'problem', reason: `cannot read ${name}` }
      : { kind: 'text', file: name, text };
  };
}

/** The outline of statements: words, and in brackets what they hold, each with its place. */
function outline(statements: readonly ConfStatement[]): readonly unknown[] {
  return statements.map((statement) => {
    const at = formatPlace(statement.place).replace('f:', '');
    switch (statement.kind) {
      case 'plain':
        return `${at} ${showTokens(statement.words)}`;
      case 'block':
        return [`${at} ${showTokens(statement.words)}`, ...outline(statement.body)];
      case 'conditional':
        return [
          `${at} conditional`,
          ...statement.branches.map(({ condition, body }) => [showTokens(condition), ...outline(body)]),
          ...(statement.otherwise === undefined ? [] : [['else', ...outline(statement.otherwise.body)]]),
        ];
      case 'switch':
        return [
          `${at} switch ${showTokens(statement.subject)}`,
          ...statement.cases.map(({ value, body }) => [
            value === undefined ? 'default' : showTokens(value),
            ...outline(body),
          ]),
        ];
    }
  });
}

describe('tokens', () => {
  it('know where they stand', () => {
    const tokens = splitDhcpdConf('a # b\n\t"c\nd" e;\r\n  f-1:0a', 'f');
    expect(tokens.map(({ kind, source, place: { line, column } }) => [kind, source, line, column])).toEqual([
      ['word', 'a', 1, 1],
      ['string', '"c\nd"', 2, 2],
      ['word', 'e', 3, 4],
      ['sign', ';', 3, 5],
      ['word', 'f-1', 4, 3],
      ['sign', ':', 4, 6],
      ['word', '0a', 4, 7],
    ]);
  });

  it.each<[string, readonly number[] | string]>([
    ['"plain"', 'plain'],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ['"\\101\\x42\\t\\n\\r\\b\\q"', [0x41, 0x42, 9, 10, 13, 8, 0x71]],
    ['"\\400"', [0x34, 0x30, 0x30]],
    ['"é"', [0xc3, 0xa9]],
    ['"\\xff"', [0xff]],
    ['"\\\u{1F600}"', [0xf0, 0x9f, 0x98, 0x80]],
  ])('%s', (source, expected) => {
    const [token] = splitDhcpdConf(source, 'f');
    const octets = typeof expected === 'string' ? [...new TextEncoder().encode(expected)] : expected;
    expect([...token!.octets]).toEqual(octets);
  });

  it('of text that is no UTF-8 have octets, and no text', () => {
    expect(splitDhcpdConf('"\\xff"', 'f')[0]!.text).toBeUndefined();
  });

  it('are shown as they were written, but for the amount of white space', () => {
    const source = 'if  option agent.circuit-id =\n # comment\n "a b"   and not(exists x) { }';
    expect(showTokens(splitDhcpdConf(source, 'f'))).toBe(
      'if option agent.circuit-id = "a b" and not(exists x) { }',
    );
  });

  it('of a file with a byte order mark begin behind it', () => {
    expect(splitDhcpdConf('\ufeffa', 'f')[0]!.place).toEqual({ file: 'f', line: 1, column: 2 });
  });
});

describe('statements', () => {
  it.each<[string, string, readonly unknown[]]>([
    ['plain', 'a b 1; c;', ['1:1 a b 1', '1:8 c']],
    [
      'blocks',
      'subnet 1.2.3.4 {\n range 1;\n pool { } }',
      [['1:1 subnet 1.2.3.4', '2:2 range 1', ['3:2 pool']]],
    ],
    ['records', 'option r code 1 = { integer 8, text };', ['1:1 option r code 1 = { integer 8, text }']],
    [
      'arrays of records',
      'option r code 1 = array of { ip-address };',
      ['1:1 option r code 1 = array of { ip-address }'],
    ],
    [
      'a semicolon behind a block, as BIND has it',
      'key k { a b; };\nx;',
      [['1:1 key k', '1:9 a b'], '2:1 x'],
    ],
    [
      'conditions',
      'if a = b { x; } elsif option c = d { } else if e { } else { y; }',
      [['1:1 conditional', ['a = b', '1:12 x'], ['option c = d'], ['e'], ['else', '1:61 y']]],
    ],
    ['keywords in any case', 'IF a { } ELSE { }', [['1:1 conditional', ['a'], ['else']]]],
    [
      'switches',
      'switch (option a) { case "x": case "y": b; break; default: c; }',
      [['1:1 switch (option a)', ['"x"'], ['"y"', '1:41 b', '1:44 break'], ['default', '1:60 c']]],
    ],
    ['nothing', '# only this\n', []],
  ])('%s', (_, text, expected) => {
    expect(outline(parseDhcpdConf(text, 'f', NO_FILES))).toEqual(expected);
  });

  it('of included files stand where the include stood', () => {
    const included = files({ b: 'in b;\ninclude "c";', c: 'in c;' });
    const statements = parseDhcpdConf('group { include "b"; }\nlast;', 'f', included);
    expect(outline(statements)).toEqual([['1:1 group', 'b:1:1 in b', 'c:1:1 in c'], '2:1 last']);
  });

  it('may include a file twice', () => {
    expect(parseDhcpdConf('include "b"; include "b";', 'f', files({ b: 'x;' }))).toHaveLength(2);
  });
});

describe('a broken file', () => {
  it.each<[string, string, string, Readonly<Record<string, string>>?]>([
    ['no semicolon', 'subnet 1 {\n  range 2 }', "f:2:11: expected ';' or '{', found '}'"],
    ['no semicolon at the end', 'a b', "f:1:4: expected ';' or '{', found the end of the file"],
    ['an open block', 'a {\n b {\n }\n', "f:1:3: the block that begins here has no '}'"],
    ['an open branch', 'if a {', "f:1:6: the block that begins here has no '}'"],
    ['an open switch', 'switch (a) { ', "f:1:12: the block that begins here has no '}'"],
    ['an open case', 'switch (a) { case "x": b;', "f:1:14: the block that begins here has no '}'"],
    ['a brace too many', 'a { }\n}', "f:2:1: this '}' closes nothing"],
    ['a brace without words', '{ }', "f:1:1: a '{' without anything before it"],
    ['open text', 'a;\n filename "x;\n', 'f:2:11: the text that begins here has no closing quote'],
    ['no condition', 'if { }', 'f:1:1: a condition is missing here'],
    ['a condition without a block', 'if a;', "f:1:5: expected '{', found ';'"],
    ['else without a block', 'if a { } else b;', "f:1:15: expected '{', found 'b'"],
    ['a switch without cases', 'switch (a) { b; }', "f:1:14: expected 'case' or 'default', found 'b'"],
    ['a case without a value', 'switch (a) { case : b; }', 'f:1:14: a value is missing here'],
    ['a case without a colon', 'switch (a) { case "x" ; }', "f:1:23: expected ':', found ';'"],
    ['include of nothing', 'include;', 'f:1:8: expected the name of a file in quotes'],
    ['include of a missing file', 'a;\ninclude "nope";', 'f:2:1: cannot read nope'],
    ['a file that includes itself', 'include "b";', "b:1:1: 'b' includes itself", { b: 'include "b";' }],
    ['a mistake in an included file', 'include "b";', "b:2:2: this '}' closes nothing", { b: '\n }' }],
    ['a deep nest', `${'a {'.repeat(70)}${'}'.repeat(70)}`, 'f:1:192: nested too deeply'],
    [
      'a deep nest of files',
      'include "0";',
      '31:1:3: nested too deeply',
      Object.fromEntries(Array.from({ length: 99 }, (_, n) => [String(n), `a { include "${n + 1}"; }`])),
    ],
    [
      'files that include each other twice, 20 deep',
      'include "0";',
      '19:1:1: more is included here than 10000 files, or 32 MiB',
      {
        ...Object.fromEntries(
          Array.from({ length: 20 }, (_, n) => [String(n), `include "${n + 1}"; include "${n + 1}";`]),
        ),
        20: '',
      },
    ],
    [
      'a large file that is included often',
      'include "0"; '.repeat(40),
      'f:1:417: more is included here than 10000 files, or 32 MiB',
      { 0: ' '.repeat(2 ** 20) },
    ],
  ])('%s', (_, text, message, contents = {}) => {
    let error: unknown;
    try {
      parseDhcpdConf(text, 'f', files(contents));
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(ImportError);
    const { place, message: said } = error as ImportError;
    expect(`${formatPlace(place)}: ${said}`).toBe(message);
  });
});
