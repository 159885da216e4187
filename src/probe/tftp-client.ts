import { parseOptionNumber, type TftpOption } from '../wire/tftp/tftp-options.ts';
import {
  decodeTftpPacket,
  encodeTftpAck,
  encodeTftpError,
  encodeTftpRequest,
  type TftpPacket,
} from '../wire/tftp/tftp-packet.ts';

/** One file that is read, with the options exactly as this client writes them. */
export interface TftpReadRequest {
  readonly name: string;
  readonly options: readonly TftpOption[];
  /**
   * Some clients only want to know whether the file is there, or how large it is: they end the transfer with an ERROR
   * as soon as they know. Undefined: the whole file is read.
   */
  readonly abort?:
    { readonly after: 'oack' | 'first-data'; readonly code: number; readonly message: string } | undefined;
}

/** How long a client waits for the next packet, and how often it asks again before it gives up. */
export interface TftpClientTimes {
  readonly retransmitMs: number;
  readonly attempts: number;
}

/** What a client does, in order. */
export type TftpClientStep =
  /** `to` is the port: the server's own for a request, later the transfer's (its TID). */
  | { readonly kind: 'send'; readonly to: 'server' | number; readonly bytes: Uint8Array }
  /** The next octets of the file; a view of the datagram. */
  | { readonly kind: 'data'; readonly octets: Uint8Array }
  | { readonly kind: 'done'; readonly result: TftpReadResult };

/** How a read ended. */
export type TftpReadResult =
  | { readonly kind: 'received'; readonly octets: number; readonly transfer: TftpTransferFacts }
  /** Ended by the client, which knows what it wanted; `size` is what the server said in tsize. */
  | { readonly kind: 'aborted'; readonly size: number | undefined; readonly transfer: TftpTransferFacts }
  /** The server's ERROR. */
  | { readonly kind: 'refused'; readonly code: number; readonly message: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** What was agreed, and what it took. */
export interface TftpTransferFacts {
  /** The OACK's options; empty when the server sent none. */
  readonly options: readonly TftpOption[];
  readonly blocks: number;
  /** Packets that this client sent again. */
  readonly retransmissions: number;
  /** DATA that came twice. */
  readonly duplicates: number;
}

const DEFAULT_BLOCK_SIZE = 512;
const BLOCK_NUMBERS = 0x10000;
const UNKNOWN_TRANSFER = 5;
const BAD_OPTIONS = 8;

/**
 * The reading side of TFTP (RFC 1350, 2347, 2348, 2349, 7440) without socket or clock: it is handed datagrams and the
 * time, and answers with what to do. Block numbers wrap to 0.
 */
export class TftpClient {
  readonly #request: TftpReadRequest;
  #retransmitMs: number;
  readonly #attempts: number;
  #wakeAt: number | undefined;
  #tid: number | undefined;
  #last: { readonly to: 'server' | number; readonly bytes: Uint8Array } | undefined;
  #tries = 0;
  #agreed: readonly TftpOption[] = [];
  #blockSize = DEFAULT_BLOCK_SIZE;
  #windowSize = 1;
  #announcedSize: number | undefined;
  /** Number of the last block in order; counted on beyond 65535. */
  #blocks = 0;
  /** In-order blocks since the last ACK. */
  #unacknowledged = 0;
  /** The gap was told with an ACK already; one for each window is enough. */
  #gapTold = false;
  #octets = 0;
  #retransmissions = 0;
  #duplicates = 0;
  #done = false;

  constructor(request: TftpReadRequest, times: TftpClientTimes) {
    this.#request = request;
    this.#retransmitMs = times.retransmitMs;
    this.#attempts = times.attempts;
  }

  /** When wake() is due; undefined when nothing is awaited any more. */
  get wakeAt(): number | undefined {
    return this.#wakeAt;
  }

  /** The request. */
  start(now: number): readonly TftpClientStep[] {
    const { name, options } = this.#request;
    return [
      this.#send('server', encodeTftpRequest({ direction: 'read', name, mode: 'octet', options }), now),
    ];
  }

  /** The time that `wakeAt` named has come: the last packet is sent again, or the read is given up. */
  wake(now: number): readonly TftpClientStep[] {
    if (this.#done || this.#last === undefined) return [];
    if (this.#tries >= this.#attempts) {
      const after = this.#blocks === 0 ? 'the request' : `block ${this.#blocks}`;
      return [this.#finish({ kind: 'failed', reason: `no answer to ${after}, asked ${this.#tries} times` })];
    }
    this.#retransmissions += 1;
    this.#unacknowledged = 0;
    this.#tries += 1;
    this.#wakeAt = now + this.#retransmitMs;
    // Blocks may have come since the last ACK: where the window stands now is what the server needs (RFC 7440 section 4).
    if (this.#blocks > 0) this.#last = { ...this.#last, bytes: encodeTftpAck(this.#blocks % BLOCK_NUMBERS) };
    return [{ kind: 'send', ...this.#last }];
  }

  /** A datagram of the server's address came in from `port`. */
  receive(bytes: Uint8Array, port: number, now: number): readonly TftpClientStep[] {
    if (this.#tid !== undefined && port !== this.#tid) {
      return [{ kind: 'send', to: port, bytes: encodeTftpError(UNKNOWN_TRANSFER, 'Unknown transfer ID') }];
    }
    const packet = decodeTftpPacket(bytes);
    if (this.#done) return this.#afterTheEnd(packet, port);
    switch (packet.kind) {
      case 'oack':
        this.#tid = port;
        return this.#acceptOptions(packet.options, now);
      case 'data':
        this.#tid = port;
        return this.#acceptData(packet.block, packet.data, now);
      case 'error':
        return [this.#finish(this.#refusal(packet.code, packet.message))];
      case 'ack':
      case 'request':
      case 'bad-request':
      case 'malformed':
        return [];
      default:
        return packet satisfies never;
    }
  }

  /** The last ACK may be lost: the last DATA that comes again is acknowledged again (RFC 1350 section 6). */
  #afterTheEnd(packet: TftpPacket, port: number): readonly TftpClientStep[] {
    if (packet.kind !== 'data' || packet.block !== this.#blocks % BLOCK_NUMBERS) return [];
    return [{ kind: 'send', to: port, bytes: encodeTftpAck(packet.block) }];
  }

  #acceptOptions(options: readonly TftpOption[], now: number): readonly TftpClientStep[] {
    // A repeated OACK means that our ACK 0 was lost; one in the middle of the file is a late copy.
    if (this.#blocks > 0) return [];
    const objection = this.#agree(options);
    if (objection !== undefined) {
      return [
        this.#send(this.#tid ?? 'server', encodeTftpError(BAD_OPTIONS, objection), now),
        this.#finish({ kind: 'failed', reason: `the server's OACK cannot be: ${objection}` }),
      ];
    }
    if (this.#request.abort?.after === 'oack') return this.#abort(now);
    return [this.#acknowledge(0, now)];
  }

  /** Takes over what the OACK says; the text says what of it this client did not ask for (RFC 2347). */
  #agree(options: readonly TftpOption[]): string | undefined {
    for (const { name, value } of options) {
      const asked = this.#request.options.find((option) => option.name.toLowerCase() === name.toLowerCase());
      if (asked === undefined) return `${name} was not asked for`;
      const number = Number(parseOptionNumber(value) ?? -1n);
      const limit = Number(parseOptionNumber(asked.value) ?? 0n);
      if (number < 0) return `${name} is no number`;
      switch (name.toLowerCase()) {
        case 'blksize':
          if (number < 8 || number > limit) return `blksize ${value} for ${asked.value}`;
          this.#blockSize = number;
          break;
        case 'windowsize':
          if (number < 1 || number > limit) return `windowsize ${value} for ${asked.value}`;
          this.#windowSize = number;
          break;
        case 'timeout':
          if (number !== limit) return `timeout ${value} for ${asked.value}`;
          this.#retransmitMs = number * 1000;
          break;
        case 'tsize':
          this.#announcedSize = number;
          break;
        default:
          return `${name} is not known`;
      }
    }
    this.#agreed = options;
    return undefined;
  }

  #acceptData(block: number, data: Uint8Array, now: number): readonly TftpClientStep[] {
    if (block !== (this.#blocks + 1) % BLOCK_NUMBERS) return this.#outOfOrder(block, now);
    if (data.length > this.#blockSize) {
      return [
        this.#finish({ kind: 'failed', reason: `block of ${data.length} octets, ${this.#blockSize} agreed` }),
      ];
    }
    this.#blocks += 1;
    this.#octets += data.length;
    this.#unacknowledged += 1;
    this.#gapTold = false;
    const steps: TftpClientStep[] = [{ kind: 'data', octets: data }];
    if (this.#request.abort?.after === 'first-data') return [...steps, ...this.#abort(now)];
    if (data.length < this.#blockSize) return [...steps, this.#acknowledge(block, now), this.#complete()];
    if (this.#unacknowledged >= this.#windowSize) return [...steps, this.#acknowledge(block, now)];
    this.#tries = 0;
    this.#wakeAt = now + this.#retransmitMs;
    return steps;
  }

  /** A copy of an earlier block, or one behind a gap: the server hears once where it has to go on. */
  #outOfOrder(block: number, now: number): readonly TftpClientStep[] {
    const ahead = (block - this.#blocks + BLOCK_NUMBERS) % BLOCK_NUMBERS;
    if (ahead === 0 || ahead > BLOCK_NUMBERS / 2) this.#duplicates += 1;
    const isLastCopy = ahead === 0 && this.#blocks > 0;
    if (this.#gapTold && !isLastCopy) return [];
    this.#gapTold = true;
    this.#retransmissions += 1;
    return [this.#acknowledge(this.#blocks % BLOCK_NUMBERS, now)];
  }

  #complete(): TftpClientStep {
    const announced = this.#announcedSize;
    if (announced !== undefined && announced !== this.#octets) {
      return this.#finish({ kind: 'failed', reason: `tsize said ${announced} octets, ${this.#octets} came` });
    }
    return this.#finish({ kind: 'received', octets: this.#octets, transfer: this.#facts() });
  }

  #abort(now: number): readonly TftpClientStep[] {
    const { code = 0, message = '' } = this.#request.abort ?? {};
    const error = this.#send(this.#tid ?? 'server', encodeTftpError(code, message), now);
    const size = this.#announcedSize;
    return [error, this.#finish({ kind: 'aborted', size, transfer: this.#facts() })];
  }

  #refusal(code: number, message: string): TftpReadResult {
    if (this.#blocks === 0) return { kind: 'refused', code, message };
    return { kind: 'failed', reason: `ERROR ${code} "${message}" after block ${this.#blocks}` };
  }

  #acknowledge(block: number, now: number): TftpClientStep {
    this.#unacknowledged = 0;
    return this.#send(this.#tid ?? 'server', encodeTftpAck(block), now);
  }

  #send(to: 'server' | number, bytes: Uint8Array, now: number): TftpClientStep {
    this.#last = { to, bytes };
    this.#tries = 1;
    this.#wakeAt = now + this.#retransmitMs;
    return { kind: 'send', to, bytes };
  }

  #finish(result: TftpReadResult): TftpClientStep {
    this.#done = true;
    this.#wakeAt = undefined;
    return { kind: 'done', result };
  }

  #facts(): TftpTransferFacts {
    return {
      options: this.#agreed,
      blocks: this.#blocks,
      retransmissions: this.#retransmissions,
      duplicates: this.#duplicates,
    };
  }
}
