/**
 * A small TFTP server in virtual time, written apart from src/tftp and src/wire so that the client is not judged by a
 * codec of the same hand. It grants blksize, tsize, windowsize and timeout, or what it is told to refuse.
 */
export interface SimulatedServerOptions {
  readonly content: Uint8Array;
  /** Options that this server does not know. */
  readonly unknown?: readonly string[];
  /** Never grant a window larger than this. */
  readonly windowMax?: number;
  /** Says another size than it sends. */
  readonly wrongSize?: number;
}

const TRANSFER_PORT = 40_001;
const RETRANSMIT_MS = 700;

/** Datagrams that go to the client, and when the server wants to be woken. */
export class SimulatedTftpServer {
  readonly port = TRANSFER_PORT;
  readonly requests: string[] = [];
  readonly #options: SimulatedServerOptions;
  #blockSize = 512;
  #window = 1;
  #acknowledged = 0;
  #started = false;
  #oack: Buffer | undefined;
  wakeAt: number | undefined;
  /** Text of the client's ERROR. */
  clientError: string | undefined;

  constructor(options: SimulatedServerOptions) {
    this.#options = options;
  }

  receive(datagram: Buffer, now: number): readonly Buffer[] {
    switch (datagram.readUInt16BE(0)) {
      case 1:
        return this.#start(datagram, now);
      case 4:
        return this.#acknowledge(datagram.readUInt16BE(2), now);
      case 5:
        this.clientError = `${datagram.readUInt16BE(2)} ${datagram.subarray(4, -1).toString('latin1')}`;
        this.wakeAt = undefined;
        return [];
      default:
        return [];
    }
  }

  wake(now: number): readonly Buffer[] {
    this.wakeAt = now + RETRANSMIT_MS;
    return this.#oack !== undefined ? [this.#oack] : this.#windowFrom(this.#acknowledged + 1);
  }

  #start(datagram: Buffer, now: number): readonly Buffer[] {
    const [name = '', mode = '', ...pairs] = datagram.subarray(2, -1).toString('latin1').split('\0');
    this.requests.push(`${name} ${mode} ${pairs.join(' ')}`.trim());
    if (this.#started) return [];
    this.#started = true;
    this.wakeAt = now + RETRANSMIT_MS;
    const granted: string[] = [];
    for (let at = 0; at + 1 < pairs.length; at += 2) {
      const option = pairs[at] ?? '';
      if (this.#options.unknown?.includes(option) === true) continue;
      granted.push(option, this.#grant(option, Number(pairs[at + 1])));
    }
    if (granted.length === 0) return this.#windowFrom(1);
    this.#oack = Buffer.concat([
      Buffer.from([0, 6]),
      Buffer.from(granted.map((word) => `${word}\0`).join(''), 'latin1'),
    ]);
    return [this.#oack];
  }

  #grant(option: string, value: number): string {
    switch (option) {
      case 'blksize':
        this.#blockSize = value;
        return String(value);
      case 'windowsize':
        this.#window = Math.min(value, this.#options.windowMax ?? value);
        return String(this.#window);
      case 'tsize':
        return String(this.#options.wrongSize ?? this.#options.content.length);
      default:
        return String(value);
    }
  }

  #acknowledge(block: number, now: number): readonly Buffer[] {
    const base = this.#acknowledged;
    const ahead = (block - (base % 65_536) + 65_536) % 65_536;
    if (this.#oack !== undefined && block === 0) {
      this.#oack = undefined;
    } else if (ahead === 0 || ahead > this.#window) {
      // An old ACK is never answered at once (RFC 1123 section 4.2.3.1), except as the report of a gap in a window.
      if (ahead !== 0 || this.#window === 1) return [];
    } else {
      this.#acknowledged += ahead;
    }
    if (this.#acknowledged >= this.#blockCount()) {
      this.wakeAt = undefined;
      return [];
    }
    this.wakeAt = now + RETRANSMIT_MS;
    return this.#windowFrom(this.#acknowledged + 1);
  }

  #blockCount(): number {
    return Math.floor(this.#options.content.length / this.#blockSize) + 1;
  }

  #windowFrom(first: number): readonly Buffer[] {
    const last = Math.min(first + this.#window - 1, this.#blockCount());
    const packets: Buffer[] = [];
    for (let block = first; block <= last; block += 1) {
      const data = this.#options.content.subarray((block - 1) * this.#blockSize, block * this.#blockSize);
      const header = Buffer.from([0, 3, 0, 0]);
      header.writeUInt16BE(block % 65_536, 2);
      packets.push(Buffer.concat([header, data]));
    }
    return packets;
  }
}
