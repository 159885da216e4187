import { closeSync, constants, existsSync, fstatSync, open, readlinkSync, type Stats } from 'node:fs';
import { access, realpath } from 'node:fs/promises';
import { promisify } from 'node:util';
import { resolveInside } from './inside-path.ts';

/** Of the callback kind, since a FileHandle would close its file when it is collected. */
const openAsync = promisify(open);

/** O_PATH of Linux, the same on every platform: names a file without opening it, so a device sees nothing of it. */
const O_PATH = 0o10000000;

const { O_RDONLY, O_NONBLOCK, S_IROTH, W_OK } = constants;

/** Where boot files lie and what may be served. */
export interface BootRootOptions {
  /** Absolute path of the folder; it need not exist yet and may be replaced while the daemon runs. */
  readonly root: string;
  /** Folders outside into which symbolic links may lead. */
  readonly followSymlinksTo: readonly string[];
  /** Serve files that are not readable for everybody. */
  readonly permissive: boolean;
  /** Take absolute links as in a chroot where they lead nowhere as they are: `/x` is `x` below the root. */
  readonly chrootLinks: boolean;
}

/** Why there is no file; the operating system's codes are translated here and nowhere else. */
export type BootFileFailure =
  | 'not-found'
  | 'outside-root'
  | 'not-a-file'
  | 'directory'
  | 'not-world-readable'
  | 'permission-denied'
  | 'symlink-loop'
  | 'name-too-long'
  | 'too-many-files'
  | 'read-failed';

/** An open regular file. Whoever gets it closes `fd`. */
export interface OpenBootFile {
  readonly kind: 'file';
  readonly fd: number;
  readonly size: number;
  /** The same for two openings as long as the file was neither replaced nor written to in between. */
  readonly identity: string;
  /** Milliseconds since 1970 of its last change. */
  readonly modifiedAt: number;
}

export type BootFileOutcome =
  | OpenBootFile
  | { readonly kind: 'failed'; readonly reason: BootFileFailure; readonly osCode: string | undefined };

/** The folder that nothing is served from outside of. Names are Latin-1: one code unit an octet of the path. */
export class BootRoot {
  readonly #options: BootRootOptions;
  /** Real paths of the root and of the trusted targets; they may change when a link among them is moved. */
  #realRoots: readonly string[] = [];

  constructor(options: BootRootOptions) {
    this.#options = options;
  }

  /**
   * Opens a file for reading. The file is first named without being opened (O_PATH), its real place asked of the
   * kernel, and that very file is opened afterwards: nothing can be exchanged in between, a FIFO does not block, a
   * device outside the root is not touched. What may wait for a disk is asynchronous; what asks the kernel about a file
   * that was named already is not.
   */
  async open(name: string): Promise<BootFileOutcome> {
    const found = await this.#find(name);
    if (found.kind === 'failed') return found;
    try {
      const stats = fstatSync(found.fd);
      const reason = await this.#objection(found.fd, stats);
      if (reason !== undefined) return { kind: 'failed', reason, osCode: undefined };
      const fd = await openAsync(descriptorPath(found.fd), O_RDONLY | O_NONBLOCK);
      const { size, mtimeMs } = stats;
      return { kind: 'file', fd, size, identity: identityOf(stats), modifiedAt: mtimeMs };
    } catch (error) {
      return failure(error);
    } finally {
      closeSync(found.fd);
    }
  }

  /** Why a WRQ to this name would fail at in.tftpd; undefined when it would be let write. Nothing is opened. */
  async refuseWriting(name: string): Promise<BootFileFailure | undefined> {
    const found = await this.#find(name);
    if (found.kind === 'failed') return found.reason;
    try {
      const stats = fstatSync(found.fd);
      if (stats.isDirectory()) return 'directory';
      await access(descriptorPath(found.fd), W_OK);
      return undefined;
    } catch (error) {
      return failure(error).reason;
    } finally {
      closeSync(found.fd);
    }
  }

  async #find(name: string): Promise<{ kind: 'found'; fd: number } | ReturnType<typeof failure>> {
    const path = Buffer.from(`${Buffer.from(this.#options.root).toString('latin1')}/${name}`, 'latin1');
    try {
      const fd = await openAsync(path, O_PATH);
      if (!this.#options.chrootLinks || (await this.#isInside(fd))) return { kind: 'found', fd };
      closeSync(fd);
    } catch (error) {
      const failed = failure(error);
      if (!this.#options.chrootLinks || failed.reason !== 'not-found') return failed;
    }
    try {
      const inside = await resolveInside(this.#options.root, name);
      return { kind: 'found', fd: await openAsync(inside, O_PATH) };
    } catch (error) {
      return failure(error);
    }
  }

  async #objection(fd: number, stats: Stats): Promise<BootFileFailure | undefined> {
    const open = this.#options.permissive || (stats.mode & S_IROTH) !== 0;
    // Nothing of a folder can be sent, so it does not matter where it lies; in.tftpd says what it is.
    if (stats.isDirectory()) return open ? 'directory' : 'not-world-readable';
    if (!(await this.#isInside(fd))) return 'outside-root';
    if (!stats.isFile()) return 'not-a-file';
    if (open) return undefined;
    // in.tftpd opens first: a file that its user cannot read at all is `Permission denied`.
    await access(descriptorPath(fd), constants.R_OK);
    return 'not-world-readable';
  }

  async #isInside(fd: number): Promise<boolean> {
    const place = placeOf(fd);
    if (isBelow(place, this.#realRoots)) return true;
    this.#realRoots = await this.#resolveRoots();
    return isBelow(place, this.#realRoots);
  }

  async #resolveRoots(): Promise<string[]> {
    const roots: string[] = [];
    for (const root of [this.#options.root, ...this.#options.followSymlinksTo]) {
      try {
        roots.push(await realpath(root, 'latin1'));
      } catch {
        // A folder that is not there holds nothing.
      }
    }
    return roots;
  }
}

function isBelow(place: string, roots: readonly string[]): boolean {
  return roots.some((root) => place.startsWith(root.endsWith('/') ? root : `${root}/`));
}

const DESCRIPTORS = '/proc/self/fd';

function descriptorPath(fd: number): string {
  return `${DESCRIPTORS}/${fd}`;
}

/** Where an open file really is. Of /proc, so this never waits for a disk. Where it is not told, nothing may be served. */
function placeOf(fd: number): string {
  try {
    return readlinkSync(descriptorPath(fd), 'latin1');
  } catch (error) {
    // ENOENT would be read as the file's own.
    throw Object.assign(new Error('the kernel does not tell where a file is', { cause: error }), {
      code: 'EIO',
    });
  }
}

/** Why no file of a root can be served on this host, in words; undefined where files can be. */
export function whyNoFileIsServed(): string | undefined {
  if (existsSync(DESCRIPTORS)) return undefined;
  return '/proc is not mounted: where a file really lies cannot be asked, so none is served from disk';
}

function identityOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`;
}

const REASONS: Readonly<Record<string, BootFileFailure>> = {
  ENOENT: 'not-found',
  ENOTDIR: 'not-found',
  EACCES: 'permission-denied',
  EPERM: 'permission-denied',
  ELOOP: 'symlink-loop',
  ENAMETOOLONG: 'name-too-long',
  EISDIR: 'directory',
  ENXIO: 'not-a-file',
  EMFILE: 'too-many-files',
  ENFILE: 'too-many-files',
};

function failure(error: unknown): Extract<BootFileOutcome, { kind: 'failed' }> {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  return { kind: 'failed', reason: REASONS[code ?? ''] ?? 'read-failed', osCode: code };
}
