import type { ProductionModule } from './production-modules.ts';

/**
 * The copyright file of the packages, in Debian's machine-readable form: bootd's own licence, and that of every npm package
 * that is shipped with it, with its text. Packages whose licences have the same words are told of together.
 */
export function formatCopyright(
  ownLicence: string,
  modules: readonly ProductionModule[],
  commonLicences: string | undefined,
): string {
  const wordsOf = (licence: string, text: string): string =>
    licence === 'Apache-2.0' && commonLicences !== undefined
      ? `Its text is in ${commonLicences}/Apache-2.0.`
      : text;
  const stanzas = new Map<string, string[]>();
  for (const module of modules) {
    const text = module.licenceText ?? '(its package.json says so; it brings no text)';
    const owners = text.split('\n').filter((line) => /copyright.*(\d{4}|\w+@)/i.test(line));
    const key = `Copyright: ${indent(owners.length > 0 ? owners : ['its authors'])}\nLicense: ${module.licence}\n ${indent(wordsOf(module.licence, text).split('\n'))}`;
    stanzas.set(key, [...(stanzas.get(key) ?? []), `usr/lib/bootd/${module.folder}/*`]);
  }
  const own = `Files: *\nCopyright: the developers of ironic-bootd\nLicense: Apache-2.0\n ${indent(wordsOf('Apache-2.0', ownLicence.trim()).split('\n'))}`;
  const others = [...stanzas].map(([key, folders]) => `Files: ${folders.join('\n ')}\n${key}`);
  const heading =
    'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: ironic-bootd';
  return `${[heading, own, ...others].join('\n\n')}\n`;
}

/** Lines of a field that has more than one: each begins with a blank, and an empty one is a dot. */
function indent(lines: readonly string[]): string {
  return lines.map((line) => (line.trim() === '' ? '.' : line.trim())).join('\n ');
}
