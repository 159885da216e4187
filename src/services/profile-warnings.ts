import { closeSync } from 'node:fs';
import { parseImageLocation, type BootProfile } from '../boot/boot-profile.ts';
import { templateName, type Loader, type TemplateSet } from '../boot/template.ts';
import { BootRoot } from '../io/boot-root.ts';
import type { TftpSettings } from '../tftp/tftp-settings.ts';

/** Whether there is a file below the TFTP root that would be served; the path has no leading slash. */
export interface FilePresence {
  isServed(path: string): Promise<boolean>;
}

/** Asks the disk as TFTP would; without TFTP nothing is served. */
export function filePresence(tftp: TftpSettings | undefined): FilePresence {
  if (tftp === undefined) return { isServed: () => Promise.resolve(false) };
  const root = new BootRoot({ ...tftp, chrootLinks: tftp.secure });
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
  for (const [key, image] of [
    ['kernel', profile.kernel],
    ['ramdisk', profile.ramdisk],
  ] as const) {
    if (image === undefined) continue;
    const location = parseImageLocation(image, tftpRoot);
    if (location.kind === 'url') {
      warnings.push(
        `${key}: the loader has to fetch this URL by itself, which iPXE, lpxelinux.0 and a GRUB with its http module can`,
      );
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
