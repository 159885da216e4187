import { parseAllDocuments, type ParsedNode } from 'yaml';
import type { Place } from './located.ts';
import type { ProblemList } from './problem-list.ts';

/** A file that is well-formed YAML; what it says is not looked at yet. */
export interface YamlFile {
  readonly text: string;
  /** Undefined for a file without content. */
  readonly root: ParsedNode | undefined;
  /** The anchored node that `*name` stands for. */
  readonly resolveAlias: (alias: ParsedNode) => ParsedNode | undefined;
  readonly placeOf: (offset: number) => Place;
}

/**
 * Reads one YAML 1.2 document. Anchors, aliases and `<<` are understood; what is not YAML is reported, and then
 * nothing is returned, since the structure of the rest would be guesswork. Duplicate keys are left to the reader,
 * which can say where the first one stands.
 */
export function parseYaml(text: string, problems: ProblemList): YamlFile | undefined {
  const placeOf = placesIn(text);
  const documents = parseAllDocuments(text, {
    prettyErrors: false,
    uniqueKeys: false,
    merge: true,
    stringKeys: false,
  });
  // An empty stream is an empty list with the stream's own properties.
  if (!Array.isArray(documents) || documents.length === 0) {
    return { text, root: undefined, resolveAlias: () => undefined, placeOf };
  }
  const [document, second] = documents;
  if (document === undefined) return undefined;
  if (second !== undefined) {
    problems.error(placeOf(second.range[0]), 'a second YAML document begins here; the file must hold one');
    return undefined;
  }
  const faults = [...document.errors, ...document.warnings];
  let lastLine = 0;
  for (const fault of faults) {
    const place = placeOf(fault.pos[0]);
    // One slip confuses the parser for the rest of the line; the first complaint is the useful one.
    if (place.line !== lastLine) problems.error(place, `not valid YAML: ${describeFault(fault)}`);
    lastLine = place.line;
  }
  if (faults.length > 0) return undefined;
  return {
    text,
    root: document.contents ?? undefined,
    resolveAlias: (alias) =>
      'source' in alias && 'resolve' in alias
        ? (alias.resolve(document) as ParsedNode | undefined)
        : undefined,
    placeOf,
  };
}

/** Finds lines and columns by itself: the package's line counter loses count in a quoted text that is not closed. */
function placesIn(text: string): (offset: number) => Place {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1);
  return (offset) => {
    const within = Math.min(offset, text.length);
    let [low, high] = [0, lineStarts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((lineStarts[middle] ?? 0) <= within) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: within - (lineStarts[low] ?? 0) + 1 };
  };
}

function describeFault(fault: { readonly code: string; readonly message: string }): string {
  if (fault.code === 'TAB_AS_INDENT') return 'a tab stands in the indentation; YAML indents with spaces';
  return fault.message.replace(/^./, (letter) => letter.toLowerCase());
}
