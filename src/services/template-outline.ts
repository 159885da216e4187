/** A place where something begins that the template never ends. Lines and columns count from 1. */
export interface OpenEnd {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Tags that want an end, and by which word it comes. `set` wants one only without a value. */
const BLOCK_ENDS: ReadonlyMap<string, string> = new Map([
  ['if', 'endif'],
  ['for', 'endfor'],
  ['macro', 'endmacro'],
  ['block', 'endblock'],
  ['call', 'endcall'],
  ['filter', 'endfilter'],
  ['set', 'endset'],
]);
const VERBATIM_ENDS: ReadonlyMap<string, RegExp> = new Map([
  ['raw', /\{%-?\s*endraw\s*-?%\}/g],
  ['verbatim', /\{%-?\s*endverbatim\s*-?%\}/g],
]);
const CLOSERS: Readonly<Record<string, string>> = { '{{': '}}', '{%': '%}', '{#': '#}' };

interface Tag {
  readonly opener: string;
  /** Where it begins, and where what is behind it begins. */
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/**
 * The first thing in a template that begins and does not end: braces, a text in quotes, a block. The engine's parser only
 * notices at the end of the file, or wherever the next braces happen to be; who wrote the template wants to know where
 * it began.
 */
export function findOpenEnd(source: string): OpenEnd | undefined {
  const open: { readonly word: string; readonly at: number }[] = [];
  for (let at = 0; ;) {
    const tag = nextTag(source, at);
    if (tag === undefined) break;
    if (typeof tag === 'object' && 'message' in tag) return tag;
    at = tag.to;
    if (tag.opener !== '{%') continue;
    const [word = ''] = /^[a-z]+/.exec(tag.text) ?? [];
    const verbatimEnd = VERBATIM_ENDS.get(word);
    if (verbatimEnd !== undefined) {
      verbatimEnd.lastIndex = at;
      const end = verbatimEnd.exec(source);
      if (end === null) return openEnd(source, tag.from, `{% ${word} %} is never ended`);
      at = end.index + end[0].length;
    } else if (opensBlock(word, tag.text)) {
      open.push({ word, at: tag.from });
    } else if (word === BLOCK_ENDS.get(open.at(-1)?.word ?? '')) {
      open.pop();
    }
  }
  const last = open.at(-1);
  return (
    last && openEnd(source, last.at, `{% ${last.word} %} has no {% ${BLOCK_ENDS.get(last.word) ?? ''} %}`)
  );
}

function opensBlock(word: string, text: string): boolean {
  if (word === 'set') return !text.includes('=');
  return BLOCK_ENDS.has(word);
}

/** The next braces with what is in them, or that they do not end; undefined when there are none. */
function nextTag(source: string, from: number): Tag | OpenEnd | undefined {
  const start = /\{[{%#]/g;
  start.lastIndex = from;
  const found = start.exec(source);
  if (found === null) return undefined;
  const [opener] = found;
  const closer = CLOSERS[opener] ?? '';
  const inside = found.index + opener.length;
  const end = opener === '{#' ? source.indexOf(closer, inside) : endOfCode(source, inside, closer);
  if (typeof end === 'object') return end;
  if (end < 0) return openEnd(source, found.index, `${opener} has no ${closer}`);
  const text = source.slice(inside, end).replace(/^-?\s*/, '');
  return { opener, from: found.index, to: end + closer.length, text };
}

/** Where the closing braces are; -1 when other braces, or the end of the file, come first. */
function endOfCode(source: string, from: number, closer: string): number | OpenEnd {
  for (let at = from; at < source.length; at += 1) {
    const character = source.charAt(at);
    if (source.startsWith(closer, at)) return at;
    if (source.startsWith('{%', at) || source.startsWith('{{', at)) return -1;
    if (character !== '"' && character !== "'") continue;
    const closing = endOfText(source, at);
    if (closing < 0) return openEnd(source, at, `the text that begins with ${character} is never ended`);
    at = closing;
  }
  return -1;
}

function endOfText(source: string, from: number): number {
  const quote = source.charAt(from);
  for (let at = from + 1; at < source.length; at += 1) {
    if (source.charAt(at) === '\\') at += 1;
    else if (source.charAt(at) === quote) return at;
  }
  return -1;
}

function openEnd(source: string, at: number, message: string): OpenEnd {
  const lines = source.slice(0, at).split('\n');
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1, message };
}
