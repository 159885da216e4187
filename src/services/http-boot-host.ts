import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { parseIpv4 } from '../addr/ipv4.ts';
import { BoundedFileReader } from '../io/bounded-file-reader.ts';
import { AnswerSender, finish, type Delivery } from './http-boot-exchange.ts';
import type {
  FromHttpBootThread,
  HttpBootAnswer,
  HttpBootEndpoint,
  HttpBootMethod,
  HttpBootPeer,
  ToHttpBootThread,
} from './http-boot-messages.ts';
import { parseHttpBootTarget } from './http-boot-target.ts';

/** Limits against slow or many clients; tests have smaller ones. */
export interface HttpBootLimits {
  readonly connectionsMax: number;
  /** One machine needs two or three; a NAT or a proxy in front of many is not meant to be here. */
  readonly connectionsPerAddressMax: number;
  /** Until a request is there whole, from its first octet on. */
  readonly requestMs: number;
  /** Without a new request on a connection that is kept. */
  readonly keepAliveMs: number;
  /** Without the client taking anything of its answer. */
  readonly stallMs: number;
}

export const HTTP_BOOT_LIMITS: HttpBootLimits = {
  connectionsMax: 1024,
  connectionsPerAddressMax: 32,
  requestMs: 10_000,
  keepAliveMs: 30_000,
  stallMs: 30_000,
};

/** Requests that a client may send ahead of their answers. */
const PIPELINED_MAX = 8;
const HEADER_OCTETS_MAX = 16 * 1024;
/** Of libuv's threads; the others must be free to flush leases. */
const READS_MAX = 1;

/** A connection and its requests; they are answered one after another. */
interface Connection {
  readonly socket: Socket;
  readonly peer: HttpBootPeer;
  readonly waiting: Exchange[];
  current: Exchange | undefined;
  timedOut: boolean;
}

interface Exchange {
  readonly id: number;
  readonly connection: Connection;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: HttpBootMethod;
  readonly name: string;
}

/**
 * Runs the HTTP server of boot files. Returns where messages to it go; it says through `post` what happens. In the
 * daemon both ends are a worker thread's; in a test they may be one thread.
 */
export function hostHttpBoot(
  post: (message: FromHttpBootThread) => void,
  limits: HttpBootLimits = HTTP_BOOT_LIMITS,
): (message: ToHttpBootThread) => void {
  const sender = new AnswerSender(new BoundedFileReader(READS_MAX));
  const connections = new Map<Socket, Connection>();
  const exchanges = new Map<number, Exchange>();
  const openByAddress = new Map<string, number>();
  let nextId = 1;
  let refused = 0;
  let stopping = false;

  const server = createServer(
    {
      maxHeaderSize: HEADER_OCTETS_MAX,
      headersTimeout: limits.requestMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: Math.min(limits.requestMs, 5000),
    },
    (request, response) => receive(request, response),
  );
  server.timeout = limits.stallMs;
  server.maxConnections = limits.connectionsMax;

  const tellConnections = (): void => post({ kind: 'connections', open: connections.size, refused });

  const admit = (socket: Socket): void => {
    const address = socket.remoteAddress ?? '';
    const open = (openByAddress.get(address) ?? 0) + 1;
    if (open > limits.connectionsPerAddressMax) {
      refused += 1;
      socket.destroy();
      tellConnections();
      return;
    }
    openByAddress.set(address, open);
    const peer = peerOf(socket);
    const connection: Connection = { socket, peer, waiting: [], current: undefined, timedOut: false };
    connections.set(socket, connection);
    socket.once('close', () => {
      const left = (openByAddress.get(address) ?? 1) - 1;
      if (left === 0) openByAddress.delete(address);
      else openByAddress.set(address, left);
      connections.delete(socket);
      forget(connection);
      tellConnections();
    });
    tellConnections();
  };

  /** Requests of a closed connection that nobody is answering yet. */
  const forget = (connection: Connection): void => {
    connection.waiting.length = 0;
    const { current } = connection;
    if (current !== undefined && exchanges.has(current.id)) {
      conclude(current, { result: 'aborted', status: 0, bytes: 0, start: 0, detail: undefined });
    }
  };

  const receive = (request: IncomingMessage, response: ServerResponse): void => {
    const connection = connections.get(request.socket);
    if (connection === undefined) return;
    const { method = '', url = '' } = request;
    const reject = (status: number, reason: string, text: string, fields = {}): void => {
      post({ kind: 'rejected', rejection: { peer: connection.peer, method, target: url, status, reason } });
      void finish(response, { status, text }, { Connection: 'close', ...fields });
    };
    if (method !== 'GET' && method !== 'HEAD') {
      reject(405, 'method-not-allowed', 'boot files can be read here, and nothing else', {
        Allow: 'GET, HEAD',
      });
      return;
    }
    const target = parseHttpBootTarget(url);
    if (target.kind === 'bad') {
      reject(target.status, target.reason, TARGET_OBJECTIONS[target.status]);
      return;
    }
    const exchange = { id: nextId++, connection, request, response, method, name: target.name } as const;
    if (connection.current === undefined) begin(exchange);
    else if (connection.waiting.length < PIPELINED_MAX) connection.waiting.push(exchange);
    else connection.socket.destroy();
  };

  const begin = (exchange: Exchange): void => {
    const { id, connection, method, name } = exchange;
    connection.current = exchange;
    exchanges.set(id, exchange);
    post({ kind: 'request', request: { id, peer: connection.peer, method, name } });
  };

  const answer = async (id: number, content: HttpBootAnswer): Promise<void> => {
    const exchange = exchanges.get(id);
    if (exchange === undefined) return;
    // From here on the sending tells how it ends.
    exchanges.delete(id);
    const { request, response, connection } = exchange;
    const delivery = await sender.send(request, response, content);
    const { result } = delivery;
    const why =
      result !== 'aborted' ? result : stopping ? 'stopped' : connection.timedOut ? 'timeout' : result;
    conclude(exchange, { ...delivery, result: why });
  };

  const conclude = (exchange: Exchange, delivery: Delivery): void => {
    exchanges.delete(exchange.id);
    post({ kind: 'ended', end: { ...delivery, id: exchange.id } });
    const { connection } = exchange;
    connection.current = undefined;
    const next = connection.waiting.shift();
    if (next !== undefined && !connection.socket.destroyed) begin(next);
  };

  server.on('connection', admit);
  server.on('drop', () => {
    refused += 1;
    // Whoever only keeps a connection gives way to whoever wants a file, and so does the one that has been at its request
    // for longest: one that is slow on purpose loses its place before one that is not gets to want it.
    server.closeIdleConnections();
    for (const { socket, current } of connections.values()) {
      if (current !== undefined || socket.destroyed) continue;
      socket.destroy();
      break;
    }
    tellConnections();
  });
  server.on('timeout', (socket: Socket) => {
    const connection = connections.get(socket);
    if (connection !== undefined) connection.timedOut = true;
    socket.destroy();
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else socket.end(MALFORMED_ANSWER);
  });

  const open = (endpoint: HttpBootEndpoint): void => {
    const failed = (error: NodeJS.ErrnoException): void => {
      post({ kind: 'failed', message: error.message, osCode: error.code });
    };
    server.once('error', failed);
    server.listen({ host: endpoint.host, port: endpoint.port }, () => {
      server.off('error', failed);
      const { address, port } = server.address() as AddressInfo;
      post({ kind: 'opened', endpoint: { host: address, port } });
    });
  };

  const stop = async (graceMs: number): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    const cutOff = setTimeout(() => {
      stopping = true;
      server.closeAllConnections();
    }, graceMs);
    await closed;
    clearTimeout(cutOff);
    // What was told of the last connections goes out first.
    await new Promise((resolve) => setImmediate(resolve));
    post({ kind: 'stopped' });
  };

  return (message) => {
    switch (message.kind) {
      case 'open':
        open(message.endpoint);
        return;
      case 'answer':
        void answer(message.id, message.answer);
        return;
      case 'ping':
        post({ kind: 'alive' });
        return;
      case 'stop':
        void stop(message.graceMs);
        return;
      default:
        message satisfies never;
    }
  };
}

const TARGET_OBJECTIONS = {
  400: 'the name is not written as HTTP wants it',
  403: 'nothing outside of the root is served',
  414: 'the name is too long',
} as const;

const MALFORMED_ANSWER =
  'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 24\r\n\r\nthis is no HTTP request\n';

/** A listener on [::] shows IPv4 clients as `::ffff:192.168.0.9`. */
function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): HttpBootPeer {
  return { address: parseIpv4(remoteAddress.replace(/^::ffff:/i, '')) ?? remoteAddress, port: remotePort };
}
