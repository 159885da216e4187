/** A kernel, or anything else that is loaded as one. */
export interface PxelinuxKernel {
  readonly kind: 'kernel';
  readonly name: string;
}

/** A .c32 module with its arguments: a menu, chain.c32, reboot.c32, ... */
export interface PxelinuxModule {
  readonly kind: 'module';
  readonly name: string;
  readonly words: readonly string[];
}

/** What a label starts. */
export type PxelinuxTarget = PxelinuxKernel | PxelinuxModule | { readonly kind: 'local-disk' };

/** One `label` with what stands below it. */
export interface PxelinuxLabel {
  readonly name: string;
  target: PxelinuxTarget | undefined;
  ramdisks: string[];
  append: string;
  isMenuDefault: boolean;
}

/** A configuration of pxelinux as far as it decides what is booted. */
export interface PxelinuxConfig {
  readonly labels: PxelinuxLabel[];
  /** The command of `default`: a label, or a kernel or module with its arguments. */
  default: string | undefined;
  /** The module of `ui`. */
  ui: string | undefined;
  /** `ontimeout`, which a menu starts instead of its default. */
  onTimeout: string | undefined;
  globalAppend: string;
}

/** What a line means that the reader of the file must act upon. */
export type PxelinuxLine = { readonly kind: 'include'; readonly name: string } | undefined;

export function emptyPxelinuxConfig(): PxelinuxConfig {
  return { labels: [], default: undefined, ui: undefined, onTimeout: undefined, globalAppend: '' };
}

/**
 * Takes one line into the configuration. Keywords in any case, as syslinux has them; lines that decide nothing (prompt,
 * timeout, menu titles, ipappend) are passed over. `include` is for the caller, who can fetch files.
 */
export function readPxelinuxLine(config: PxelinuxConfig, line: string): PxelinuxLine {
  const match = /^\s*(\S+)(?:\s+(.*?))?\s*$/.exec(line);
  const keyword = match?.[1]?.toLowerCase() ?? '';
  const rest = match?.[2] ?? '';
  const label = config.labels.at(-1);
  switch (keyword) {
    case 'default':
      config.default = rest;
      return undefined;
    case 'ui':
      config.ui = rest;
      return undefined;
    case 'ontimeout':
      config.onTimeout = rest;
      return undefined;
    case 'label':
      config.labels.push({ name: rest, target: undefined, ramdisks: [], append: '', isMenuDefault: false });
      return undefined;
    case 'include':
      return { kind: 'include', name: firstWord(rest) };
    case 'menu':
      return readMenuLine(rest, label);
    case 'append':
      if (label === undefined) config.globalAppend = rest;
      else readAppend(label, rest);
      return undefined;
    default:
      if (label !== undefined) readLabelLine(label, keyword, rest);
      return undefined;
  }
}

/** What a command line names that is no label: a kernel or a module with arguments. */
export function pxelinuxTarget(command: string): PxelinuxKernel | PxelinuxModule {
  const [name = '', ...words] = command.split(/\s+/);
  return name.toLowerCase().endsWith('.c32') ? { kind: 'module', name, words } : { kind: 'kernel', name };
}

function readMenuLine(rest: string, label: PxelinuxLabel | undefined): PxelinuxLine {
  const word = firstWord(rest).toLowerCase();
  if (word === 'default' && label !== undefined) label.isMenuDefault = true;
  return word === 'include'
    ? { kind: 'include', name: firstWord(rest.slice('include'.length).trim()) }
    : undefined;
}

function readLabelLine(label: PxelinuxLabel, keyword: string, rest: string): void {
  switch (keyword) {
    case 'kernel':
    case 'linux':
    case 'com32':
      label.target = pxelinuxTarget(rest);
      return;
    case 'initrd':
      label.ramdisks.push(...rest.split(',').filter((name) => name !== ''));
      return;
    case 'localboot':
      label.target = { kind: 'local-disk' };
      return;
    default:
  }
}

/** `append -` means none, and `initrd=` in it is the ramdisk. */
function readAppend(label: PxelinuxLabel, rest: string): void {
  const words = rest === '-' ? [] : rest.split(/\s+/).filter((word) => word !== '');
  for (const word of words) {
    if (word.startsWith('initrd='))
      label.ramdisks.push(
        ...word
          .slice('initrd='.length)
          .split(',')
          .filter((name) => name !== ''),
      );
  }
  label.append = words.filter((word) => !word.startsWith('initrd=')).join(' ');
}

function firstWord(text: string): string {
  return text.split(/\s+/)[0] ?? '';
}
