import type { CommandFacts, OptionFacts, ValueFacts } from './command-tree.ts';

/** What a running daemon knows and a shell may offer. */
export const RUNNING_THINGS = ['nodes', 'machines', 'leases', 'boots'] as const;
export type RunningThing = (typeof RUNNING_THINGS)[number];

/** Where a shell finds the words that may stand in a place. */
export type WordSource =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'file' | 'folder' | 'free' }
  | { readonly kind: 'running'; readonly what: RunningThing };

/** By what the help calls a value; whatever is not here is free text. */
const SOURCES: Readonly<Record<string, WordSource>> = {
  file: { kind: 'file' },
  path: { kind: 'file' },
  folder: { kind: 'folder' },
  node: { kind: 'running', what: 'nodes' },
  mac: { kind: 'running', what: 'machines' },
  address: { kind: 'running', what: 'leases' },
  'address|mac': { kind: 'running', what: 'leases' },
  boot: { kind: 'running', what: 'boots' },
};

/** Where the words for a value come from. */
export function sourceOf({ name, choices }: ValueFacts): WordSource {
  return choices === undefined ? (SOURCES[name] ?? { kind: 'free' }) : { kind: 'words', words: choices };
}

/** The spellings of an option: `-c` and `--config`. */
export function spellingsOf({ short, long }: OptionFacts): readonly string[] {
  return short === undefined ? [long] : [short, long];
}

/** The names of the commands directly below. */
export function namesBelow({ commands }: CommandFacts): readonly string[] {
  return commands.map((command) => command.path.at(-1) ?? '');
}

/** Text between single quotes, for any shell of the Bourne family. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
