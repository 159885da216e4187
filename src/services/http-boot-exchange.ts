import { createHash } from 'node:crypto';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { BoundedFileReader } from '../io/bounded-file-reader.ts';
import { IoError } from '../io/io-error.ts';
import { allocatePinned } from '../io/memory-pool.ts';
import type { PinnedBytes } from '../io/transfer-socket.ts';
import { selectContent, type Selection } from './http-boot-conditions.ts';
import type { HttpBootAnswer, HttpBootEnd } from './http-boot-messages.ts';

/** Octets of one piece of a file on its way: the most that one request holds in memory. */
const PIECE_OCTETS = 128 * 1024;

/** Pieces that are kept for the next request. */
const SPARE_PIECES_MAX = 64;

/** Memory for files on their way: one piece for each request that is being answered. */
export class PieceMemory {
  readonly #spare: PinnedBytes[] = [];

  take(): PinnedBytes {
    return this.#spare.pop() ?? allocatePinned(PIECE_OCTETS);
  }

  giveBack(piece: PinnedBytes): void {
    if (this.#spare.length < SPARE_PIECES_MAX) this.#spare.push(piece);
  }
}

/**
 * Header names are written as RFC 9110 writes them: GRUB 2.06 compares `Content-Length` letter by letter, and does
 * not see the end of an answer that has `content-length` before it has waited 34 seconds.
 */
const PLAIN_TEXT = 'text/plain; charset=utf-8';

/** How the sending of an answer ended; whoever asks knows whether the connection timed out. */
export type Delivery = Pick<HttpBootEnd, 'result' | 'status' | 'bytes' | 'start' | 'detail'>;

/** Sends answers. */
export class AnswerSender {
  readonly #reader: BoundedFileReader;
  readonly #memory = new PieceMemory();

  constructor(reader: BoundedFileReader) {
    this.#reader = reader;
  }

  /** Resolves when the answer was handed to the kernel, or cannot be. Never rejects. */
  async send(request: IncomingMessage, response: ServerResponse, answer: HttpBootAnswer): Promise<Delivery> {
    switch (answer.kind) {
      case 'refused':
        return finish(response, { status: answer.status, text: answer.message });
      case 'bytes':
        return this.#sendBytes(request, response, answer);
      case 'file':
        return this.#sendFile(request, response, answer);
    }
  }

  async #sendBytes(
    request: IncomingMessage,
    response: ServerResponse,
    { bytes, contentType }: HttpBootAnswer & { readonly kind: 'bytes' },
  ): Promise<Delivery> {
    const { length } = bytes;
    const selection = selectContent(request.headers, {
      size: length,
      entityTag: undefined,
      modifiedAt: undefined,
    });
    // Each request renders anew: a copy that somebody keeps would be somebody else's boot.
    const fields = { 'Content-Type': contentType, 'Cache-Control': 'no-store', 'Accept-Ranges': 'bytes' };
    if (!isContent(selection)) return finishWithout(response, selection, fields, length);
    const { start, end } = rangeOf(selection, length);
    response.writeHead(selection.status, { ...fields, ...lengthFields(selection, length) });
    if (request.method === 'HEAD') return ended(response, delivery('done', selection.status, 0, start));
    const part = bytes.subarray(start, end + 1);
    const whole = await write(response, part);
    return ended(
      response,
      delivery(whole ? 'done' : 'aborted', selection.status, whole ? part.length : 0, start),
    );
  }

  async #sendFile(
    request: IncomingMessage,
    response: ServerResponse,
    answer: HttpBootAnswer & { readonly kind: 'file' },
  ): Promise<Delivery> {
    const { size, modifiedAt } = answer;
    const entityTag = entityTagOf(answer.identity);
    const selection = selectContent(request.headers, { size, entityTag, modifiedAt });
    const fields = {
      'Content-Type': answer.contentType,
      // It may be kept, but must be asked for again each time.
      'Cache-Control': 'no-cache',
      'Accept-Ranges': 'bytes',
      ETag: entityTag,
      'Last-Modified': new Date(modifiedAt).toUTCString(),
    };
    if (!isContent(selection)) return finishWithout(response, selection, fields, size);
    const { start, end } = rangeOf(selection, size);
    response.writeHead(selection.status, { ...fields, ...lengthFields(selection, size) });
    if (request.method === 'HEAD') return ended(response, delivery('done', selection.status, 0, start));
    return this.#stream(response, answer.fd, selection.status, start, end);
  }

  /** One piece at a time: the next one is read when the kernel has taken the last one from us. */
  async #stream(
    response: ServerResponse,
    fd: number,
    status: number,
    start: number,
    end: number,
  ): Promise<Delivery> {
    const piece = this.#memory.take();
    let position = start;
    try {
      while (position <= end) {
        const wanted = Math.min(PIECE_OCTETS, end + 1 - position);
        const count = await this.#reader.read(fd, piece, wanted, position);
        if (count === 0) return broken(response, delivery('truncated', status, position - start, start));
        if (!(await write(response, piece.bytes.subarray(0, count)))) {
          return delivery('aborted', status, position - start, start);
        }
        position += count;
      }
    } catch (error) {
      if (!(error instanceof IoError)) throw error;
      const failed = delivery('read-failed', status, position - start, start);
      return broken(response, { ...failed, detail: error.osCode ?? error.message });
    } finally {
      // Where the connection broke, the kernel has taken the piece or never will.
      this.#memory.giveBack(piece);
    }
    return ended(response, delivery('done', status, position - start, start));
  }
}

/** Refuses in words: shim waits six seconds at an answer without a body on a connection that is kept. */
export function finish(
  response: ServerResponse,
  { status, text }: { readonly status: number; readonly text: string },
  fields: OutgoingHttpHeaders = {},
): Promise<Delivery> {
  const body = `${text}\n`;
  response.writeHead(status, {
    'Content-Type': PLAIN_TEXT,
    'Cache-Control': 'no-store',
    'Content-Length': Buffer.byteLength(body),
    ...fields,
  });
  response.end(body);
  return Promise.resolve(delivery('done', status, 0, 0));
}

type Content = Extract<Selection, { readonly status: 200 | 206 }>;

function isContent(selection: Selection): selection is Content {
  return selection.status === 200 || selection.status === 206;
}

function finishWithout(
  response: ServerResponse,
  { status }: Exclude<Selection, Content>,
  fields: OutgoingHttpHeaders,
  size: number,
): Promise<Delivery> {
  switch (status) {
    case 304: {
      response.writeHead(304, fields);
      response.end();
      return Promise.resolve(delivery('done', 304, 0, 0));
    }
    case 412:
      return finish(response, { status, text: 'the file is not the one that the condition speaks of' });
    case 416: {
      const range = { 'Content-Range': `bytes */${size}` };
      return finish(response, { status, text: 'the file has no such octets' }, range);
    }
  }
}

function rangeOf(selection: Content, size: number): { readonly start: number; readonly end: number } {
  return selection.status === 206 ? selection : { start: 0, end: size - 1 };
}

function lengthFields(selection: Content, size: number): OutgoingHttpHeaders {
  if (selection.status === 200) return { 'Content-Length': size };
  const { start, end } = selection;
  return { 'Content-Length': end - start + 1, 'Content-Range': `bytes ${start}-${end}/${size}` };
}

/** Strong: the same tag is the same octets, as far as the file system tells. */
function entityTagOf(identity: string): string {
  return `"${createHash('sha256').update(identity).digest('base64url').slice(0, 22)}"`;
}

function delivery(result: Delivery['result'], status: number, bytes: number, start: number): Delivery {
  return { result, status, bytes, start, detail: undefined };
}

function ended(response: ServerResponse, end: Delivery): Delivery {
  if (end.result === 'done') response.end();
  return end;
}

/** The length was promised: what is left of it can only be refused by closing. */
function broken(response: ServerResponse, end: Delivery): Delivery {
  response.destroy();
  return end;
}

/** Whether the kernel took it all; the octets may be changed afterwards. */
function write(response: ServerResponse, bytes: Uint8Array): Promise<boolean> {
  // The request's: the response has none while the end of the answer before it, which the client asked for first, waits.
  const { socket } = response.req;
  if (socket.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    // A socket that is closed under a write does not always say so to the write.
    const closed = (): void => resolve(false);
    socket.once('close', closed);
    response.write(bytes, (error) => {
      socket.off('close', closed);
      resolve(error === null || error === undefined);
    });
  });
}
