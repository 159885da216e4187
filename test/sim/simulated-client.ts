import type { Ipv4 } from '../../src/addr/ipv4.ts';
import { decodeTftpPacket, encodeTftpAck } from '../../src/wire/tftp/tftp-packet.ts';
import type { LossyNetwork } from './lossy-network.ts';

/** How a client goes about it. */
export interface ClientHabits {
  readonly blockSize: number;
  readonly windowSize: number;
  readonly retransmitMs: number;
  readonly retries: number;
  /** The first number after 65535. */
  readonly rollover: number;
}

/**
 * The reading side of RFC 1350 and 7440: acknowledges the end of each window, says at once where a gap is, and
 * repeats its last word after silence.
 */
export class SimulatedClient {
  readonly address: Ipv4;
  readonly port: number;
  /** What arrived in order. */
  readonly blocks: Uint8Array[] = [];
  state: 'asking' | 'reading' | 'done' | 'failed' = 'asking';
  failure = '';
  endedAt = 0;
  readonly #network: LossyNetwork;
  readonly #habits: ClientHabits;
  readonly #request: () => void;
  #serverPort: number | undefined;
  #sinceAck = 0;
  #gapTold = false;
  #heardAt = 0;
  #silences = 0;

  constructor(
    network: LossyNetwork,
    peer: { readonly address: Ipv4; readonly port: number },
    habits: ClientHabits,
    request: () => void,
  ) {
    this.#network = network;
    this.address = peer.address;
    this.port = peer.port;
    this.#habits = habits;
    this.#request = request;
    network.connect(peer.address, peer.port, (bytes, serverPort) => this.#receive(bytes, serverPort));
  }

  get content(): Buffer {
    return Buffer.concat(this.blocks);
  }

  start(): void {
    this.#heardAt = this.#network.clock.now();
    this.#request();
    this.#watch();
  }

  vanish(): void {
    this.state = 'failed';
    this.failure = 'switched off';
    this.#network.disconnect(this.address, this.port);
  }

  #watch(): void {
    const { clock } = this.#network;
    clock.at(this.#heardAt + this.#habits.retransmitMs, () => {
      if (this.state === 'done' || this.state === 'failed') return;
      if (clock.now() >= this.#heardAt + this.#habits.retransmitMs) {
        this.#silences += 1;
        if (this.#silences > this.#habits.retries) {
          this.#end('failed', 'silence');
          return;
        }
        this.#heardAt = clock.now();
        if (this.state === 'asking') this.#request();
        else this.#acknowledge();
      }
      this.#watch();
    });
  }

  #receive(bytes: Uint8Array, serverPort: number): void {
    if (this.state === 'failed') return;
    this.#serverPort ??= serverPort;
    if (serverPort !== this.#serverPort) return;
    const packet = decodeTftpPacket(bytes);
    if (packet.kind === 'error') this.#end('failed', packet.message);
    else if (packet.kind === 'oack') this.#oack();
    else if (packet.kind === 'data') this.#data(packet.block, packet.data);
  }

  #oack(): void {
    if (this.blocks.length > 0 || this.state === 'done') return;
    this.state = 'reading';
    this.#heard();
    this.#acknowledge();
  }

  #data(block: number, data: Uint8Array): void {
    if (this.state === 'done' || block !== this.#number(this.blocks.length + 1)) {
      this.#outOfOrder(block);
      return;
    }
    this.state = 'reading';
    this.#heard();
    this.blocks.push(data.slice());
    this.#sinceAck += 1;
    this.#gapTold = false;
    const last = data.length < this.#habits.blockSize;
    if (last || this.#sinceAck === this.#habits.windowSize) this.#acknowledge();
    if (last) this.#end('done', '');
  }

  /** Old blocks are acknowledged again, in windows as in lock step; a gap is told once. */
  #outOfOrder(block: number): void {
    const distance = (block - this.#number(this.blocks.length + 1) + 65_536) % 65_536;
    if (distance >= 32_768) this.#acknowledge();
    else if (!this.#gapTold && this.state === 'reading') {
      this.#gapTold = true;
      this.#acknowledge();
    }
  }

  #heard(): void {
    this.#heardAt = this.#network.clock.now();
    this.#silences = 0;
  }

  #acknowledge(): void {
    this.#sinceAck = 0;
    const bytes = encodeTftpAck(this.#number(this.blocks.length));
    if (this.#serverPort !== undefined) {
      this.#network.toServer(this.#serverPort, this.address, this.port, bytes);
    }
  }

  #number(block: number): number {
    if (block <= 65_535) return block;
    const { rollover } = this.#habits;
    return rollover + ((block - 65_536) % (65_536 - rollover));
  }

  #end(state: 'done' | 'failed', failure: string): void {
    if (this.state === 'done') return;
    this.state = state;
    this.failure = failure;
    this.endedAt = this.#network.clock.now();
  }
}
