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

/** No test file lasts so long. */
const FOLLOW_MS = 3_600_000;

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
    await child.waitForLine(/^"bound"$/, 60_000);
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
    return this.#process.lines.flatMap((line) => parseDatagram(line) ?? []);
  }

  /** The first datagram for which the test holds, as soon as it is there. */
  waitFor(test: (datagram: ReceivedDatagram) => boolean, timeoutMs: number): Promise<ReceivedDatagram> {
    return this.#process.waitFor(() => this.received().find(test), 'such a datagram', timeoutMs);
  }

  /** Calls back for each datagram, in their order, from the first on; resolves when the socket is closed. */
  async follow(onDatagram: (datagram: ReceivedDatagram) => void): Promise<void> {
    const { lines } = this.#process;
    for (let next = 0; this.#process.exit === undefined; next += 1) {
      const look = (): string | undefined => lines[next];
      const line = await this.#process.waitFor(look, 'a datagram', FOLLOW_MS).catch(() => undefined);
      if (line === undefined) return;
      const datagram = parseDatagram(line);
      if (datagram !== undefined) onDatagram(datagram);
    }
  }

  async close(): Promise<void> {
    await this.#process.stop();
  }
}

/** Undefined for lines that tell of something else. */
function parseDatagram(line: string): ReceivedDatagram | undefined {
  if (!line.startsWith('{')) return undefined;
  const { address, port, payload } = JSON.parse(line) as { address: string; port: number; payload: string };
  return { address, port, payload: Buffer.from(payload, 'base64') };
}
