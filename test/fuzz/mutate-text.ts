import type { FuzzRandom } from './fuzz-random.ts';

/** What parsers of all kinds stumble over. */
const COMMON_TOKENS = [
  ...[
    '',
    ' ',
    '\t',
    '\n',
    '\r\n',
    '\n\n',
    '\\',
    '\\\n',
    '"',
    "'",
    '`',
    '#',
    '//',
    '/*',
    '*/',
    ';',
    ',',
    ':',
    '=',
    '-',
  ],
  ...[
    '{',
    '}',
    '[',
    ']',
    '(',
    ')',
    '<',
    '>',
    '|',
    '&',
    '*',
    '+',
    '?',
    '!',
    '%',
    '$',
    '^',
    '~',
    '@',
    '.',
    '..',
    '/',
  ],
  ...['\0', '\u0001', '\x7f', '\x80', '\xff', '\ufeff', 'é', '𝄞', '\ud800', '\u2028', '٣'],
  ...['true', 'false', 'null', 'NaN', 'Infinity', '__proto__', 'constructor', 'toString', 'length'],
];

const NUMBERS = [
  ...['0', '-0', '1', '-1', '00', '007', '0x10', '1e9', '1e400', '0.5', '127', '128', '255', '256', '999'],
  ...['32767', '65535', '65536', '2147483647', '2147483648', '4294967295', '4294967296', '9007199254740993'],
  ...['18446744073709551616', '99999999999999999999', '-9999999999'],
];

/** A text that is longer than this is cut: time that grows with the length is measured by the inputs that repeat themselves. */
const LENGTH_MAX = 20_000;

type Mutation = (
  text: string,
  random: FuzzRandom,
  others: readonly string[],
  tokens: readonly string[],
) => string;

/** One of the seeds with a few changes to its characters, words, numbers and lines, and with pieces of the others and of `tokens`. */
export function mutateText(
  random: FuzzRandom,
  seeds: readonly string[],
  tokens: readonly string[] = [],
): string {
  let text = random.pick(seeds);
  const words = random.chance(0.5) || tokens.length === 0 ? COMMON_TOKENS : tokens;
  for (let changes = 1 + random.small(6); changes > 0; changes -= 1) {
    text = random.pick(MUTATIONS)(text, random, seeds, words);
  }
  return text.slice(0, LENGTH_MAX);
}

const MUTATIONS: readonly Mutation[] = [
  putToken,
  putToken,
  replaceWord,
  replaceWord,
  replaceNumber,
  cutOut,
  (text, random) => text.slice(0, random.below(text.length + 1)),
  changeCharacter,
  doubleLine,
  dropLine,
  swapLines,
  takeLine,
  repeatPiece,
  changeCase,
];

function putToken(text: string, random: FuzzRandom, _: readonly string[], tokens: readonly string[]): string {
  const at = random.below(text.length + 1);
  return text.slice(0, at) + random.pick(tokens) + text.slice(at);
}

/** Puts a token where a word stands. */
function replaceWord(
  text: string,
  random: FuzzRandom,
  _: readonly string[],
  tokens: readonly string[],
): string {
  const [from, to] = findNear(text, random, /[\w.-]+/g);
  return text.slice(0, from) + random.pick(tokens) + text.slice(to);
}

function replaceNumber(text: string, random: FuzzRandom): string {
  const [from, to] = findNear(text, random, /\d+/g);
  return text.slice(0, from) + random.pick(NUMBERS) + text.slice(to);
}

/** The first match behind a place taken at random; that place itself when there is none. */
function findNear(text: string, random: FuzzRandom, pattern: RegExp): readonly [from: number, to: number] {
  pattern.lastIndex = random.below(text.length + 1);
  const match = pattern.exec(text);
  return match === null
    ? [pattern.lastIndex, pattern.lastIndex]
    : [match.index, match.index + match[0].length];
}

function cutOut(text: string, random: FuzzRandom): string {
  const from = random.below(text.length + 1);
  return text.slice(0, from) + text.slice(from + 1 + random.small(40));
}

function changeCharacter(text: string, random: FuzzRandom): string {
  const at = random.below(text.length + 1);
  const code = random.chance(0.7) ? 32 + random.below(95) : random.below(random.chance(0.8) ? 256 : 65_536);
  return text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
}

function doubleLine(text: string, random: FuzzRandom): string {
  return editLines(text, (lines) => lines.splice(random.below(lines.length), 0, random.pick(lines)));
}

function dropLine(text: string, random: FuzzRandom): string {
  return editLines(text, (lines) => lines.splice(random.below(lines.length), 1));
}

function swapLines(text: string, random: FuzzRandom): string {
  return editLines(text, (lines) => {
    const [one, other] = [random.below(lines.length), random.below(lines.length)];
    [lines[one], lines[other]] = [lines[other] ?? '', lines[one] ?? ''];
  });
}

function takeLine(text: string, random: FuzzRandom, others: readonly string[]): string {
  const line = random.pick(random.pick(others).split('\n'));
  return editLines(text, (lines) => lines.splice(random.below(lines.length + 1), 0, line));
}

function editLines(text: string, edit: (lines: string[]) => unknown): string {
  const lines = text.split('\n');
  edit(lines);
  return lines.join('\n');
}

/** The same again and again, or nested deeply: what takes more time than its length shows here. */
function repeatPiece(text: string, random: FuzzRandom): string {
  const from = random.below(text.length + 1);
  const piece = text.slice(from, from + 1 + random.small(12));
  return (
    text.slice(0, from) + piece.repeat(1 + random.small(random.chance(0.1) ? 1500 : 60)) + text.slice(from)
  );
}

function changeCase(text: string, random: FuzzRandom): string {
  const [from, to] = findNear(text, random, /[\w.-]+/g);
  const word = text.slice(from, to);
  return (
    text.slice(0, from) + (random.chance(0.5) ? word.toUpperCase() : word.toLowerCase()) + text.slice(to)
  );
}
