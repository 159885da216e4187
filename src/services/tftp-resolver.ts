import type { Ipv4 } from '../addr/ipv4.ts';
import { BootRoot, type BootFileFailure } from '../io/boot-root.ts';
import type { MapStep } from '../tftp/map-rules.ts';
import { checkRequest, collapseLeadingSlashes, type RequestPolicy } from '../tftp/request-policy.ts';
import { TFTP_ERRORS, type TftpRefusalReason } from '../tftp/tftp-errors.ts';
import type { TftpSettings } from '../tftp/tftp-settings.ts';
import type { BootFileLookup, RenderedBootFile } from './boot-file-lookup.ts';
import { BootFileOpener, type OpenedFile } from './boot-file-opener.ts';
import { BootTree, type ImageFiles } from './boot-tree.ts';
import type { TftpMapping } from './tftp-mapping.ts';

/** A request that will not be granted. */
export interface TftpRefusal {
  readonly kind: 'refused';
  readonly code: number;
  readonly message: string;
  readonly reason: TftpRefusalReason;
}

/** What a name became, and what the rules did to it. */
export interface MappedName {
  /** The name after mapping; undefined when a rule refused it. */
  readonly mapped: string | undefined;
  readonly steps: readonly MapStep[];
  /** To be logged at every level: the rules do not come to an end. */
  readonly warning?: string;
  /** Where to look below the root, or why not to. */
  readonly outcome: { readonly kind: 'path'; readonly path: string } | TftpRefusal;
}

/** Octets to send. */
export type TftpContent =
  | { readonly kind: 'file'; readonly path: string; readonly opened: OpenedFile }
  | {
      readonly kind: 'rendered';
      readonly path: string;
      readonly rendered: RenderedBootFile;
      /** For one machine, or the site's answer where the disk has nothing. */
      readonly origin: 'machine' | 'fallback';
    };

/** A refusal by its reason, in in.tftpd's words. */
export function refusal(reason: TftpRefusalReason): TftpRefusal {
  return { kind: 'refused', ...TFTP_ERRORS[reason], reason };
}

/** Finds what a request means: through the map-file and the checks, then rendered files, the disk, and defaults. */
export class TftpResolver {
  readonly #mapping: TftpMapping;
  readonly #policy: RequestPolicy;
  readonly #root: BootRoot;
  readonly #opener: BootFileOpener;
  readonly #bootFiles: BootFileLookup;

  constructor(parts: {
    readonly mapping: TftpMapping;
    readonly policy: RequestPolicy;
    readonly root: BootRoot;
    readonly opener: BootFileOpener;
    readonly bootFiles: BootFileLookup;
  }) {
    this.#mapping = parts.mapping;
    this.#policy = parts.policy;
    this.#root = parts.root;
    this.#opener = parts.opener;
    this.#bootFiles = parts.bootFiles;
  }

  /** Applies the map-file, then the checks that need only the name. */
  map(name: string, direction: 'read' | 'write', peer: Ipv4 | string): MappedName {
    const result = this.#mapping.apply(name, direction, peer);
    const { steps } = result;
    if (result.kind === 'refused') {
      const { code, message, reason, warning } = result;
      return {
        mapped: undefined,
        steps,
        ...(warning !== undefined && { warning }),
        outcome: { kind: 'refused', code, message, reason },
      };
    }
    const checked = checkRequest(result.name, this.#policy);
    const outcome =
      checked.kind === 'allowed'
        ? ({ kind: 'path', path: checked.relativePath } as const)
        : ({
            kind: 'refused',
            code: checked.code,
            message: checked.message,
            reason: checked.reason,
          } as const);
    return { mapped: result.name, steps, outcome };
  }

  /**
   * What is sent for a path below the root: what is rendered for this machine, else the file on disk, else the site's
   * default. Never rejects.
   */
  async find(path: string, peer: Ipv4 | string): Promise<TftpContent | TftpRefusal> {
    const name = lookupName(path);
    if (typeof peer === 'number') {
      const rendered = this.#bootFiles.forMachine(name, peer);
      if (rendered !== undefined) return { kind: 'rendered', path: name, rendered, origin: 'machine' };
    }
    const opened = await this.#opener.open(path);
    if (opened.kind === 'file') return { kind: 'file', path: name, opened };
    if (opened.reason === 'not-found' && typeof peer === 'number') {
      const rendered = this.#bootFiles.fallback(name, peer);
      if (rendered !== undefined) return { kind: 'rendered', path: name, rendered, origin: 'fallback' };
    }
    return refusal(opened.reason);
  }

  /**
   * What a read request for this name from this address is answered with now; a file that is found must be dropped.
   * Never rejects. With `collapse`, a name that is not found is tried again without its doubled slashes.
   */
  async inquire(name: string, peer: Ipv4, collapse: boolean): Promise<TftpContent | TftpRefusal> {
    const { outcome } = this.map(name, 'read', peer);
    const found = outcome.kind === 'refused' ? outcome : await this.find(outcome.path, peer);
    if (found.kind !== 'refused' || found.reason !== 'not-found') return found;
    const collapsed = collapse ? collapseLeadingSlashes(name) : undefined;
    if (collapsed === undefined) return found;
    const again = this.map(collapsed, 'read', peer);
    return again.outcome.kind === 'refused' ? found : this.find(again.outcome.path, peer);
  }

  /** Why a WRQ is refused: where in.tftpd could not write either, its reason, else that nothing is ever written. */
  async refuseWriting(path: string): Promise<TftpRefusal> {
    const reason: BootFileFailure | undefined = await this.#root.refuseWriting(path);
    return refusal(reason ?? 'write-request');
  }
}

/** The resolver of a configuration: its root, its map-file, its rules of access. */
export function createTftpResolver(
  settings: TftpSettings,
  mapping: TftpMapping,
  bootFiles: BootFileLookup,
  images: ImageFiles | undefined,
): TftpResolver {
  const root = new BootRoot({
    root: settings.root,
    followSymlinksTo: settings.followSymlinksTo,
    permissive: settings.permissive,
    chrootLinks: settings.secure,
  });
  const opener = new BootFileOpener(new BootTree(images, root));
  return new TftpResolver({ mapping, policy: settings, root, opener, bootFiles });
}

/** The path as rendered files are known by: no leading slash, none doubled, no `.`. */
function lookupName(path: string): string {
  return path
    .split('/')
    .filter((component) => component !== '' && component !== '.')
    .join('/');
}
