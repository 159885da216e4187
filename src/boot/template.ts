/** The programs that read a boot configuration, each in a language of its own. */
export const LOADERS = ['pxelinux', 'grub', 'ipxe'] as const;

export type Loader = (typeof LOADERS)[number];

/** What a template may be given: text, numbers, and lists and maps of them. Undefined renders as nothing. */
export type TemplateValue =
  | string
  | number
  | boolean
  | undefined
  | readonly TemplateValue[]
  | { readonly [name: string]: TemplateValue };

/** The values of one rendering, by their names in template-variables.ts. */
export type TemplateVariables = Readonly<Record<string, TemplateValue>>;

/**
 * The templates of one folder, all of which parsed and name only variables of the catalogue. The engine behind it
 * is not this floor's business.
 */
export interface TemplateSet {
  /** Whether there is a template of this name; names go without their ending: `grub`, `grub-local-disk`. */
  has(name: string): boolean;
  /** The text of a template with these values. Throws TemplateError when there is no such template, or it fails. */
  render(name: string, variables: TemplateVariables): string;
}

/** A template that does not parse, names an unknown variable, or fails while it renders. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  /** The template's file. */
  readonly file: string;
  /** Counted from 1; undefined where the engine does not say. */
  readonly line: number | undefined;

  constructor(file: string, line: number | undefined, message: string) {
    super(message);
    this.file = file;
    this.line = line;
  }
}

/** `file:line: message`, as editors understand it. */
export function formatTemplateError(error: TemplateError): string {
  return `${error.file}:${error.line === undefined ? '' : `${error.line}:`} ${error.message}`;
}

/**
 * The template of a loader for a purpose: `grub`, `grub-local-disk`, `pxelinux-default`. A template's name begins
 * with its loader's, which decides how values are quoted in it.
 */
export function templateName(loader: Loader, variant: string | undefined): string {
  return variant === undefined ? loader : `${loader}-${variant}`;
}

/** The loader whose language a template of this name is written in; undefined when the name does not say. */
export function loaderOfTemplate(name: string): Loader | undefined {
  return LOADERS.find((loader) => name === loader || name.startsWith(`${loader}-`));
}
