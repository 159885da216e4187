import { createSocket, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { lookup } from 'node:dns/promises';
import { ioErrorFrom } from './io-error.ts';

/**
 * A UDP socket that is connected to one management controller: the kernel passes on what comes from there and nothing
 * else, and reports when nobody listens.
 */
export interface BmcSocket {
  /** Never throws; what the kernel objects to goes to onError. */
  send(bytes: Uint8Array): void;
  onDatagram(listener: (bytes: Uint8Array) => void): void;
  /** IoError: the port is closed, or there is no way to the host. */
  onError(listener: (error: Error) => void): void;
  close(): void;
}

/**
 * Opens a socket to a host, by address (IPv4, IPv6) or by name, and port. Rejects with IoError when the name is unknown
 * or there is no route.
 */
export async function openBmcSocket(host: string, port: number): Promise<BmcSocket> {
  const what = `cannot reach ${host} port ${port}`;
  const address = await resolveHost(host, what);
  const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4');
  try {
    await connected(socket, address, port);
  } catch (error) {
    socket.close();
    throw ioErrorFrom(what, error);
  }
  return wrap(socket, what);
}

/** Names are resolved as the host does it, `/etc/hosts` included. An address costs no look-up. */
async function resolveHost(host: string, what: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw ioErrorFrom(what, error);
  }
}

function connected(socket: Socket, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.connect(port, address, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}

function wrap(socket: Socket, what: string): BmcSocket {
  let closed = false;
  let report: (error: Error) => void = () => undefined;
  socket.on('error', (error) => report(ioErrorFrom(what, error)));
  return {
    send(bytes) {
      if (closed) return;
      socket.send(bytes, (error) => {
        if (error !== null && !closed) report(ioErrorFrom(what, error));
      });
    },
    onDatagram(listener) {
      socket.on('message', (bytes) => listener(bytes));
    },
    onError(listener) {
      report = listener;
    },
    close() {
      if (closed) return;
      closed = true;
      socket.close();
    },
  };
}
