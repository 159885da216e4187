import type { Loader } from './template.ts';

/** A value that a loader's language cannot carry without becoming something else than a value. */
export class UnsafeValueError extends Error {
  override readonly name = 'UnsafeValueError';
  /** The variable's name in templates. */
  readonly variable: string;
  readonly loader: Loader;

  constructor(variable: string, loader: Loader, reason: string) {
    super(`${variable} ${reason}`);
    this.variable = variable;
    this.loader = loader;
  }
}

/**
 * Printable ASCII. Control characters end lines or start terminal sequences, and the kernel takes the octet A0, which
 * is part of letters in UTF-8, for a space (lib/ctype.c).
 */
const PRINTABLE = /^[ -~]*$/;
/** What GRUB takes literally outside quotes wherever it stands in a word; `#`, `!` or `[` only matter in places. */
const GRUB_LITERAL = /^[A-Za-z0-9_\-./:=,@%+^()]$/;
/** Tokens that end a command in iPXE's script language, which has neither quotes nor escapes. */
const IPXE_TERMINATORS: ReadonlySet<string> = new Set(['||', '&&', ';']);

/**
 * One word (a path, a name, a MAC) so that a loader reads it as exactly one word. Throws UnsafeValueError where the
 * language has no form for it.
 */
export function quoteWord(loader: Loader, variable: string, value: string): string {
  refuseUnprintable(loader, variable, value);
  if (loader === 'grub') return escapeForGrub(value);
  if (value.includes(' ')) {
    throw new UnsafeValueError(variable, loader, `holds a space, and ${loader} would read two words`);
  }
  if (loader === 'ipxe') refuseIpxeSyntax(variable, value, [value]);
  return value;
}

/**
 * Kernel arguments: words that the kernel splits at spaces, except within double quotes. They stay the same words,
 * tabs become spaces, and none of them can end the line or start a command. Throws UnsafeValueError where the language has no form.
 */
export function quoteArguments(loader: Loader, variable: string, value: string): string {
  const line = value.replaceAll('\t', ' ');
  refuseUnprintable(loader, variable, line);
  const words = splitKernelArguments(line);
  switch (loader) {
    case 'pxelinux':
      // The rest of the line, as it is: no quotes, no escapes, no comments.
      return words.join(' ');
    case 'grub':
      // GRUB takes one layer of quotes away and, when it makes the kernel's command line, puts double quotes around
      // an argument with a space; the kernel's own quotes would come out as \" and mean nothing.
      return words.map((word) => escapeForGrub(word.replaceAll('"', ''))).join(' ');
    case 'ipxe':
      // iPXE splits at every space and joins the words again for the kernel, quotes and all.
      refuseIpxeSyntax(
        variable,
        line,
        words.flatMap((word) => word.split(' ')),
      );
      return words.join(' ');
  }
}

/** Words as the kernel's next_arg() (lib/cmdline.c) sees them: spaces inside double quotes do not separate. */
function splitKernelArguments(value: string): string[] {
  return value.match(/(?:"[^"]*(?:"|$)|[^ "])+/g) ?? [];
}

/**
 * A backslash in front of everything that could mean something. Unlike single quotes around the word, this holds
 * outside of quotes as well as within a template's double quotes, so no value can end either.
 */
function escapeForGrub(value: string): string {
  return Array.from(value, (character) => (GRUB_LITERAL.test(character) ? character : `\\${character}`)).join(
    '',
  );
}

function refuseUnprintable(loader: Loader, variable: string, value: string): void {
  if (!PRINTABLE.test(value)) {
    throw new UnsafeValueError(variable, loader, 'holds a line end, or something else than printable ASCII');
  }
}

function refuseIpxeSyntax(variable: string, value: string, tokens: readonly string[]): void {
  const refuse = (reason: string): never => {
    throw new UnsafeValueError(variable, 'ipxe', `${reason}, and iPXE has no way to quote it`);
  };
  // Expanded by iPXE, from settings that the network may have given; a template may use them, a value may not.
  if (value.includes('${')) refuse('holds "${"');
  for (const token of tokens) {
    if (IPXE_TERMINATORS.has(token)) refuse(`holds the word "${token}", which ends a command`);
    if (token.startsWith('#')) refuse('holds a word that begins with "#", which starts a comment');
    if (token.endsWith('\\')) refuse('holds a word that ends with "\\", which may join it to the next line');
  }
}
