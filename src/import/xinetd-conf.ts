import { ImportError } from './source-place.ts';
import type { PlacedWord } from './tftpd-arguments.ts';

/** `ATTRIBUTE = VALUE …` of a service; `+=` adds to what is there, `-=` takes away. */
export interface XinetdAttribute {
  readonly name: PlacedWord;
  readonly values: readonly PlacedWord[];
}

/** The `service` of xinetd.conf(5) that serves TFTP; in the order of the file. */
export interface XinetdService {
  readonly name: PlacedWord;
  readonly attributes: readonly XinetdAttribute[];
}

const ASSIGNMENT = /^\s*(\w+)\s*([+-]?=)/;

/**
 * Finds the TFTP service in a file of xinetd: the one that is called `tftp`, else the one whose `server` is a tftpd. Throws ImportError
 * when there is none, and for a line that is none of xinetd's.
 */
export function findTftpService(text: string, file: string): XinetdService {
  const services = parseServices(text, file);
  const found = services.find(({ name }) => name.text === 'tftp') ?? services.find(runsTftpd);
  if (found !== undefined) return found;
  throw new ImportError({ file, line: 1, column: 1 }, 'no service of xinetd here is tftp');
}

function runsTftpd({ attributes }: XinetdService): boolean {
  return attributes.some(
    ({ name, values }) => name.text === 'server' && values[0]?.text.includes('tftpd') === true,
  );
}

function parseServices(text: string, file: string): readonly XinetdService[] {
  const services: XinetdService[] = [];
  let open: { readonly name: PlacedWord; readonly attributes: XinetdAttribute[] } | undefined;
  let isInside = false;
  for (const [index, written] of text.split('\n').entries()) {
    const line = index + 1;
    const content = written.replace(/\r$/, '');
    if (/^\s*(?:#|$)/.test(content)) continue;
    const [first, second, third] = wordsOf(content, 0, file, line);
    if (first === undefined) continue;
    if (isInside && first.text === '}') {
      if (open !== undefined) services.push(open);
      open = undefined;
      isInside = false;
    } else if (isInside) open?.attributes.push(...readAttribute(content, file, line));
    else if (first.text === '{') isInside = true;
    else if (first.text === 'service' && second !== undefined) {
      open = { name: second, attributes: [] };
      isInside = third?.text === '{';
    } else if (first.text === 'defaults') isInside = second?.text === '{';
    else if (first.text !== 'include' && first.text !== 'includedir') {
      throw new ImportError(first.place, `expected 'service', found '${first.text}'`);
    }
  }
  if (isInside && open !== undefined) throw new ImportError(open.name.place, "the service has no '}'");
  return services;
}

/** `+=` is as good as `=` for whoever reads one file. What `-=` takes away stays in the name, which nobody knows then. */
function readAttribute(content: string, file: string, line: number): readonly XinetdAttribute[] {
  const match = ASSIGNMENT.exec(content);
  const [first] = wordsOf(content, 0, file, line);
  if (first === undefined) return [];
  if (match === null) throw new ImportError(first.place, "expected 'ATTRIBUTE = VALUE'");
  const [whole, attribute = '', operator] = match;
  const name = { text: operator === '-=' ? `${attribute} -` : attribute, place: first.place };
  return [{ name, values: wordsOf(content, whole.length, file, line) }];
}

/** The words of a line from `start`. */
function wordsOf(content: string, start: number, file: string, line: number): readonly PlacedWord[] {
  return Array.from(content.slice(start).matchAll(/\S+/g), (match) => ({
    text: match[0],
    place: { file, line, column: start + match.index + 1 },
  }));
}
