import { printableJson } from '../wire/visible-text.ts';

/** A document for programs, which may be looked at on a terminal: nothing in it is obeyed there, and it means the same. */
export function formatJson(value: unknown): string {
  return printableJson(JSON.stringify(value, undefined, 2));
}

/** The same on one line. */
export function formatJsonLine(value: unknown): string {
  return printableJson(JSON.stringify(value));
}
