import type { Located, Place } from './located.ts';
import { resolvePath } from './parse-path.ts';
import type { RawConfig } from './raw-config.ts';

/** A file or folder that the configuration names, and where it does. */
export interface FileReference {
  /** Absolute. */
  readonly path: string;
  /** The configuration file. */
  readonly namedIn: string;
  /** The value that names it; the beginning of the file for a default. */
  readonly namedAt: Place;
}

/** What a configuration refers to; known even where other parts of it are wrong. */
export interface ReferencedFiles {
  readonly mapFile: FileReference | undefined;
  readonly tftpRoot: FileReference | undefined;
  readonly templates: FileReference;
  readonly tokenFile: FileReference | undefined;
}

const START: Place = { line: 1, column: 1 };

/** Collects the references. `config` is undefined when the file could not be read as YAML. */
export function collectReferences(
  config: Located<RawConfig> | undefined,
  source: { readonly file: string; readonly folder: string; readonly shippedTemplates: string },
): ReferencedFiles {
  const refer = (written: Located<string> | undefined): FileReference | undefined =>
    written === undefined
      ? undefined
      : { path: resolvePath(written, source.folder), namedIn: source.file, namedAt: written.place };
  const sections = config?.value;
  return {
    mapFile: refer(sections?.tftp?.value['map-file']),
    tftpRoot: refer(sections?.tftp?.value.root),
    templates: refer(sections?.templates) ?? {
      path: source.shippedTemplates,
      namedIn: source.file,
      namedAt: START,
    },
    tokenFile: refer(sections?.http?.value['token-file']),
  };
}
