import { request } from 'node:http';
import { listOf, recordOf, textOf } from './document.ts';

/** A document of the control API, and the entity tag that it came with. */
export interface ControlReply {
  readonly status: number;
  readonly body: unknown;
  readonly etag: string | undefined;
}

/** What must hold for a change: the entity tag that was read, or that nothing is there (RFC 9110 section 13.1). */
export interface Precondition {
  readonly 'if-match'?: string;
  readonly 'if-none-match'?: '*';
}

/** The control API said no; the message is its own explanation, `code` its stable word for the case. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly status: number;
  readonly code: string | undefined;

  constructor(status: number, code: string | undefined, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Nobody could be asked: no daemon behind the socket, or no right to use it. */
export class ControlUnreachableError extends Error {
  override readonly name = 'ControlUnreachableError';
}

/** A daemon that answers nothing for this long is reported, instead of waiting with it. */
const ANSWER_TIMEOUT_MS = 30_000;

/** An answer of the API is never larger than this; something else listens there. */
const LARGEST_ANSWER = 256 * 1024 * 1024;

/** The control API of a running bootd, over its Unix socket. */
export class ControlClient {
  readonly socketPath: string;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  /** Rejects with ControlError when the API refuses, with ControlUnreachableError when nobody answers. */
  get(path: string): Promise<ControlReply> {
    return this.#call('GET', path);
  }

  /** Creates or replaces the document, if it is still as `precondition` says. */
  put(
    path: string,
    body: unknown,
    precondition: Precondition = {},
    timeoutMs = ANSWER_TIMEOUT_MS,
  ): Promise<ControlReply> {
    return this.#call('PUT', path, body, precondition, timeoutMs);
  }

  post(path: string, body: unknown): Promise<ControlReply> {
    return this.#call('POST', path, body);
  }

  /** Changes members of a document that is there, if it is still as `precondition` says (RFC 7396). */
  patch(path: string, body: unknown, precondition: Precondition = {}): Promise<ControlReply> {
    return this.#call('PATCH', path, body, precondition);
  }

  delete(path: string): Promise<ControlReply> {
    return this.#call('DELETE', path);
  }

  /**
   * Follows a stream of events: `receive` is given its text as it comes. Resolves when the stream ends or the signal
   * aborts it; rejects as get does.
   */
  stream(
    path: string,
    lastEventId: string | undefined,
    receive: (text: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const headers = {
        host: 'bootd',
        accept: 'text/event-stream, application/problem+json',
        ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
      };
      const call = request({ socketPath: this.socketPath, path, headers, signal }, (response) => {
        const status = response.statusCode ?? 0;
        let refusal = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          if (status === 200) receive(text);
          else refusal += text;
        });
        // A daemon that ends in the middle is a stream that has ended.
        response.on('error', () => resolve());
        response.on('end', () => {
          if (status === 200) resolve();
          else reject(controlErrorOf(status, parseJson(refusal)));
        });
      });
      call.on('error', (error) => {
        if (signal.aborted) resolve();
        else reject(this.#unreachable(error));
      });
      call.end();
    });
  }

  /**
   * A request whose body and answer are streams that last: what is typed, and what comes back. Rejects as `get` does;
   * `ended` resolves when the other side is through.
   */
  converse(
    path: string,
    onOutput: (octets: Uint8Array) => void,
  ): Promise<{ type(octets: Uint8Array): void; close(): void; readonly ended: Promise<void> }> {
    return new Promise((resolve, reject) => {
      const call = request(
        {
          socketPath: this.socketPath,
          method: 'POST',
          path,
          headers: {
            host: 'bootd',
            'content-type': 'application/octet-stream',
            'transfer-encoding': 'chunked',
          },
        },
        (response) => {
          const status = response.statusCode ?? 0;
          if (status === 200) {
            response.on('data', onOutput);
            const ended = new Promise<void>((end) => void response.on('close', end));
            resolve({ type: (octets) => void call.write(octets), close: () => void call.end(), ended });
            return;
          }
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            call.end();
            reject(controlErrorOf(status, parseJson(Buffer.concat(chunks).toString('utf8'))));
          });
        },
      );
      call.on('error', (error) => reject(this.#unreachable(error)));
      call.flushHeaders();
    });
  }

  #call(
    method: string,
    path: string,
    body?: unknown,
    precondition: Precondition = {},
    timeoutMs = ANSWER_TIMEOUT_MS,
  ): Promise<ControlReply> {
    return new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const call = request(
        {
          socketPath: this.socketPath,
          method,
          path,
          timeout: timeoutMs,
          headers: {
            host: 'bootd',
            accept: 'application/json, application/problem+json',
            ...(payload === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
            ...precondition,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          let length = 0;
          response.on('data', (chunk: Buffer) => {
            chunks.push(chunk);
            length += chunk.length;
            if (length > LARGEST_ANSWER) call.destroy(new Error('the answer is too large'));
          });
          response.on('error', (error) => reject(this.#unreachable(error)));
          response.on('end', () => {
            const status = response.statusCode ?? 0;
            const document = parseJson(Buffer.concat(chunks).toString('utf8'));
            if (status >= 200 && status < 300)
              resolve({ status, body: document, etag: response.headers.etag });
            else reject(controlErrorOf(status, document));
          });
        },
      );
      call.on('timeout', () => call.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
      call.on('error', (error) => reject(this.#unreachable(error)));
      call.end(payload);
    });
  }

  #unreachable(error: NodeJS.ErrnoException): ControlUnreachableError {
    return new ControlUnreachableError(unreachableText(this.socketPath, error), { cause: error });
  }
}

function unreachableText(socketPath: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return `bootd is not running: nobody listens on ${socketPath} (--socket or --config names another socket)`;
    case 'EACCES':
    case 'EPERM':
      return `no right to use ${socketPath}: be root, or a member of the socket's group`;
    default:
      return `bootd cannot be asked over ${socketPath}: ${error.message}`;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The readable part of a problem document (RFC 9457), with the place of each mistake in the request. */
function controlErrorOf(status: number, document: unknown): ControlError {
  const problem = recordOf(document);
  const code = textOf(problem['code']);
  const said =
    textOf(problem['detail']) ?? textOf(problem['title']) ?? `the API answered with status ${status}`;
  const places = listOf(problem['errors']).map((item) => {
    const entry = recordOf(item);
    return `${textOf(entry['pointer']) ?? ''} ${textOf(entry['detail']) ?? ''}`.trim();
  });
  const message = [said, ...places].join('\n  ');
  return new ControlError(status, code, code === undefined ? message : `${message} (${code})`);
}
