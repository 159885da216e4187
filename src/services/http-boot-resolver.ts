import type { Ipv4 } from '../addr/ipv4.ts';
import type { FileSource } from '../boot/boot-observation.ts';
import type { BootFileFailure } from '../io/boot-root.ts';
import type { BootFileLookup, RenderedBootFile } from './boot-file-lookup.ts';
import type { OpenedFile, OpeningOutcome } from './boot-file-opener.ts';

/** What a name means. */
export type HttpBootContent =
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly source: Extract<FileSource, 'disk'>;
      readonly opened: OpenedFile;
    }
  | {
      readonly kind: 'rendered';
      readonly path: string;
      readonly source: Extract<FileSource, 'rendered' | 'fallback'>;
      readonly rendered: RenderedBootFile;
    };

/** Why nothing is sent. */
export interface HttpBootRefusal {
  readonly kind: 'refused';
  readonly status: number;
  readonly reason: BootFileFailure;
  readonly message: string;
}

/** Where files come from, few openings at a time. */
export interface BootFileSource {
  open(name: string): Promise<OpeningOutcome>;
}

const REFUSALS: Readonly<Record<BootFileFailure, readonly [status: number, message: string]>> = {
  'not-found': [404, 'there is no such boot file'],
  directory: [404, 'this is a folder, and folders are not listed'],
  'symlink-loop': [404, 'there is no such boot file: its symbolic links lead in a circle'],
  'name-too-long': [414, 'the name is too long'],
  'outside-root': [403, 'nothing outside of the root is served'],
  'not-a-file': [403, 'this is no regular file'],
  'not-world-readable': [403, 'the file is not readable for everybody'],
  'permission-denied': [403, 'the file may not be read'],
  'too-many-files': [503, 'too many files are open just now; ask again'],
  'read-failed': [500, 'the file could not be read'],
};

/**
 * Finds what a name means over HTTP: what is rendered for this machine, else the file below the root, else the site's
 * default; the same order as TFTP's. The map-file has no say: it is in.tftpd's, and mends names that firmware
 * has of its own, while a URL is written by whoever set the boot up. What Ironic and map-files do to every name is
 * understood without it: the root's own path, or `tftpboot/`, in front.
 */
export class HttpBootResolver {
  readonly #bootFiles: BootFileLookup;
  /** Undefined: nothing is served from disk. */
  readonly #files: BootFileSource | undefined;
  readonly #prefixes: readonly string[];

  /** `root` is the folder's absolute path. */
  constructor(parts: {
    readonly bootFiles: BootFileLookup;
    readonly files: BootFileSource | undefined;
    readonly root: string | undefined;
  }) {
    this.#bootFiles = parts.bootFiles;
    this.#files = parts.files;
    const { root = '' } = parts;
    const ownPath = Buffer.from(root).toString('latin1').replace(/^\/+/, '');
    this.#prefixes = [...new Set([ownPath, 'tftpboot'])].filter((prefix) => prefix !== '');
  }

  /** The name is one of parseHttpBootTarget. Never rejects. */
  async find(name: string, peer: Ipv4 | string): Promise<HttpBootContent | HttpBootRefusal> {
    if (typeof peer === 'number') {
      const rendered = this.#bootFiles.forMachine(name, peer);
      if (rendered !== undefined) return { kind: 'rendered', path: name, source: 'rendered', rendered };
    }
    let failure: BootFileFailure = 'not-found';
    for (const path of this.#candidates(name)) {
      const opened = (await this.#files?.open(path)) ?? NOT_FOUND;
      if (opened.kind === 'file') return { kind: 'file', path, source: 'disk', opened };
      failure = opened.reason;
      if (failure !== 'not-found') break;
    }
    if (failure === 'not-found' && typeof peer === 'number') {
      const rendered = this.#bootFiles.fallback(name, peer);
      if (rendered !== undefined) return { kind: 'rendered', path: name, source: 'fallback', rendered };
    }
    const [status, message] = REFUSALS[failure];
    return { kind: 'refused', status, reason: failure, message };
  }

  /** The name as it is first: a folder `tftpboot` below the root is nobody's mistake. */
  #candidates(name: string): readonly string[] {
    const shorter = this.#prefixes
      .filter((prefix) => name.startsWith(`${prefix}/`))
      .map((prefix) => name.slice(prefix.length + 1));
    return [...new Set([name, ...shorter])];
  }
}

const NOT_FOUND = { kind: 'failed', reason: 'not-found' } as const;
