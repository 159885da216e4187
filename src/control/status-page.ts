import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, resolve } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** Beside src/ in a checkout, and beside dist/ in a package. */
const FOLDER = resolve(import.meta.dirname, '../../status-page');

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * What the page may do: load its own scripts, style sheet and icon, and speak to the API that it came from. Nothing inline,
 * nothing of others, in no frame, and no string becomes markup (`require-trusted-types-for`).
 */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

interface PageFile {
  readonly octets: Buffer;
  readonly mediaType: string;
  readonly etag: string;
}

/**
 * `GET /`, the status page for people, and `/page/*`, its scripts and styles: a handful of files, read once and kept.
 * Rejects when the package is not whole.
 */
export async function addStatusPage(app: FastifyInstance): Promise<void> {
  for (const [name, file] of await readPageFiles()) {
    const url = name === 'index.html' ? '/' : `/page/${name}`;
    app.get(url, { schema: { hide: true } }, (request, reply) => sendFile(file, request, reply));
  }
}

async function readPageFiles(): Promise<ReadonlyMap<string, PageFile>> {
  const files = new Map<string, PageFile>();
  for (const name of await readdir(FOLDER)) {
    const mediaType = MEDIA_TYPES[extname(name)];
    if (mediaType === undefined) continue;
    const octets = await readFile(join(FOLDER, name));
    const digest = createHash('sha256').update(octets).digest('base64url');
    files.set(name, { octets, mediaType, etag: `"${digest}"` });
  }
  if (!files.has('index.html')) throw new Error(`${FOLDER} has no index.html: the installation is not whole`);
  return files;
}

/** A browser asks each time whether the file is the same still, so that an upgrade never meets an old script. */
function sendFile(
  { octets, mediaType, etag }: PageFile,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  void reply.headers({ etag, 'cache-control': 'no-cache', 'content-security-policy': PAGE_POLICY });
  const known = request.headers['if-none-match']?.split(',').map((one) => one.trim().replace(/^W\//, ''));
  if (known?.includes(etag) === true) return reply.code(304).send();
  return reply.type(mediaType).send(octets);
}
