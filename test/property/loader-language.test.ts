import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoteArguments, quoteWord, UnsafeValueError } from '../../src/boot/loader-language.ts';
import { LOADERS, type Loader } from '../../src/boot/template.ts';
import { parseGrubScript, type GrubStatement } from '../../src/probe/grub-script.ts';

/** Text that is more likely than chance to mean something to a loader. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...[
          ' ',
          '\t',
          '\n',
          '\r',
          '"',
          "'",
          '\\',
          '$',
          '${',
          '}',
          '{',
          ';',
          '|',
          '||',
          '&&',
          '#',
          '<',
          '>',
          '(',
          '=',
        ],
        ...['reboot', 'boot', 'a', 'kernel', '*', '?', '[', '~', '!', '\0', '\u0085', '\u2028', 'ä'],
      ),
      fc.string({ maxLength: 3 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

/** The quoted form; undefined when the value is refused, which is always safe. */
function quoted(quote: typeof quoteWord, loader: Loader, value: string): string | undefined {
  try {
    return quote(loader, 'profile.kernel_append_params', value);
  } catch (error) {
    if (error instanceof UnsafeValueError) return undefined;
    throw error;
  }
}

/** The words of a GRUB command, without quotes and escapes; undefined for a word with a variable in it. */
function grubWords(statement: GrubStatement | undefined): readonly (string | undefined)[] {
  if (statement?.kind !== 'command') throw new Error(`not a command: ${JSON.stringify(statement)}`);
  return statement.words.map(({ parts }) =>
    parts.every((part) => part.kind === 'text') ? parts.map((part) => part.text).join('') : undefined,
  );
}

/** The kernel's own splitting (lib/cmdline.c, next_arg): spaces outside double quotes; the quotes are then gone. */
function kernelWords(value: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let inQuotes = false;
  for (const character of value) {
    if (/[ \t]/.test(character) && !inQuotes) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      if (character === '"') inQuotes = !inQuotes;
      word = (word ?? '') + (character === '"' ? '' : character);
    }
  }
  return word === undefined ? words : [...words, word];
}

describe('no value can add a line or a command', () => {
  it.each(LOADERS)('%s: a value stays on its line', (loader) => {
    fc.assert(
      fc.property(hostile, (value) => {
        for (const quote of [quoteWord, quoteArguments]) {
          // eslint-disable-next-line no-control-regex -- control characters are what must not come through
          expect(quoted(quote, loader, value) ?? '').not.toMatch(/[\u0000-\u001f\u007f]/);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('grub: arguments are the words that the kernel would see, and nothing follows them', () => {
    fc.assert(
      fc.property(hostile, (value) => {
        const text = quoted(quoteArguments, 'grub', value);
        if (text === undefined) return;
        const [linux, next, ...more] = parseGrubScript(`linux /kernel ${text} end\nreboot\n`);
        expect(grubWords(linux)).toEqual([
          'linux',
          '/kernel',
          ...kernelWords(value.replaceAll('\t', ' ')).filter((word) => word !== ''),
          'end',
        ]);
        expect(grubWords(next)).toEqual(['reboot']);
        expect(more).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it('grub: a value inside a template’s double quotes ends neither the quotes nor the command', () => {
    fc.assert(
      fc.property(hostile, (value) => {
        const text = quoted(quoteWord, 'grub', value);
        if (text === undefined) return;
        const statements = parseGrubScript(`echo "before ${text} after" end\nreboot\n`);
        expect(statements).toHaveLength(2);
        expect(grubWords(statements[0])).toHaveLength(3);
        expect(grubWords(statements[0])).not.toContain(undefined);
      }),
      { numRuns: 2000 },
    );
  });

  it('ipxe: no token of a value ends a command, starts a comment or is expanded', () => {
    fc.assert(
      fc.property(hostile, (value) => {
        for (const quote of [quoteWord, quoteArguments]) {
          const text = quoted(quote, 'ipxe', value);
          if (text === undefined) return;
          const tokens = text.split(' ');
          expect(
            tokens.filter((token) => ['||', '&&', ';'].includes(token) || token.startsWith('#')),
          ).toEqual([]);
          expect(text).not.toContain('${');
          expect(text.endsWith('\\')).toBe(false);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each(LOADERS)('%s: a word stays one word', (loader) => {
    fc.assert(
      fc.property(hostile, (value) => {
        const text = quoted(quoteWord, loader, value);
        if (text === undefined || text === '') return;
        const words =
          loader === 'grub'
            ? grubWords(parseGrubScript(text.replace(/^/, 'echo '))[0]).slice(1)
            : text.split(' ');
        expect(words).toHaveLength(1);
      }),
      { numRuns: 2000 },
    );
  });
});
