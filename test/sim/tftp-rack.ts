import { ipv4FromNumber } from '../../src/addr/ipv4.ts';
import { ReadAhead } from '../../src/io/read-ahead.ts';
import { DataPlane } from '../../src/services/tftp-data-plane.ts';
import type { DataContent, DataPeer, TransferEnd } from '../../src/services/tftp-messages.ts';
import { negotiate } from '../../src/tftp/negotiation.ts';
import { LossyNetwork, PERFECT_WIRE, type WireConditions } from './lossy-network.ts';
import { SimulatedClient, type ClientHabits } from './simulated-client.ts';
import { VirtualClock } from './virtual-clock.ts';

const HABITS: ClientHabits = { blockSize: 1408, windowSize: 1, retransmitMs: 1000, retries: 10, rollover: 0 };
const TICK_MS = 10;

/** A data plane, clients and the wire between them. The daemon's side is played by `ask`: every request is granted. */
export class TftpRack {
  readonly clock = new VirtualClock();
  readonly network: LossyNetwork;
  readonly plane: DataPlane;
  readonly ends: TransferEnd[] = [];
  readonly clients: SimulatedClient[] = [];
  readonly #wire: WireConditions;
  #nextId = 1;

  constructor(wire: Partial<WireConditions> = {}) {
    this.#wire = { ...PERFECT_WIRE, ...wire };
    this.network = new LossyNetwork(this.clock, this.#wire);
    const readAhead = new ReadAhead({
      memoryBytes: 1024 * 1024,
      readsMax: 2,
      beforeReuse: () => this.plane.flushQueued(),
    });
    this.plane = new DataPlane(() => this.clock.now(), readAhead, {
      ended: (end) => this.ends.push(end),
      requested: () => undefined,
    });
    this.plane.addEndpoint(0, [this.network.bind(40_001), this.network.bind(40_002)], false);
    this.#tick();
  }

  /** A client that asks for the content; it is not started yet. */
  addClient(content: Uint8Array, habits: Partial<ClientHabits> = {}): SimulatedClient {
    const number = this.clients.length;
    const peer = { address: ipv4FromNumber(0x0a00_0000 + 1 + number), port: 2000 + number };
    const all = { ...HABITS, ...habits };
    const client = new SimulatedClient(this.network, peer, all, () => this.#ask(peer, content, all));
    this.clients.push(client);
    return client;
  }

  /** Until every client is done or has given up, or so many milliseconds have passed. */
  run(milliseconds = 600_000): void {
    this.clock.runUntil(this.clock.now() + milliseconds, () =>
      this.clients.every(({ state }) => state === 'done' || state === 'failed'),
    );
  }

  /** Until so many milliseconds have passed, whatever the clients do. */
  pass(milliseconds: number): void {
    this.clock.runUntil(this.clock.now() + milliseconds);
  }

  /** The request, through the same wire. */
  #ask(peer: DataPeer, bytes: Uint8Array, habits: ClientHabits): void {
    const options = [
      { name: 'blksize', value: String(habits.blockSize) },
      ...(habits.windowSize > 1 ? [{ name: 'windowsize', value: String(habits.windowSize) }] : []),
      ...(habits.rollover > 0 ? [{ name: 'rollover', value: String(habits.rollover) }] : []),
    ];
    const content: DataContent = { kind: 'bytes', bytes };
    this.network.request(() => {
      const negotiation = negotiate(options, {
        mode: 'octet',
        size: bytes.length,
        blockSizeMax: 65_464,
        windowSizeMax: 64,
        retransmitMs: 1000,
      });
      if (negotiation.kind === 'refused') throw new Error(negotiation.reason);
      const { agreed, oack } = negotiation;
      const id = this.#nextId++;
      this.plane.start([{ id, endpoint: 0, peer, name: 'file', content, mode: 'octet', agreed, oack }]);
    });
  }

  #tick(): void {
    this.plane.tick();
    this.clock.after(TICK_MS, () => this.#tick());
  }
}
