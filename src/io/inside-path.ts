import { readlink } from 'node:fs/promises';

/** As many links as Linux follows (MAXSYMLINKS) before it says ELOOP. */
const LINKS_MAX = 40;

/**
 * Resolves a name as a chroot would: absolute links start at the root again, and `..` stops there. Returns the
 * path of what was found, links resolved; components that do not exist end it, so that opening the path
 * fails in the ordinary way. Names are Latin-1. Throws what readlink throws, and ELOOP.
 */
export async function resolveInside(root: string, name: string): Promise<Buffer> {
  const base = Buffer.from(root).toString('latin1');
  const pending = components(name);
  let resolved: string[] = [];
  let links = 0;
  for (let component = pending.shift(); component !== undefined; component = pending.shift()) {
    if (component === '..') {
      resolved.pop();
      continue;
    }
    const path = [base, ...resolved, component].join('/');
    const target = await linkTarget(path);
    if (target === 'missing') return Buffer.from([path, ...pending].join('/'), 'latin1');
    if (target === 'no-link') {
      resolved.push(component);
      continue;
    }
    links += 1;
    if (links > LINKS_MAX)
      throw Object.assign(new Error(`too many symbolic links: ${path}`), { code: 'ELOOP' });
    if (target.path.startsWith('/')) resolved = [];
    pending.unshift(...components(target.path));
  }
  const trailingSlash = name.endsWith('/') ? '/' : '';
  return Buffer.from([base, ...resolved].join('/') + trailingSlash, 'latin1');
}

function components(path: string): string[] {
  return path.split('/').filter((component) => component !== '' && component !== '.');
}

async function linkTarget(path: string): Promise<{ readonly path: string } | 'no-link' | 'missing'> {
  try {
    const target = await readlink(Buffer.from(path, 'latin1'), 'buffer');
    return { path: target.toString('latin1') };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EINVAL') return 'no-link';
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'missing';
    throw error;
  }
}
