import { closeSurplus, type ReadAhead, type ReadFailure } from '../io/read-ahead.ts';
import type { TransferPeer, TransferSocket } from '../io/transfer-socket.ts';
import { TimerWheel } from '../tftp/timer-wheel.ts';
import { TFTP_ERRORS } from '../tftp/tftp-errors.ts';
import {
  acknowledge,
  createTransfer,
  endTransfer,
  expire,
  foundEnd,
  isRepeatedRequest,
  repeatStart,
  startTransfer,
  type Transfer,
  type TransferAction,
} from '../tftp/transfer.ts';
import { decodeTftpPacket, encodeTftpError, OPCODE } from '../wire/tftp/tftp-packet.ts';
import {
  FileBlocks,
  MemoryBlocks,
  NetasciiBlocks,
  packetLayout,
  PLAIN_LAYOUT,
  type BlockSource,
} from './tftp-blocks.ts';
import type {
  DataPeer,
  ForwardedRequest,
  StartTransfer,
  TransferEnd,
  TransferError,
  TransferResult,
} from './tftp-messages.ts';

/** What the data plane tells about itself. */
export interface DataPlaneListener {
  ended(end: TransferEnd): void;
  /** A request came to a socket that is also for requests. */
  requested(request: ForwardedRequest): void;
}

const FILE_TRUNCATED = errorOf(0, 'File became shorter while it was sent');
const READ_FAILED = errorOf(TFTP_ERRORS['read-failed'].code, TFTP_ERRORS['read-failed'].message);
const SERVER_STOPS = errorOf(0, 'Server is shutting down');

/** Errors by which a client says that it has what it wanted: GRUB's "closed", OVMF's "User aborted the transfer". */
const CLOSING_CODES: ReadonlySet<number> = new Set([0, 8]);

type PeerKey = number | string;

interface Endpoint {
  readonly id: number;
  readonly sockets: readonly TransferSocket[];
  readonly forwardRequests: boolean;
  readonly transfers: Map<PeerKey, Running>;
  /** Which socket served a peer last, and the peers before these. */
  lastSockets: Map<PeerKey, number>;
  olderSockets: Map<PeerKey, number>;
}

/** Peers that are remembered, at least so many and at most twice: a rack's, for the time in which ports come again. */
const REMEMBERED_PEERS = 4096;

/** A transfer with what it needs of the world. It is an item of the timer wheel. */
class Running {
  readonly id: number;
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly key: PeerKey;
  readonly socket: TransferSocket;
  readonly peer: TransferPeer;
  readonly source: BlockSource;
  readonly transfer: Transfer;
  readonly oack: Uint8Array | undefined;
  /** The first block that waits for the file; undefined: none does. */
  waitingFor: number | undefined;
  ended = false;

  constructor(
    start: StartTransfer,
    endpoint: Endpoint,
    key: PeerKey,
    socket: TransferSocket,
    source: BlockSource,
  ) {
    this.id = start.id;
    this.name = start.name;
    this.endpoint = endpoint;
    this.key = key;
    this.socket = socket;
    this.peer = { address: start.peer.address, port: start.peer.port, segmentable: true };
    this.source = source;
    this.oack = start.oack;
    this.transfer = createTransfer(start.agreed, source.lastBlock, start.oack !== undefined);
  }

  get deadline(): number {
    return this.transfer.deadline;
  }
}

/**
 * Sends files: finds the transfer that a datagram belongs to, asks its state machine what to do, and does it. It
 * knows neither threads nor timers nor which kind of sockets it has, so it also runs in a simulated network.
 *
 * Everything that arrives together is answered together: packets are queued on the sockets, and each entry point
 * flushes them before it returns.
 */
export class DataPlane {
  readonly #now: () => number;
  readonly #readAhead: ReadAhead;
  readonly #listener: DataPlaneListener;
  readonly #endpoints = new Map<number, Endpoint>();
  readonly #wheel: TimerWheel<Running>;
  readonly #dirty = new Set<TransferSocket>();
  /** Sources of transfers that are over, but of which something may still be queued. */
  readonly #finished: BlockSource[] = [];
  /** Descriptors of files that are open already. */
  readonly #surplus = new Set<number>();
  #active = 0;
  /** Time of the datagrams that are being dealt with; NaN between two batches. */
  #batchTime = Number.NaN;

  constructor(now: () => number, readAhead: ReadAhead, listener: DataPlaneListener) {
    this.#now = now;
    this.#readAhead = readAhead;
    this.#listener = listener;
    this.#wheel = new TimerWheel(now());
  }

  /** Transfers under way. */
  get active(): number {
    return this.#active;
  }

  addEndpoint(id: number, sockets: readonly TransferSocket[], forwardRequests: boolean): void {
    const endpoint: Endpoint = {
      id,
      sockets,
      forwardRequests,
      transfers: new Map(),
      lastSockets: new Map(),
      olderSockets: new Map(),
    };
    this.#endpoints.set(id, endpoint);
    for (const socket of sockets) {
      socket.onDatagram(
        (bytes, address, port) => this.#receive(endpoint, socket, bytes, address, port),
        () => {
          this.#batchTime = Number.NaN;
          this.#flush();
        },
        () => endpoint.transfers.size,
      );
    }
  }

  /** Begins transfers, unless they are repeated requests of transfers that run. */
  start(starts: readonly StartTransfer[]): void {
    const now = this.#now();
    for (const start of starts) this.#startOne(start, now);
    // Several requests may have come with one descriptor: each is closed once, and only now.
    for (const fd of this.#surplus) closeSurplus(fd);
    this.#surplus.clear();
    this.#flush();
  }

  /** Sends a packet outside any transfer. */
  send(endpointId: number, peer: DataPeer, bytes: Uint8Array): void {
    const socket = this.#endpoints.get(endpointId)?.sockets[0];
    if (socket === undefined) return;
    socket.queuePacket({ ...peer, segmentable: false }, bytes);
    socket.flush();
  }

  /** To be called every few milliseconds while transfers are active. */
  tick(): void {
    const now = this.#now();
    this.#wheel.advance(now, (running) => this.#perform(running, expire(running.transfer, now)));
    this.#flush();
  }

  /** Ends the transfers of an endpoint without a word, since its wire is gone, and closes its sockets. */
  async removeEndpoint(id: number): Promise<void> {
    const endpoint = this.#endpoints.get(id);
    if (endpoint === undefined) return;
    this.#endpoints.delete(id);
    for (const running of [...endpoint.transfers.values()]) this.#end(running, 'stopped');
    this.#flush();
    await Promise.all(endpoint.sockets.map((socket) => socket.close()));
  }

  /** Tells every client that the server goes away, ends all transfers and closes all sockets. */
  async close(): Promise<void> {
    for (const { transfers } of this.#endpoints.values()) {
      for (const running of [...transfers.values()]) this.#endByServer(running, 'stopped', SERVER_STOPS);
    }
    this.#flush();
    await Promise.all([...this.#endpoints.keys()].map((id) => this.removeEndpoint(id)));
  }

  #startOne(start: StartTransfer, now: number): void {
    const endpoint = this.#endpoints.get(start.endpoint);
    const key = keyOf(start.peer.address, start.peer.port);
    const running = endpoint?.transfers.get(key);
    if (running?.name === start.name && isRepeatedRequest(running.transfer, now)) {
      this.#finished.push(this.#openSource(start));
      this.#report(start.id, 'duplicate');
      this.#perform(running, repeatStart(running.transfer));
      return;
    }
    if (running !== undefined) this.#end(running, 'replaced');
    const socket = endpoint && chooseSocket(endpoint, key);
    if (endpoint === undefined || socket === undefined) {
      this.#finished.push(this.#openSource(start));
      this.#report(start.id, 'stopped');
      return;
    }
    const begun = new Running(start, endpoint, key, socket, this.#openSource(start));
    endpoint.transfers.set(key, begun);
    this.#active += 1;
    const action = startTransfer(begun.transfer, now);
    this.#wheel.add(begun);
    this.#perform(begun, action);
  }

  #openSource({ content, agreed, mode }: StartTransfer): BlockSource {
    if (content.kind === 'bytes') return new MemoryBlocks(content.bytes, agreed);
    const { fd, size, identity } = content;
    const layout = mode === 'octet' ? packetLayout(size, agreed) : PLAIN_LAYOUT;
    const file = this.#readAhead.open(fd, size, identity, layout);
    if (file.fd !== fd) this.#surplus.add(fd);
    return mode === 'octet' ? new FileBlocks(file, agreed.blockSize) : new NetasciiBlocks(file, agreed);
  }

  #receive(
    endpoint: Endpoint,
    socket: TransferSocket,
    bytes: Uint8Array,
    address: DataPeer['address'],
    port: number,
  ): void {
    const opcode = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
    if (endpoint.forwardRequests && (opcode === OPCODE.rrq || opcode === OPCODE.wrq)) {
      // A copy of these octets alone: `slice` of a Buffer is none, and with it went the memory of all that was received.
      const request = new Uint8Array(bytes);
      this.#listener.requested({ endpoint: endpoint.id, peer: { address, port }, bytes: request });
      return;
    }
    const running = endpoint.transfers.get(keyOf(address, port));
    // Another TID: error 5 is never sent, it would only help whoever guesses.
    if (running?.socket !== socket) return;
    if (opcode === OPCODE.ack && bytes.length >= 4) {
      if (Number.isNaN(this.#batchTime)) this.#batchTime = this.#now();
      const block = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
      this.#perform(running, acknowledge(running.transfer, block, this.#batchTime));
    } else if (opcode === OPCODE.error) {
      this.#endByClient(running, bytes);
    }
  }

  #endByClient(running: Running, bytes: Uint8Array): void {
    const packet = decodeTftpPacket(bytes);
    if (packet.kind !== 'error') return;
    const result =
      running.transfer.acknowledged < 0 ? 'probed' : CLOSING_CODES.has(packet.code) ? 'closed' : 'aborted';
    this.#end(running, result, { from: 'client', code: packet.code, message: packet.message });
  }

  #endByServer(running: Running, result: TransferResult, error: TransferError, osCode?: string): void {
    this.#queuePacket(running, encodeTftpError(error.code, error.message));
    this.#end(running, result, error, osCode);
  }

  #perform(running: Running, action: TransferAction): void {
    switch (action.kind) {
      case 'wait':
        return;
      case 'send-data':
        this.#sendBlocks(running, action.first, action.last);
        return;
      case 'send-oack':
        if (running.oack !== undefined) this.#queuePacket(running, running.oack);
        return;
      case 'finish':
        this.#end(running, 'done');
        return;
      case 'give-up':
        this.#end(running, 'timeout');
        return;
      default:
        action satisfies never;
    }
  }

  #sendBlocks(running: Running, first: number, last: number): void {
    const { source, transfer } = running;
    for (let next = first; next <= Math.min(last, transfer.lastBlock);) {
      const ready = source.ready(next, last);
      if (ready === undefined) {
        this.#waitFor(running, next);
        return;
      }
      if (source.lastBlock !== transfer.lastBlock) foundEnd(transfer, source.lastBlock);
      running.socket.queueRun(running.peer, ready);
      this.#dirty.add(running.socket);
      next += ready.count;
    }
  }

  #waitFor(running: Running, block: number): void {
    const alreadyWaiting = running.waitingFor !== undefined;
    running.waitingFor = block;
    if (!alreadyWaiting) running.source.wait(block, (failure) => this.#resume(running, failure));
  }

  #resume(running: Running, failure: ReadFailure | undefined): void {
    const { waitingFor, transfer } = running;
    running.waitingFor = undefined;
    if (running.ended || waitingFor === undefined) return;
    if (failure === undefined) {
      this.#sendBlocks(running, Math.max(waitingFor, transfer.acknowledged + 1), transfer.sent);
    } else if (failure.kind === 'truncated') {
      this.#endByServer(running, 'truncated', FILE_TRUNCATED);
    } else {
      this.#endByServer(running, 'read-failed', READ_FAILED, failure.osCode);
    }
    this.#flush();
  }

  #queuePacket(running: Running, bytes: Uint8Array): void {
    running.socket.queuePacket(running.peer, bytes);
    this.#dirty.add(running.socket);
  }

  #end(running: Running, result: TransferResult, error?: TransferError, osCode?: string): void {
    if (running.ended) return;
    running.ended = true;
    const { transfer, source, endpoint } = running;
    endTransfer(transfer);
    endpoint.transfers.delete(running.key);
    this.#active -= 1;
    this.#finished.push(source);
    const bytes = source.octetsOf(Math.max(transfer.acknowledged, 0));
    this.#listener.ended({
      id: running.id,
      result,
      bytes,
      retransmissions: transfer.retransmissions,
      error,
      osCode,
    });
  }

  #report(id: number, result: TransferResult): void {
    this.#listener.ended({ id, result, bytes: 0, retransmissions: 0, error: undefined, osCode: undefined });
  }

  #flush(): void {
    for (const socket of this.#dirty) socket.flush();
    this.#dirty.clear();
    if (this.#finished.length === 0) return;
    for (const source of this.#finished.splice(0)) source.close();
  }

  /** For the read-ahead, before it uses memory again that may be queued. */
  readonly flushQueued = (): void => {
    for (const socket of this.#dirty) socket.flush();
  };
}

function errorOf(code: number, message: string): TransferError {
  return { from: 'server', code, message };
}

/**
 * The first socket for everybody, since datagrams that wait in one socket share its system calls: four sockets in turn
 * cost a third of the speed of 32 clients. Only a peer that was served a moment ago gets the next one: when a client
 * uses its port again at once, it meets another port here, and ACKs of its old transfer miss the new one.
 */
function chooseSocket(endpoint: Endpoint, key: PeerKey): TransferSocket | undefined {
  const { sockets } = endpoint;
  const last = endpoint.lastSockets.get(key) ?? endpoint.olderSockets.get(key);
  const index = last === undefined ? 0 : (last + 1) % sockets.length;
  if (endpoint.lastSockets.size >= REMEMBERED_PEERS) {
    endpoint.olderSockets = endpoint.lastSockets;
    endpoint.lastSockets = new Map();
  }
  endpoint.lastSockets.set(key, index);
  return sockets[index];
}

/** Address and port of a peer, always both. An IPv4 peer is one number, below 2^48. */
function keyOf(address: DataPeer['address'], port: number): PeerKey {
  return typeof address === 'string' ? `${address}/${port}` : address * 65_536 + port;
}
