import type { SourcePlace } from './source-place.ts';

/** One word of a command line, and where it stands. */
export interface PlacedWord {
  readonly text: string;
  readonly place: SourcePlace;
}

/** An option of in.tftpd(8) as it was given. */
export interface TftpdOption {
  readonly name: TftpdOptionName;
  /** Empty for options without a value. */
  readonly value: string;
  readonly place: SourcePlace;
  /** The option as it is written. */
  readonly source: string;
}

/** A command line of in.tftpd, taken apart as getopt_long does. */
export interface TftpdArguments {
  readonly options: readonly TftpdOption[];
  readonly directories: readonly PlacedWord[];
  /** Words that begin with a dash and are no option of in.tftpd 5.2. */
  readonly unknown: readonly PlacedWord[];
}

/** The options of tftpd-hpa 5.2: short letter, and whether a value follows. */
const OPTIONS = {
  ipv4: ['4', false],
  ipv6: ['6', false],
  listen: ['l', false],
  foreground: ['L', false],
  address: ['a', true],
  create: ['c', false],
  secure: ['s', false],
  user: ['u', true],
  umask: ['U', true],
  permissive: ['p', false],
  pidfile: ['P', true],
  timeout: ['t', true],
  retransmit: ['T', true],
  'map-file': ['m', true],
  verbose: ['v', false],
  verbosity: ['', true],
  refuse: ['r', true],
  blocksize: ['B', true],
  'port-range': ['R', true],
  version: ['V', false],
} as const satisfies Readonly<Record<string, readonly [letter: string, takesValue: boolean]>>;

export type TftpdOptionName = keyof typeof OPTIONS;

const NAMES = Object.keys(OPTIONS) as readonly TftpdOptionName[];

/** Takes the words behind the program's name apart. */
export function parseTftpdArguments(words: readonly PlacedWord[]): TftpdArguments {
  const options: TftpdOption[] = [];
  const directories: PlacedWord[] = [];
  const unknown: PlacedWord[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at];
    if (word === undefined) break;
    const { text, place } = word;
    if (text === '--') {
      directories.push(...words.slice(at + 1));
      break;
    }
    if (!text.startsWith('-') || text === '-') {
      directories.push(word);
      continue;
    }
    const found = text.startsWith('--') ? longOption(text.slice(2)) : shortOptions(text.slice(1));
    if (found === undefined) {
      unknown.push(word);
      continue;
    }
    for (const { name, value } of found) {
      const takesNext = OPTIONS[name][1] && value === undefined;
      if (takesNext) at += 1;
      const next = takesNext ? words[at]?.text : undefined;
      const source = next === undefined ? text : `${text} ${next}`;
      options.push({ name, value: value ?? next ?? '', place, source });
    }
  }
  return { options, directories, unknown };
}

interface FoundOption {
  readonly name: TftpdOptionName;
  /** Undefined: it is in the next word, if it takes any. */
  readonly value: string | undefined;
}

/** A long option may be cut short as long as it is clear which one is meant, and its value may follow `=`. */
function longOption(text: string): readonly FoundOption[] | undefined {
  const [written = '', ...rest] = text.split('=');
  const value = rest.length === 0 ? undefined : rest.join('=');
  const candidates = NAMES.filter((name) => name.startsWith(written));
  const name = candidates.find((candidate) => candidate === written) ?? candidates[0];
  const isClear = name !== undefined && (name === written || candidates.length === 1);
  return isClear ? [{ name, value }] : undefined;
}

/** Several letters may share a dash; a value may follow the last one. */
function shortOptions(text: string): readonly FoundOption[] | undefined {
  const found: FoundOption[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const name = NAMES.find((candidate) => OPTIONS[candidate][0] === text[at]);
    if (name === undefined) return undefined;
    const rest = text.slice(at + 1);
    if (OPTIONS[name][1]) return [...found, { name, value: rest === '' ? undefined : rest }];
    found.push({ name, value: undefined });
  }
  return found;
}
