/** So many lines of a machine's console are kept with its boot. */
const LINES_MAX = 40;
/** What is longer is cut: a screen is drawn without ends of lines. */
const LINE_CHARACTERS_MAX = 200;

/**
 * The last lines of a serial console, for people to read: what terminals obey is left out, other characters that are not
 * ASCII stand as `\xNN`, and empty lines do not count. Never holds more than its bounds, whatever a machine prints.
 */
export class ConsoleTail {
  readonly #finished: string[] = [];
  #unfinished = '';

  take(octets: Uint8Array): void {
    for (const octet of octets) {
      if (octet === 0x0a || octet === 0x0d) this.#finish();
      else if (this.#unfinished.length < 2 * LINE_CHARACTERS_MAX) {
        this.#unfinished += String.fromCharCode(octet);
      }
    }
  }

  /** Oldest first, the last one whether it has an end or not. */
  get lines(): readonly string[] {
    const last = legible(this.#unfinished);
    return last === '' ? [...this.#finished] : [...this.#finished, last].slice(-LINES_MAX);
  }

  #finish(): void {
    const line = legible(this.#unfinished);
    this.#unfinished = '';
    if (line === '') return;
    this.#finished.push(line);
    if (this.#finished.length > LINES_MAX) this.#finished.shift();
  }
}

/** An escape sequence that sets colours or moves the cursor (ECMA-48 section 5.4). */
const CONTROL_SEQUENCE = /\p{Cc}\[[0-?]*[ -/]*[@-~]/gu;

function legible(raw: string): string {
  const text = raw
    .replace(CONTROL_SEQUENCE, '')
    .replaceAll('\t', ' ')
    .replace(/[^ -~]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
    .trimEnd();
  return text.length <= LINE_CHARACTERS_MAX ? text : `${text.slice(0, LINE_CHARACTERS_MAX)}...`;
}
