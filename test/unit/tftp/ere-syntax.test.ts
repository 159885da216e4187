import { describe, expect, it } from 'vitest';
import { EreBudget } from '../../../src/tftp/ere-budget.ts';
import { compileMapRegex } from '../../../src/tftp/map-regex.ts';

/** The bytes of a Latin-1 text that a pattern matches one by one. */
function matched(pattern: string, text: string): string {
  const regex = compileMapRegex(`^${pattern}$`, false);
  return Array.from(text)
    .filter((byte) => regex.match(byte, new EreBudget(1000)).kind === 'match')
    .join('');
}

/** What is matched at the leftmost place; undefined for none. */
function find(pattern: string, text: string): string | undefined {
  const outcome = compileMapRegex(pattern, false).match(text, new EreBudget(100_000));
  const whole = outcome.kind === 'match' ? outcome.spans[0] : undefined;
  return whole && text.slice(whole.start, whole.end);
}

const EVERY_BYTE = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)).join('');

describe('bracket expressions', () => {
  it.each([
    ['[abc]', 'abcd]', 'abc'],
    ['[^abc]', 'abcd]', 'd]'],
    ['[]a]', 'a]b', 'a]'],
    ['[^]a]', 'a]b', 'b'],
    ['[a-c]', 'abcd-', 'abc'],
    ['[-a]', 'a-b', 'a-'],
    ['[a-]', 'a-b', 'a-'],
    ['[a-c-]', 'abc-d', 'abc-'],
    ['[+--]', '+,-.', '+,-'],
    ['[---]', ',-.', '-'],
    ['[%--]', '$%&-.', '%&-'],
    ['[a^]', 'a^b', 'a^'],
    ['[\\d]', '\\d5', '\\d'],
    ['[\\n]', '\\n\n', '\\n'],
    ['[[]', '[a', '['],
    ['[[a]', '[a]', '[a'],
    ['[*+?.(){}|$]', '*+?.(){}|$a', '*+?.(){}|$'],
    ['[[:digit:]]', 'a5:', '5'],
    ['[^[:digit:]]', 'a5:', 'a:'],
    ['[[:digit:]a-c_]', '0cd_', '0c_'],
    ['[[=a=]b]', 'abc', 'ab'],
    ['[[.-.]]', 'a-.', '-'],
    ['[[.].]]', 'a].', ']'],
    ['[[.a.]-c]', 'abcd', 'abc'],
    ['[a-[.c.]]', 'abcd', 'abc'],
    ['[\x80-\xff]', 'a\x7f\x80\xe9\xff', '\x80\xe9\xff'],
    ['[^\n]', '\na', 'a'],
  ])('%j takes of %j only %j', (pattern, text, expected) => {
    expect(matched(pattern, text)).toBe(expected);
  });

  it.each([
    ['alnum', 62],
    ['alpha', 52],
    ['blank', 2],
    ['cntrl', 32],
    ['digit', 10],
    ['graph', 94],
    ['lower', 26],
    ['print', 95],
    ['punct', 32],
    ['space', 6],
    ['upper', 26],
    ['xdigit', 22],
  ])('[[:%s:]] has the %d members of the C locale', (name, count) => {
    expect(matched(`[[:${name}:]]`, EVERY_BYTE)).toHaveLength(count);
  });
});

describe('what is escaped and what is not', () => {
  it.each([
    ['\\w', 63],
    ['\\W', 192],
    ['\\s', 6],
    ['\\S', 249],
    ['.', 255],
  ])('%s takes %d of the bytes from 1 to 255', (pattern, count) => {
    expect(matched(pattern, EVERY_BYTE)).toHaveLength(count);
  });

  it.each([
    ['\\d\\n\\t\\x\\u\\c\\p\\k', 'dntxucpk'],
    ['\\.\\*\\[\\]\\(\\)\\{\\}\\+\\?\\|\\^\\$\\\\', '.*[](){}+?|^$\\'],
    ['\\ \\#\\-\\/', ' #-/'],
    ['a)b', 'a)b'],
    [')', ')'],
    ['a]}', 'a]}'],
    ['\\0', '0'],
    ['[a]]', 'a]'],
    ['[\\]b]', '\\b]'],
  ])('%j is %j', (pattern, text) => {
    expect(find(pattern, `<${text}>`)).toBe(text);
  });
});

describe('intervals', () => {
  it.each([
    ['a{2}', 'aaa', 'aa'],
    ['a{2,}', 'aaaa', 'aaaa'],
    ['a{,2}', 'aaa', 'aa'],
    ['a{,}', 'aaa', 'aaa'],
    ['a{1,2}', 'aaa', 'aa'],
    ['a{0}b', 'ab', 'b'],
    ['a{0,0}b', 'ab', 'b'],
    ['xa{002}', 'xaaa', 'xaa'],
    ['(ab){2}', 'ababab', 'abab'],
    ['a{2}{2}', 'aaaaa', 'aaaa'],
    ['a+?', 'aaa', 'aaa'],
    ['xa*{2}?+', 'xaaa', 'xaaa'],
    ['a{1\\,2}', 'aaa', 'aa'],
    ['a{\\0,1}b', 'ab', 'ab'],
    ['(|a){2,3}', 'aaaa', 'aaa'],
    ['a{255}', 'a'.repeat(300), 'a'.repeat(255)],
  ])('%s finds in %j %j', (pattern, text, expected) => {
    expect(find(pattern, text)).toBe(expected);
  });
});

describe('patterns that do not compile', () => {
  it.each([
    ['*a', 'Invalid preceding regular expression'],
    ['+a', 'Invalid preceding regular expression'],
    ['?a', 'Invalid preceding regular expression'],
    ['{1}', 'Invalid preceding regular expression'],
    ['{a', 'Invalid preceding regular expression'],
    ['(*a)', 'Invalid preceding regular expression'],
    ['(?:a)', 'Invalid preceding regular expression'],
    ['(?i)a', 'Invalid preceding regular expression'],
    ['a|*b', 'Invalid preceding regular expression'],
    ['^*', 'Invalid preceding regular expression'],
    ['$+', 'Invalid preceding regular expression'],
    ['\\b?', 'Invalid preceding regular expression'],
    ['(^*a)', 'Invalid preceding regular expression'],
    ['a{', 'Unmatched \\{'],
    ['a{1', 'Unmatched \\{'],
    ['a{1,', 'Unmatched \\{'],
    ['a{x', 'Unmatched \\{'],
    ['a{}', 'Invalid content of \\{\\}'],
    ['a{x}', 'Invalid content of \\{\\}'],
    ['a{2,1}', 'Invalid content of \\{\\}'],
    ['a{1,2,3}', 'Invalid content of \\{\\}'],
    ['a{\\2}', 'Invalid content of \\{\\}'],
    ['a{-1}', 'Invalid content of \\{\\}'],
    ['a{40000,1}', 'Invalid content of \\{\\}'],
    ['a{32768}', 'Regular expression too big'],
    ['a{1,99999999999}', 'Regular expression too big'],
    ['(', 'Unmatched ( or \\('],
    ['(a', 'Unmatched ( or \\('],
    ['((a)', 'Unmatched ( or \\('],
    ['[', 'Invalid regular expression'],
    ['[^', 'Invalid regular expression'],
    ['[a', 'Unmatched [, [^, [:, [., or [='],
    ['[a[.]', 'Unmatched [, [^, [:, [., or [='],
    ['[]', 'Unmatched [, [^, [:, [., or [='],
    ['[a-', 'Unmatched [, [^, [:, [., or [='],
    ['[[:alpha:', 'Unmatched [, [^, [:, [., or [='],
    ['[[:alpha]', 'Unmatched [, [^, [:, [., or [='],
    ['[[:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:]]', 'Unmatched [, [^, [:, [., or [='],
    ['[[:foo:]]', 'Invalid character class name'],
    ['[[:Alpha:]]', 'Invalid character class name'],
    ['[[::]]', 'Invalid character class name'],
    ['[[.foo.]]', 'Invalid collation character'],
    ['[[.space.]]', 'Invalid collation character'],
    ['[[=ab=]]', 'Invalid collation character'],
    ['[a-[.zz.]]', 'Invalid collation character'],
    ['[z-a]', 'Invalid range end'],
    ['[a-[:digit:]]', 'Invalid range end'],
    ['[a-[=z=]]', 'Invalid range end'],
    ['[[:digit:]-z]', 'Invalid range end'],
    ['[a-c-e]', 'Invalid range end'],
    ['[a--]', 'Invalid range end'],
    ['\\1', 'Invalid back reference'],
    ['(a\\1)', 'Invalid back reference'],
    ['(a)|\\1', 'Invalid back reference'],
    ['(a)\\2', 'Invalid back reference'],
    ['a\\', 'Trailing backslash'],
  ])('%s: %s', (pattern, message) => {
    expect(() => compileMapRegex(pattern, false)).toThrow(
      expect.objectContaining({ name: 'EreError', message }) as Error,
    );
  });
});
