import { closeSync } from 'node:fs';
import { imagesOf, type BootProfile } from '../boot/boot-profile.ts';
import { templateName, type Loader, type TemplateSet } from '../boot/template.ts';
import { BootRoot } from '../io/boot-root.ts';
import { BootTree, type ImageFiles } from './boot-tree.ts';
import type { TftpSettings } from '../tftp/tftp-settings.ts';

/** Whether there is a file below the TFTP root that would be served; the path has no leading slash. */
export interface FilePresence {
  isServed(path: string): Promise<boolean>;
}

/** Asks as TFTP would; without TFTP only images by URL are served. */
export function filePresence(tftp: TftpSettings | undefined, images: ImageFiles): FilePresence {
  const root = new BootTree(images, tftp && new BootRoot({ ...tftp, chrootLinks: tftp.secure }));
  return {
    async isServed(path) {
      const found = await root.open(path);
      if (found.kind === 'file') closeSync(found.fd);
      return found.kind === 'file';
    },
  };
}

/**
 * What is legal in a profile and will still not boot as things are: sentences for whoever put it. Images may come
 * later than the profile, so none of this is a refusal.
 */
export async function profileWarnings(
  profile: BootProfile,
  loaders: readonly Loader[],
  templates: TemplateSet,
  tftpRoot: string | undefined,
  files: FilePresence,
): Promise<readonly string[]> {
  const warnings = profile.policy === 'local-disk' ? [] : templateWarnings(profile, loaders, templates);
  for (const { part: key, location } of imagesOf(profile, tftpRoot)) {
    if (location.kind === 'url') {
      warnings.push(
        `${key}: the loader has to fetch this URL by itself, which iPXE, lpxelinux.0 and a GRUB with its http module can`,
      );
    } else if (location.kind === 'cached' && !(await files.isServed(location.path))) {
      warnings.push(`${key}: ${location.source.url} is not fetched yet, or no longer there`);
    } else if (location.kind === 'path' && tftpRoot === undefined) {
      warnings.push(`${key}: TFTP is off here, so somebody else has to serve ${location.path}`);
    } else if (location.kind === 'path' && !(await files.isServed(location.path))) {
      warnings.push(`${key}: there is no file ${location.path} below ${tftpRoot ?? ''}`);
    }
  }
  return warnings;
}

/** A template that a profile names may exist for one loader and not for another, which then uses its own. */
function templateWarnings(
  profile: BootProfile,
  loaders: readonly Loader[],
  templates: TemplateSet,
): string[] {
  const { template } = profile;
  if (template === undefined) return [];
  return loaders
    .filter((loader) => !templates.has(templateName(loader, template)))
    .map((loader) => `template: there is no ${templateName(loader, template)}, so ${loader} uses its own`);
}
