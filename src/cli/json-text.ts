/** Characters that JSON leaves as they are and terminals obey: DEL, C1, and what turns the direction of writing. */
const OBEYED = /[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** A document for programs, which may be looked at on a terminal: nothing in it is obeyed there, and it means the same. */
export function formatJson(value: unknown): string {
  return legible(JSON.stringify(value, undefined, 2));
}

/** The same on one line. */
export function formatJsonLine(value: unknown): string {
  return legible(JSON.stringify(value));
}

function legible(json: string): string {
  return json.replace(OBEYED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
