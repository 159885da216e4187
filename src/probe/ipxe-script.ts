/** What ends a command: `||` goes on when it failed, `&&` when it worked, a line's end or `;` in any case. */
export type IpxeJoint = 'always' | 'on-success' | 'on-failure';

/** One command with its words, variables not yet replaced. */
export interface IpxeCommand {
  /** When it runs, by how the command before it on the same line ended. */
  readonly when: IpxeJoint;
  readonly words: readonly string[];
}

/** A line of a script: commands, or the label that `goto` looks for. */
export type IpxeLine =
  | { readonly kind: 'label'; readonly name: string }
  | {
      readonly kind: 'commands';
      readonly commands: readonly IpxeCommand[];
      /** The line ends with `||`: the script goes on whatever came of it. */
      readonly mayFail: boolean;
    };

const MAGIC = '#!ipxe';

/** Whether a file is a script of iPXE: its first line says so. */
export function isIpxeScript(text: string): boolean {
  return /^#!ipxe\s*(?:\n|\r|$)/.test(text) || text === MAGIC;
}

/**
 * The lines of a script. There are neither quotes nor escapes; words end at white space, a word that begins with `#`
 * starts a comment, a backslash at the end of a line joins it to the next.
 */
export function parseIpxeScript(text: string): readonly IpxeLine[] {
  return text
    .replace(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .map(parseLine)
    .filter((line) => line.kind === 'label' || line.commands.length > 0);
}

function parseLine(line: string): IpxeLine {
  const trimmed = line.trim();
  if (trimmed.startsWith(':')) return { kind: 'label', name: trimmed.slice(1).trim() };
  const commands: IpxeCommand[] = [];
  let when: IpxeJoint = 'always';
  let words: string[] = [];
  const finish = (next: IpxeJoint): void => {
    if (words.length > 0) commands.push({ when, words });
    when = next;
    words = [];
  };
  for (const word of trimmed.split(/\s+/)) {
    if (word.startsWith('#')) break;
    if (word === '||') finish('on-failure');
    else if (word === '&&') finish('on-success');
    else if (word === ';') finish('always');
    else if (word !== '') words.push(word);
  }
  finish('always');
  return { kind: 'commands', commands, mayFail: /\|\|\s*(?:#.*)?$/.test(trimmed) };
}

/** Replaces `${name}` and `${name:format}`, the innermost first: `${net${netid}/mac:hexhyp}`. */
export function expandIpxeVariables(text: string, valueOf: (name: string) => string): string {
  let expanded = text;
  for (let round = 0; round < 8; round += 1) {
    const next = expanded.replace(/\$\{([^${}]*)\}/g, (_, reference: string) => {
      const [name = '', format] = reference.split(':');
      return formatted(valueOf(name), format);
    });
    if (next === expanded) return next;
    expanded = next;
  }
  return expanded;
}

/** The formats that boot scripts use on addresses; any other leaves the value as it is. */
function formatted(value: string, format: string | undefined): string {
  switch (format) {
    case 'hexhyp':
      return value.replaceAll(':', '-');
    case 'hexraw':
      return value.replaceAll(':', '');
    case 'uristring':
      return encodeURIComponent(value);
    default:
      return value;
  }
}
