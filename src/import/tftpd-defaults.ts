import { ImportError, type SourcePlace } from './source-place.ts';
import type { PlacedWord } from './tftpd-arguments.ts';

/** The variables of /etc/default/tftpd-hpa, each split into words. */
export type TftpdDefaults = ReadonlyMap<string, readonly PlacedWord[]>;

const VARIABLE = /^\s*(?:export\s+)?([A-Z][A-Z0-9_]*)=/;

/** Whether a text is /etc/default/tftpd-hpa, and no file of xinetd. */
export function isTftpdDefaults(text: string): boolean {
  return text.split('\n').some((line) => /^\s*(?:export\s+)?TFTP_[A-Z]+=/.test(line));
}

/** Reads lines of the form `NAME="words"`. Throws ImportError for what a shell would have to work out. */
export function parseTftpdDefaults(text: string, file: string): TftpdDefaults {
  const variables = new Map<string, readonly PlacedWord[]>();
  for (const [index, content] of text.split('\n').entries()) {
    const line = index + 1;
    if (/^\s*(?:#|$)/.test(content)) continue;
    const match = VARIABLE.exec(content);
    const start: SourcePlace = { file, line, column: content.search(/\S/) + 1 };
    if (match?.[1] === undefined) throw new ImportError(start, 'expected \'NAME="value"\'');
    variables.set(match[1], readWords(content, match[0].length, file, line));
  }
  return variables;
}

/**
 * The words of a value. Outer quotes are taken off; what is inside of them is split once more, as the init script does when it leaves the
 * variable unquoted.
 */
function readWords(content: string, start: number, file: string, line: number): readonly PlacedWord[] {
  const match = /^(?:"((?:[^"\\$`]|\\.)*)"|'([^']*)'|([^\s"'$`\\#;&|]*))\s*(?:#.*)?\r?$/.exec(
    content.slice(start),
  );
  if (match === null) {
    throw new ImportError({ file, line, column: start + 1 }, 'only a shell could work out this value');
  }
  const [, double, single, plain] = match;
  const value = double ?? single ?? plain ?? '';
  const offset = start + (plain === undefined ? 1 : 0);
  return Array.from(value.matchAll(/\S+/g), (word) => ({
    text: double === undefined ? word[0] : word[0].replace(/\\(.)/g, '$1'),
    place: { file, line, column: offset + word.index + 1 },
  }));
}
