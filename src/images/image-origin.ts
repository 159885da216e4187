import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { ImageError } from './image-error.ts';

/** The octets of an image on their way. */
export interface ImageStream {
  /** Undefined where the source does not say. */
  readonly size: number | undefined;
  readonly octets: Readable;
}

/** How patient the fetching is. */
export interface FetchLimits {
  /** Ends everything. */
  readonly signal: AbortSignal;
  /** Without an octet. */
  readonly silenceMs: number;
}

const REDIRECTS_MAX = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Connections are few and far between. An agent of our own also never looks for a proxy in the environment. */
const HTTP_AGENT = new HttpAgent({ keepAlive: false });
const HTTPS_AGENT = new HttpsAgent({ keepAlive: false });

/**
 * Opens a source: `http`, `https` (certificates are verified), or `file`. Redirects are followed between http and https,
 * a few times. The octets are those that the checksum was made of: nothing is unpacked, whatever the server says about
 * them. Rejects with ImageError; the stream fails with whatever happens to it.
 */
export async function openImageSource(url: string, limits: FetchLimits): Promise<ImageStream> {
  let place = new URL(url);
  if (place.protocol === 'file:') return openFile(place, limits);
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects += 1) {
    const answer = await ask(place, limits);
    const { statusCode = 0, headers } = answer;
    if (statusCode === 200) return { size: sizeOf(headers['content-length']), octets: answer };
    answer.destroy();
    if (!REDIRECTS.has(statusCode) || headers.location === undefined) {
      throw new ImageError(
        'source-failed',
        `${place.href} answers ${statusCode} ${answer.statusMessage ?? ''}`.trim(),
      );
    }
    place = redirectOf(headers.location, place);
  }
  throw new ImageError('source-failed', `${url} redirects more than ${REDIRECTS_MAX} times`);
}

function redirectOf(location: string, from: URL): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  if (to?.protocol === 'http:' || to?.protocol === 'https:') return to;
  throw new ImageError(
    'source-failed',
    `${from.href} redirects to ${location}, which is no http or https URL`,
  );
}

function ask(place: URL, { signal, silenceMs }: FetchLimits): Promise<IncomingMessage> {
  const isPlain = place.protocol === 'http:';
  const options = {
    agent: isPlain ? HTTP_AGENT : HTTPS_AGENT,
    headers: { 'User-Agent': 'bootd', 'Accept-Encoding': 'identity' },
    timeout: silenceMs,
    signal,
  };
  return new Promise((resolve, reject) => {
    let answer: IncomingMessage | undefined;
    const answered = (message: IncomingMessage): void => {
      answer = message;
      resolve(message);
    };
    const call = isPlain ? requestHttp(place, options, answered) : requestHttps(place, options, answered);
    // Of the connection: it also watches over the answer.
    call.on('timeout', () => {
      const silence = new ImageError('source-failed', `${place.href} was silent for ${silenceMs / 1000} s`);
      answer?.destroy(silence);
      call.destroy(silence);
    });
    call.on('error', reject);
    call.end();
  });
}

function sizeOf(header: string | undefined): number | undefined {
  const size = Number(header);
  return header !== undefined && Number.isSafeInteger(size) && size >= 0 ? size : undefined;
}

async function openFile(place: URL, { signal }: FetchLimits): Promise<ImageStream> {
  const path = fileURLToPath(place);
  // A pipe without a writer would else keep a thread of libuv, which leases are flushed by, for as long as it has none.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new ImageError('source-failed', `${path} is no regular file`);
    return { size: stats.size, octets: file.createReadStream({ signal }) };
  } catch (error) {
    await file.close();
    throw error;
  }
}
