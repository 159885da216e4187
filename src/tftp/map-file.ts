import { EreError } from './ere-error.ts';
import { compileMapRegex, type MapRegex } from './map-regex.ts';
import { parseReplacement, type ReplacementPart } from './map-replacement.ts';

/** One rule of a map-file. Names after in.tftpd's manual; the letters stand in `operations`. */
export interface MapRule {
  /** As in log lines: rules, not lines, counted from 0. */
  readonly number: number;
  /** Where it stands in the file, from 1. */
  readonly line: number;
  readonly operations: string;
  readonly pattern: string;
  readonly replacement: string;
  readonly regex: MapRegex;
  readonly replacementParts: readonly ReplacementPart[];
  /** `r`: replace what matched. */
  readonly rewrites: boolean;
  /** `g`, with `r` only: go on until nothing matches. */
  readonly isGlobal: boolean;
  /** `e`: after a match the name is final. */
  readonly exits: boolean;
  /** `s`: after a match start again. */
  readonly restarts: boolean;
  /** `a`: after a match refuse the request. */
  readonly aborts: boolean;
  /** `~`: act when nothing matches. */
  readonly isInverted: boolean;
  /** `G` or `P`, whichever was written last. */
  readonly direction: 'read' | 'write' | undefined;
  /** `4` and `6`; a rule with both is for nobody. */
  readonly families: readonly ('ipv4' | 'ipv6')[];
}

/** A line that in.tftpd would refuse to start with, in its words. */
export interface MapFileProblem {
  readonly line: number;
  readonly message: string;
}

/** A map-file that was read. With problems, the rules are not to be used: there is no partial load. */
export interface MapFile {
  readonly rules: readonly MapRule[];
  readonly problems: readonly MapFileProblem[];
}

/** in.tftpd reads lines with fgets(3) into 16 KiB; what does not fit is the next line. */
const LINE_MAX = 16_383;

/**
 * Reads a map-file as tftpd-hpa 5.2+20150808 does. `text` is Latin-1: one code unit an octet, no character set is known.
 * Problems are found in every line, the first of each.
 */
export function parseMapFile(text: string): MapFile {
  const rules: MapRule[] = [];
  const problems: MapFileProblem[] = [];
  let line = 0;
  for (const content of readLines(text)) {
    line++;
    const parsed = parseRule(content, line, rules.length);
    if (typeof parsed === 'string') problems.push({ line, message: parsed });
    else if (parsed !== undefined) rules.push(parsed);
  }
  return { rules, problems };
}

/** Lines with their line feeds, without what follows a NUL. */
function* readLines(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const feed = text.indexOf('\n', start);
    const end = Math.min(feed < 0 ? text.length : feed + 1, start + LINE_MAX);
    const [visible = ''] = text.slice(start, end).split('\0', 1);
    yield visible;
    start = end;
  }
}

/** The rule of a line; undefined where there is none; a string says what is wrong. */
function parseRule(content: string, line: number, number: number): MapRule | string | undefined {
  const operations = readField(content);
  if (operations.field === '') return undefined;
  const flags = parseOperations(operations.field, line, operations.rest);
  if (typeof flags === 'string') return flags;
  const pattern = readField(operations.rest);
  if (pattern.field === '') return `No regex on remap line ${line}: ${withoutLineEnd(pattern.rest)}`;
  const regex = compile(pattern.field, flags.ignoresCase);
  if (typeof regex === 'string') return `Bad regex in remap line ${line}: ${regex}`;
  const replacement = readField(pattern.rest).field;
  return {
    ...flags,
    number,
    line,
    operations: operations.field,
    pattern: pattern.field,
    replacement,
    regex,
    replacementParts: parseReplacement(replacement),
    isGlobal: flags.isGlobal && flags.rewrites,
  };
}

interface OperationFlags {
  rewrites: boolean;
  isGlobal: boolean;
  exits: boolean;
  restarts: boolean;
  aborts: boolean;
  isInverted: boolean;
  ignoresCase: boolean;
  direction: 'read' | 'write' | undefined;
  families: ('ipv4' | 'ipv6')[];
}

function parseOperations(letters: string, line: number, rest: string): OperationFlags | string {
  const flags: OperationFlags = {
    rewrites: false,
    isGlobal: false,
    exits: false,
    restarts: false,
    aborts: false,
    isInverted: false,
    ignoresCase: false,
    direction: undefined,
    families: [],
  };
  for (const letter of letters) {
    const set = OPERATIONS.get(letter);
    if (set === undefined) {
      return `Remap command "${letters}" on line ${line} contains invalid char "${letter}"`;
    }
    set(flags);
    if (flags.rewrites && flags.isInverted) {
      return `r rules cannot be inverted, line ${line}: ${withoutLineEnd(rest)}`;
    }
  }
  return flags;
}

const OPERATIONS: ReadonlyMap<string, (flags: OperationFlags) => unknown> = new Map<
  string,
  (flags: OperationFlags) => unknown
>([
  ['r', (flags) => (flags.rewrites = true)],
  ['g', (flags) => (flags.isGlobal = true)],
  ['e', (flags) => (flags.exits = true)],
  ['s', (flags) => (flags.restarts = true)],
  ['a', (flags) => (flags.aborts = true)],
  ['i', (flags) => (flags.ignoresCase = true)],
  ['~', (flags) => (flags.isInverted = true)],
  ['G', (flags) => (flags.direction = 'read')],
  ['P', (flags) => (flags.direction = 'write')],
  ['4', (flags) => flags.families.push('ipv4')],
  ['6', (flags) => flags.families.push('ipv6')],
]);

/**
 * The next field of a line and what stands behind it. A backslash keeps the white space or `#` that follows in the
 * field and stays there itself; a `#` else ends the line.
 */
function readField(text: string): { readonly field: string; readonly rest: string } {
  const [match = '', field = ''] = /^[ \t\n\v\f\r]*((?:\\[^]|[^\\ \t\n\v\f\r#]|\\$)*)/.exec(text) ?? [];
  return { field, rest: text.slice(match.length) };
}

function compile(pattern: string, ignoreCase: boolean): MapRegex | string {
  try {
    return compileMapRegex(pattern, ignoreCase);
  } catch (error) {
    if (error instanceof EreError) return error.message;
    throw error;
  }
}

/** in.tftpd logs the rest of the line with its line feed, which would end the log line. */
function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}
