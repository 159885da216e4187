import { fileURLToPath } from 'node:url';
import type { BackgroundProcess } from './processes.ts';
import type { Namespace } from './namespaces.ts';

/** A datagram that came to a socket of a namespace. */
export interface ReceivedDatagram {
  readonly address: string;
  readonly port: number;
  readonly payload: Buffer;
}

const REMOTE_END = fileURLToPath(new URL('./udp-socket-process.ts', import.meta.url));

/**
 * A UDP socket inside a namespace. A process cannot have sockets in two network namespaces, so a child of the test
 * holds it there and passes datagrams as lines of JSON.
 */
export class NamespaceUdpSocket {
  readonly #process: BackgroundProcess;

  private constructor(process: BackgroundProcess) {
    this.#process = process;
  }

  /** Opens a socket on this port (0: any) of all addresses, allowed to broadcast. */
  static async open(namespace: Namespace, port: number): Promise<NamespaceUdpSocket> {
    const args = ['--import', 'tsx', REMOTE_END, String(port)];
    const child = namespace.start('UDP socket', process.execPath, args);
    await child.waitForLine(/^"bound"$/, 20_000);
    return new NamespaceUdpSocket(child);
  }

  /** Sends the payloads one after the other, with a pause of this length after each; resolves when all are sent. */
  async send(payloads: readonly Uint8Array[], address: string, port: number, pauseMs = 0): Promise<void> {
    const from = this.#process.lines.length;
    const texts = payloads.map((payload) => Buffer.from(payload).toString('base64'));
    this.#process.write(`${JSON.stringify({ payloads: texts, address, port, pauseMs })}\n`);
    await this.#process.waitForLine(/^"sent"$/, 30_000 + payloads.length * (pauseMs + 5), from);
  }

  /** What has arrived so far. */
  received(): readonly ReceivedDatagram[] {
    return this.#process.lines.flatMap((line) => {
      if (!line.startsWith('{')) return [];
      const { address, port, payload } = JSON.parse(line) as {
        address: string;
        port: number;
        payload: string;
      };
      return [{ address, port, payload: Buffer.from(payload, 'base64') }];
    });
  }

  /** The first datagram for which the test holds, as soon as it is there. */
  waitFor(test: (datagram: ReceivedDatagram) => boolean, timeoutMs: number): Promise<ReceivedDatagram> {
    return this.#process.waitFor(() => this.received().find(test), 'such a datagram', timeoutMs);
  }

  async close(): Promise<void> {
    await this.#process.stop();
  }
}
