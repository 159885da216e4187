import { request, type ClientRequest } from 'node:http';

/** A client of `/v1/events` that counts what it hears. */
export class EventStream {
  heard = 0;
  /** The id of the last event, for whoever comes back. */
  lastId = '';
  readonly #request: ClientRequest;

  private constructor(call: ClientRequest) {
    this.#request = call;
  }

  /** Resolves when the stream has begun; rejects when the daemon refuses it. */
  static open(socketPath: string, lastEventId = ''): Promise<EventStream> {
    return new Promise((resolve, reject) => {
      const headers = lastEventId === '' ? {} : { 'last-event-id': lastEventId };
      const call = request({ socketPath, path: '/v1/events', headers, agent: false }, (answer) => {
        if (answer.statusCode !== 200) {
          reject(new Error(`/v1/events answered ${answer.statusCode ?? 0}`));
          return;
        }
        const stream = new EventStream(call);
        answer.setEncoding('utf8').on('data', (text: string) => {
          for (const [, id = ''] of text.matchAll(/^id: (.*)$/gm)) {
            stream.heard += 1;
            stream.lastId = id;
          }
        });
        answer.on('error', () => undefined);
        resolve(stream);
      });
      call.on('error', reject);
      call.end();
    });
  }

  close(): void {
    this.#request.destroy();
  }
}
