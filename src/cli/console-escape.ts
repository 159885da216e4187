/** What a key stroke of a console comes to. */
export type ConsoleKey =
  { readonly kind: 'type'; readonly characters: Uint8Array } | { readonly kind: 'leave' };

const TILDE = 0x7e;
const DOT = 0x2e;
const NEWLINES: ReadonlySet<number> = new Set([0x0a, 0x0d]);

/** Finds ssh's and ipmitool's escape in what is typed: `~.` at the beginning of a line leaves, `~~` is one tilde. */
export class ConsoleEscape {
  #atLineStart = true;
  #tilde = false;

  read(typed: Uint8Array): readonly ConsoleKey[] {
    const characters: number[] = [];
    for (const octet of typed) {
      if (this.#tilde) {
        this.#tilde = false;
        if (octet === DOT) {
          return [...this.#typed(characters), { kind: 'leave' }];
        }
        characters.push(...(octet === TILDE ? [TILDE] : [TILDE, octet]));
      } else if (octet === TILDE && this.#atLineStart) {
        this.#tilde = true;
        continue;
      } else {
        characters.push(octet);
      }
      this.#atLineStart = NEWLINES.has(octet);
    }
    return this.#typed(characters);
  }

  #typed(characters: readonly number[]): readonly ConsoleKey[] {
    return characters.length === 0 ? [] : [{ kind: 'type', characters: Uint8Array.from(characters) }];
  }
}
