import { adoptTransferSocket } from '../io/batched-transfer-socket.ts';
import { ioErrorFrom } from '../io/io-error.ts';
import { isLayoutKnown } from '../io/message-layout.ts';
import { accessLibc } from '../io/libc.ts';
import { adoptPlainTransferSocket, openPlainTransferSocket } from '../io/plain-transfer-socket.ts';
import { ReadAhead } from '../io/read-ahead.ts';
import type { TransferSocket } from '../io/transfer-socket.ts';
import { DataPlane } from './tftp-data-plane.ts';
import type {
  DataEndpoint,
  DataSocketSource,
  FromDataPlane,
  ToDataPlane,
  TransferEnd,
} from './tftp-messages.ts';

/** Resolution of resend timers: the shortest interval that a client can ask for (utimeout). */
const TICK_MS = 10;

/** Memory for files on their way, whatever the number of clients. */
const READ_AHEAD_BYTES = 64 * 1024 * 1024;

/** Of libuv's four threads; the others must be free to flush leases. */
const READS_MAX = 2;

/** For ACKs of a thousand clients that arrive while one batch is dealt with. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/**
 * Runs a data plane with real sockets, files and timers. Returns where messages to it go; it says through
 * `post` what happens. In the daemon both ends are a worker thread's; in a test they may be one thread.
 */
export function hostDataPlane(post: (message: FromDataPlane) => void): (message: ToDataPlane) => void {
  let ends: TransferEnd[] = [];
  const readAhead = new ReadAhead({
    memoryBytes: READ_AHEAD_BYTES,
    readsMax: READS_MAX,
    beforeReuse: () => plane.flushQueued(),
  });
  const plane = new DataPlane(() => performance.now(), readAhead, {
    ended: (end) => {
      // All that end in one turn are told by one message.
      if (ends.length === 0) setImmediate(postEnds);
      ends.push(end);
    },
    requested: (request) => post({ kind: 'request', request }),
  });
  let ticker: NodeJS.Timeout | undefined;

  const postEnds = (): void => {
    if (ends.length > 0) post({ kind: 'ended', ends });
    ends = [];
  };

  const tick = (): void => {
    plane.tick();
    if (plane.active > 0) return;
    clearInterval(ticker);
    ticker = undefined;
  };

  const open = async (endpoint: DataEndpoint): Promise<void> => {
    const { id, sockets: sources } = endpoint;
    try {
      const sockets = await openSockets(endpoint);
      const forwards = sources.some(({ forwardRequests }) => forwardRequests);
      plane.addEndpoint(id, sockets, forwards);
      const batched = sockets.every((socket) => socket.batched);
      post({ kind: 'opened', endpoint: id, ports: sockets.map(({ localPort }) => localPort), batched });
    } catch (error) {
      const { message, code, osCode } = ioErrorFrom('cannot open sockets', error);
      post({ kind: 'failed', endpoint: id, message, code, osCode });
    }
  };

  const stop = async (graceMs: number): Promise<void> => {
    const end = performance.now() + graceMs;
    while (plane.active > 0 && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    clearInterval(ticker);
    await plane.close();
    postEnds();
    post({ kind: 'stopped' });
  };

  return (message) => {
    switch (message.kind) {
      case 'open':
        void open(message.endpoint);
        return;
      case 'close':
        void plane.removeEndpoint(message.endpoint);
        return;
      case 'start':
        plane.start(message.transfers);
        if (plane.active > 0) ticker ??= setInterval(tick, TICK_MS);
        return;
      case 'send':
        plane.send(message.endpoint, message.peer, message.bytes);
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

/** One after another, since they may look for free ports in the same range; one of them is enough. */
async function openSockets({ sockets, mtu }: DataEndpoint): Promise<TransferSocket[]> {
  const opened: TransferSocket[] = [];
  let failure: unknown;
  for (const source of sockets) {
    try {
      opened.push(await openSocket(source, mtu));
    } catch (error) {
      failure = error;
    }
  }
  if (opened.length === 0) throw failure;
  return opened;
}

async function openSocket(source: DataSocketSource, mtu: number): Promise<TransferSocket> {
  if (source.kind === 'descriptor') {
    const access = accessLibc();
    return access.kind === 'available' && isLayoutKnown()
      ? adoptTransferSocket(access.libc, { fd: source.fd, mtu, sendsApart: !source.forwardRequests })
      : adoptPlainTransferSocket(source.fd);
  }
  const { family, address } = source;
  let failure: unknown;
  for (const port of source.ports) {
    try {
      return await openPlainTransferSocket({
        family,
        address,
        port,
        receiveBufferBytes: RECEIVE_BUFFER_BYTES,
      });
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
