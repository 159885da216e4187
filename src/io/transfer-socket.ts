import type { Ipv4 } from '../addr/ipv4.ts';

/** Octets whose place in memory is known to whoever calls the C library; see `MemoryPool`. */
export interface PinnedBytes {
  readonly bytes: Uint8Array;
  /** Of the first octet; 0 where nothing needs it. */
  readonly address: number;
}

/** Where datagrams go: the one object for the whole of a conversation. */
export interface TransferPeer {
  /** IPv4 as a number, IPv6 as text with its zone, as Node writes it. */
  readonly address: Ipv4 | string;
  readonly port: number;
  /** Cleared by the socket when the way to this peer has a smaller MTU than the interface. */
  segmentable: boolean;
}

/**
 * Packets that lie one behind the other in memory, each to be sent as a datagram of its own: `packetLength` octets each;
 * the last one has only `lastLength`.
 */
export interface PacketRun {
  readonly memory: PinnedBytes;
  readonly offset: number;
  readonly count: number;
  readonly packetLength: number;
  readonly lastLength: number;
}

/** Called for each datagram; `bytes` is only valid during the call. */
export type DatagramListener = (bytes: Uint8Array, address: Ipv4 | string, port: number) => void;

/**
 * A UDP socket for many conversations at once. What is sent is queued until `flush`; memory of a run must stay as it
 * is until then, and may be changed right after. Datagrams that the kernel will not take are lost like any
 * other: the protocol above sends again.
 */
export interface TransferSocket {
  readonly localPort: number;
  /** Whether the socket calls the kernel in batches (koffi), for the log. */
  readonly batched: boolean;
  /**
   * `drained` is called when no more datagrams wait for the moment: the time to flush. `peers` says how many are to answer
   * before long: whether it pays to wait for them without a pause.
   */
  onDatagram(datagram: DatagramListener, drained: () => void, peers: () => number): void;
  /** The bytes are copied. */
  queuePacket(peer: TransferPeer, bytes: Uint8Array): void;
  queueRun(peer: TransferPeer, run: PacketRun): void;
  flush(): void;
  close(): Promise<void>;
}
