/** What can stand in a YAML document that is written here. */
export type YamlNode =
  | string
  | number
  | boolean
  /** `[1, 2, 3]` */
  | { readonly kind: 'flow-list'; readonly items: readonly YamlNode[] }
  /** `{ hex: e4:45 }` */
  | { readonly kind: 'flow-map'; readonly entries: readonly (readonly [string, YamlNode])[] }
  | { readonly kind: 'list'; readonly items: readonly YamlItem[] }
  | { readonly kind: 'map'; readonly entries: readonly YamlEntry[] };

/** An item of a block list, and what is said about it behind it. */
export interface YamlItem {
  readonly value: YamlNode;
  readonly comment?: string | undefined;
}

/** A key of a block mapping. */
export interface YamlEntry {
  readonly key: string;
  readonly value: YamlNode;
  readonly comment?: string | undefined;
}

/** Text that is longer than this is folded where it has spaces. */
const FOLD_WIDTH = 100;

/** A YAML 1.2 document of block mappings and lists, with comments: one line each before it, and behind keys and items. */
export function formatYamlDocument(header: readonly string[], entries: readonly YamlEntry[]): string {
  const lines = [
    ...header.map((line) => `# ${oneLine(line)}`.trimEnd()),
    ...entries.flatMap((entry) => entryLines(entry, 0)),
  ];
  return `${lines.join('\n')}\n`;
}

function entryLines({ key, value, comment }: YamlEntry, depth: number): readonly string[] {
  const indent = '  '.repeat(depth);
  const name = formatText(key, 'block');
  if (isBlock(value)) {
    return [withComment(`${indent}${name}:`, comment), ...blockLines(value, depth + 1)];
  }
  const folded = typeof value === 'string' ? foldText(value) : undefined;
  if (folded !== undefined) {
    const inner = '  '.repeat(depth + 1);
    return [withComment(`${indent}${name}: >-`, comment), ...folded.map((line) => inner + line)];
  }
  return [withComment(`${indent}${name}: ${formatValue(value)}`, comment)];
}

type YamlBlock = Extract<YamlNode, { readonly kind: 'list' | 'map' }>;

function isBlock(node: YamlNode): node is YamlBlock {
  return typeof node === 'object' && (node.kind === 'list' || node.kind === 'map');
}

function blockLines(block: YamlBlock, depth: number): readonly string[] {
  if (block.kind === 'map') return block.entries.flatMap((entry) => entryLines(entry, depth));
  const indent = '  '.repeat(depth);
  return block.items.flatMap(({ value, comment }) => {
    if (!isBlock(value)) return [withComment(`${indent}- ${formatValue(value)}`, comment)];
    // The first key of a mapping stands beside its dash.
    const [first = '', ...rest] = blockLines(value, depth + 1);
    return [withComment(`${indent}- ${first.slice(indent.length + 2)}`, comment), ...rest];
  });
}

function withComment(line: string, comment: string | undefined): string {
  return comment === undefined ? line : `${line}  # ${oneLine(comment)}`;
}

function oneLine(comment: string): string {
  return comment.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}

function formatValue(node: YamlNode): string {
  return typeof node === 'string' ? formatText(node, 'block') : formatFlow(node);
}

function formatFlow(node: YamlNode): string {
  if (typeof node === 'string') return formatText(node, 'flow');
  if (typeof node !== 'object') return String(node);
  switch (node.kind) {
    case 'flow-list':
      return `[${node.items.map(formatFlow).join(', ')}]`;
    case 'flow-map':
      return `{ ${node.entries.map(([key, value]) => `${formatText(key, 'flow')}: ${formatFlow(value)}`).join(', ')} }`;
    case 'list':
      return formatFlow({ kind: 'flow-list', items: node.items.map((item) => item.value) });
    case 'map':
      return formatFlow({
        kind: 'flow-map',
        entries: node.entries.map((entry) => [entry.key, entry.value] as const),
      });
  }
}

/** Text that YAML takes as it is; a colon, a quote or a dash counts as text where no space follows or precedes it. */
const PLAIN = /^[\w/](?:[\w ./+@=!()-]|["'](?=\S)|(?<=\S)["']|:(?=[^\s,]))*$/;
/** Behind a comma, plain text goes on only where no list or mapping on one line is around it. */
const PLAIN_IN_BLOCK = /^[\w/](?:[\w ./+@=!(),-]|["'](?=\S)|(?<=\S)["']|:(?=\S))*$/;
/** What a reader of YAML 1.1 or 1.2 would take for a number, a time, a truth or nothing. */
const NOT_TEXT = /^(?:\d[\d_,.:e+-]*|0[xob][\da-f_]*|true|false|yes|no|on|off|y|n|null)$/i;
const ADDRESSES = /^\d+\.\d+\.\d+\.\d+(?:-\d+\.\d+\.\d+\.\d+)?$/;
const PRINTABLE = /^[^\p{Cc}\u2028\u2029\ufeff\ud800-\udfff]*$/u;

/** Text on one line: plain where that is safe, else in quotes. */
function formatText(text: string, place: 'block' | 'flow'): string {
  const plain = place === 'block' ? PLAIN_IN_BLOCK : PLAIN;
  const isText = !NOT_TEXT.test(text) || ADDRESSES.test(text);
  if (plain.test(text) && isText && !text.endsWith(' ')) return text;
  if (PRINTABLE.test(text)) return `'${text.replaceAll("'", "''")}'`;
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The lines of a folded block; undefined when the text is short, or would not come back as it was. */
function foldText(text: string): readonly string[] | undefined {
  if (text.length <= FOLD_WIDTH || !/^\S[\x20-\x7e]*\S$/.test(text) || text.includes('  ')) return undefined;
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > FOLD_WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
