import type { TftpSettings } from '../tftp/tftp-settings.ts';
import type { BootFileLookup } from './boot-file-lookup.ts';
import type { ImageFiles } from './boot-tree.ts';
import { TftpMapping } from './tftp-mapping.ts';
import { createTftpResolver, type TftpResolver } from './tftp-resolver.ts';

/**
 * What a request is looked at with, from its first check to its file: all of it belongs to the same settings. A reload
 * makes another one; requests that are under way keep theirs.
 */
export interface TftpView {
  readonly settings: TftpSettings;
  readonly mapping: TftpMapping;
  readonly resolver: TftpResolver;
}

/** The map-file is not read yet. */
export function createTftpView(
  settings: TftpSettings,
  { bootFiles, images }: { readonly bootFiles: BootFileLookup; readonly images?: ImageFiles },
): TftpView {
  const mapping = new TftpMapping(settings.mapFile);
  return { settings, mapping, resolver: createTftpResolver(settings, mapping, bootFiles, images) };
}
