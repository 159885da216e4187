import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeProgram } from '../packaging/manual/described-program.ts';
import type { CommandFacts, OptionFacts } from '../src/cli/command-tree.ts';

/**
 * What a document tells a reader to type must be something that bootd takes: the command, each of its options, and in a block
 * of shell lines as many words as it wants.
 */

const FOLDER = join(import.meta.dirname, '..');
const PROGRAM = describeProgram();
const EVERYWHERE: readonly OptionFacts[] = [
  { short: '-h', long: '--help', value: undefined, mandatory: false, description: '' },
];

const documents = [
  'README.md',
  'integrations/ironic/README.md',
  'tftpboot-templates/README.md',
  ...readdirSync(join(FOLDER, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => `docs/${path}`),
];

/** Why the words after `bootd` cannot be typed; undefined when they can. */
function objectionTo(words: readonly string[], isWhole: boolean): string | undefined {
  let command: CommandFacts = PROGRAM;
  const operands: string[] = [];
  const given = new Set<string>();
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word.startsWith('-') && word !== '-') {
      const [name = '', attached] = word.split(/=(.*)/s);
      const option = [...command.options, ...EVERYWHERE].find(
        (each) => each.long === name || each.short === name,
      );
      if (option === undefined) return `${command.path.join(' ')} has no option ${name}`;
      given.add(option.long);
      if (option.value === undefined || attached !== undefined) continue;
      at += 1;
      const value = words[at];
      if (value === undefined && option.value.required && isWhole) return `${name} needs a value`;
      continue;
    }
    const child =
      operands.length === 0 ? command.commands.find(({ path }) => path.at(-1) === word) : undefined;
    if (child === undefined) operands.push(word);
    else command = child;
  }
  return isWhole ? objectionToWhole(command, operands, given) : objectionToName(command, operands);
}

function objectionToName({ path, commands }: CommandFacts, [word]: readonly string[]): string | undefined {
  return commands.length > 0 && word !== undefined ? `${path.join(' ')} has no command ${word}` : undefined;
}

function objectionToWhole(
  command: CommandFacts,
  operands: readonly string[],
  given: ReadonlySet<string>,
): string | undefined {
  const { path, commands, options, arguments: wanted } = command;
  const name = path.join(' ');
  if (commands.length > 0) return `${name} wants one of its commands`;
  const missing = options.find(({ mandatory, long }) => mandatory && !given.has(long));
  if (missing !== undefined && !given.has('--help')) return `${name} wants ${missing.long}`;
  const least = wanted.filter(({ required }) => required).length;
  const most = wanted.some(({ variadic }) => variadic) ? Infinity : wanted.length;
  if (operands.length < least || operands.length > most) {
    return `${name} takes other words than ${JSON.stringify(operands)}`;
  }
  return undefined;
}

/** The lines of blocks of shell, those that end in a backslash joined. */
function shellLines(text: string): readonly string[] {
  return [...text.matchAll(/^ *```(?:sh|shell|bash)\n(.*?)^ *```/gms)].flatMap(([, block = '']) =>
    block.replaceAll('\\\n', ' ').split('\n'),
  );
}

/** The commands of bootd in a line: without what pipes, redirects, quotes and comments add. */
function commandsIn(line: string): readonly (readonly string[])[] {
  const words = [...line.matchAll(/"[^"]*"|'[^']*'|\$\([^)]*\)|[^\s"';]+|;/g)].map(([word]) => word);
  const comment = words.findIndex((word) => word.startsWith('#'));
  const commands: string[][] = [[]];
  for (const word of comment < 0 ? words : words.slice(0, comment)) {
    if (/^(?:\||\|\||&&|&|;)$/.test(word)) commands.push([]);
    else if (!/^(?:\d?>|<)/.test(word)) commands.at(-1)?.push(word);
  }
  return commands.flatMap((command) => {
    const start = command.findIndex((word) => !/^(?:sudo|\w+=.*)$/.test(word));
    return command[start] === 'bootd' ? [command.slice(start + 1)] : [];
  });
}

describe.each(documents)('%s', (document) => {
  const text = readFileSync(join(FOLDER, document), 'utf8');

  it('names only commands and options that there are', () => {
    const inline = [...text.replace(/^ *```.*?^ *```/gms, '').matchAll(/`bootd ([a-z][^`|…{[]*)`/g)]
      .map(([, words = '']) => words.trim().split(/\s+/))
      .filter((words) => !words.some((word) => word.endsWith('\\')));
    expect(inline.flatMap((words) => objectionTo(words, false) ?? [])).toEqual([]);
  });

  it('has lines in its blocks that can be typed as they stand', () => {
    const commands = shellLines(text).flatMap(commandsIn);
    expect(commands.flatMap((words) => objectionTo(words, true) ?? [])).toEqual([]);
  });
});

describe('the test itself', () => {
  it.each([
    ['lease list --frobnicate', 'bootd lease list has no option --frobnicate'],
    ['lease', 'bootd lease wants one of its commands'],
    ['lease import --state-directory x', 'bootd lease import wants --leases'],
    ['boot show', 'bootd boot show takes other words than []'],
    ['check --config x y', 'bootd check takes other words than ["y"]'],
    ['serve --config', '--config needs a value'],
  ])('objects to bootd %s', (words, objection) => {
    expect(objectionTo(words.split(' '), true)).toBe(objection);
  });

  it('finds the commands of a line, and no more of them', () => {
    expect(
      commandsIn(
        'sudo bootd lease list | head; systemctl stop bootd; bootd check --config "a b" >/dev/null # bootd x',
      ),
    ).toEqual([
      ['lease', 'list'],
      ['check', '--config', '"a b"'],
    ]);
  });
});
