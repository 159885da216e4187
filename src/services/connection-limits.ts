import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Metrics } from '../telemetry/metrics.ts';

/** Limits against slow or many clients of the admins' side; tests have smaller ones. */
export interface ConnectionLimits {
  readonly connectionsMax: number;
  /** Each status page that is open needs one, and more for moments; a proxy in front has those of many admins. */
  readonly connectionsPerAddressMax: number;
  /** Until the header of a request is there, from its first octet on. */
  readonly headerMs: number;
  /** Until a request is there whole: a console is one that lasts. */
  readonly requestMs: number;
  /** Without the client taking anything of an answer that waits for it. */
  readonly stallMs: number;
  /** Of answers that wait for clients, all together; beyond it no new request is answered. */
  readonly waitingMaxOctets: number;
}

export const ADMIN_LIMITS: ConnectionLimits = {
  connectionsMax: 512,
  connectionsPerAddressMax: 128,
  headerMs: 10_000,
  requestMs: 300_000,
  stallMs: 60_000,
  waitingMaxOctets: 128 * 1024 * 1024,
};

/** Keeps one HTTP server within its limits. */
export class ConnectionGuard {
  readonly #limits: ConnectionLimits;
  readonly #metrics: Metrics;
  readonly #sockets = new Set<Socket>();
  readonly #openByAddress = new Map<string, number>();

  /** Watches the connections of this server from now on. */
  constructor(server: Server, limits: ConnectionLimits, metrics: Metrics) {
    this.#limits = limits;
    this.#metrics = metrics;
    // With a listener of ours nothing is closed for being quiet: it may be us who is.
    server.setTimeout(limits.stallMs, (socket: Socket) => {
      if (socket.writableLength > 0) socket.destroy();
    });
    server.prependListener('connection', (socket: Socket) => this.#admit(socket));
  }

  /** Whether so much waits for clients that do not read that nothing more may be put beside it. */
  get isCongested(): boolean {
    let waiting = 0;
    for (const socket of this.#sockets) waiting += socket.writableLength;
    return waiting > this.#limits.waitingMaxOctets;
  }

  #admit(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const open = (this.#openByAddress.get(address) ?? 0) + 1;
    if (open > this.#limits.connectionsPerAddressMax || this.#sockets.size >= this.#limits.connectionsMax) {
      this.#metrics.controlConnectionsRefused.inc();
      socket.destroy();
      return;
    }
    this.#openByAddress.set(address, open);
    this.#sockets.add(socket);
    this.#metrics.controlConnections.set(this.#sockets.size);
    socket.once('close', () => this.#forget(socket, address));
  }

  #forget(socket: Socket, address: string): void {
    const left = (this.#openByAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#openByAddress.delete(address);
    else this.#openByAddress.set(address, left);
    this.#sockets.delete(socket);
    this.#metrics.controlConnections.set(this.#sockets.size);
  }
}
