import { lstatSync, readdirSync, statSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';

/** Neither a file nor a folder has this name now. */
export const GONE = 'gone';

/**
 * Device and number of what has this name now, over all links that lead there; undefined when it cannot be asked at the
 * moment.
 */
export function identityOf(path: string): string | undefined {
  const found = stateOf(path);
  return typeof found === 'object' ? `${found.dev}:${found.ino}` : found;
}

/**
 * The links of a folder, and where they lead. The kernel tells of a link that is swapped, but not of one further on:
 * of `bootd.yaml -> ..data/bootd.yaml` it is `..data` that Kubernetes swaps, of `-> /opt/current/bootd.yaml` a link in a
 * folder that nobody watches.
 */
export class FolderLinks {
  readonly #folder: string;
  /** Undefined: all files of the folder. */
  readonly #only: string | undefined;
  #listedAt: string | undefined;
  readonly #leadTo = new Map<string, string>();

  /** `only` is the path of the one file that is of interest. */
  constructor(folder: string, only: string | undefined) {
    this.#folder = folder;
    this.#only = only;
    this.look();
  }

  /** Those that lead to something else than at the last look. New ones are not among them: the folder's watch tells. */
  look(): readonly string[] {
    this.#list();
    const moved: string[] = [];
    for (const [link, before] of this.#leadTo) {
      const now = identityOf(link) ?? before;
      if (now === before) continue;
      this.#leadTo.set(link, now);
      moved.push(link);
    }
    return moved;
  }

  /** Takes note of a link of which the kernel has told; true when it was swapped, and leads to something else now. */
  wasSwapped(path: string): boolean {
    const before = this.#leadTo.get(path);
    const now = before === undefined ? undefined : identityOf(path);
    if (now === undefined || now === before) return false;
    this.#leadTo.set(path, now);
    return now !== GONE && before !== GONE;
  }

  /** Reads the names again only when one of them is another: there may be thousands. */
  #list(): void {
    const state = stateOf(this.#folder);
    if (typeof state !== 'object') return;
    const version = `${state.dev}:${state.ino}:${state.mtimeNs}`;
    if (version === this.#listedAt) return;
    const links = linksIn(this.#folder, this.#only);
    if (links === undefined) return;
    this.#listedAt = version;
    for (const link of this.#leadTo.keys()) if (!links.has(link)) this.#leadTo.delete(link);
    for (const link of links) {
      if (!this.#leadTo.has(link)) this.#leadTo.set(link, identityOf(link) ?? GONE);
    }
  }
}

/** Undefined when the folder cannot be read at the moment, or the one file is not there. */
function linksIn(folder: string, only: string | undefined): ReadonlySet<string> | undefined {
  try {
    if (only !== undefined) return new Set(lstatSync(only).isSymbolicLink() ? [only] : []);
    const entries = readdirSync(folder, { withFileTypes: true });
    return new Set(entries.filter((entry) => entry.isSymbolicLink()).map(({ name }) => join(folder, name)));
  } catch {
    return undefined;
  }
}

function stateOf(path: string): BigIntStats | typeof GONE | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'ENOENT' || code === 'ENOTDIR' ? GONE : undefined;
  }
}
