import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a fake daemon is asked. */
export interface RecordedCall {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface FakeReply {
  readonly status?: number;
  readonly body?: unknown;
  readonly etag?: string;
  /** An answer that goes on: it is given text to send until it is asked no more. */
  readonly stream?: (send: (text: string) => void) => void;
  /** Instead of a document. */
  readonly raw?: string;
}

/** A control socket that answers what a test tells it to, and remembers what it was asked. */
export class FakeControl {
  readonly calls: RecordedCall[] = [];
  readonly socket: string;
  readonly #folder: string;
  readonly #server: Server;
  #answer: (call: RecordedCall) => FakeReply | undefined = () => undefined;

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'bootd-cli-'));
    this.socket = join(this.#folder, 'control.sock');
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const call = {
          method: request.method ?? '',
          path: request.url ?? '',
          body: text === '' ? undefined : (JSON.parse(text) as unknown),
          headers: request.headers,
        };
        this.calls.push(call);
        const reply = this.#answer(call) ?? {
          status: 404,
          body: { title: 'There is nothing', code: 'route-not-found' },
        };
        response.statusCode = reply.status ?? 200;
        if (reply.stream !== undefined) {
          response.flushHeaders();
          reply.stream((text) => void response.write(text));
          return;
        }
        if (reply.etag !== undefined) response.setHeader('etag', reply.etag);
        response.end(reply.raw ?? (reply.body === undefined ? '' : JSON.stringify(reply.body)));
      });
    });
  }

  static async start(): Promise<FakeControl> {
    const fake = new FakeControl();
    await new Promise<void>((resolve) => fake.#server.listen(fake.socket, resolve));
    return fake;
  }

  /** Answers by `METHOD path`; what is not listed is 404. */
  answers(table: Readonly<Record<string, FakeReply>>): void {
    this.answersBy(({ method, path }) => table[`${method} ${path}`]);
  }

  /** Answers by a function; undefined is 404. */
  answersBy(answer: (call: RecordedCall) => FakeReply | undefined): void {
    this.#answer = answer;
    this.calls.length = 0;
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
