import type { Ipv4 } from '../addr/ipv4.ts';

/** Where a datagram came from. */
export interface UdpPeer {
  readonly address: Ipv4;
  readonly port: number;
}

/**
 * One bound UDP socket on one wire. A datagram that cannot be sent is reported to the caller of send and
 * never thrown elsewhere; errors of the socket itself (an interface that went away) go to onError.
 */
export interface UdpPort {
  /** Resolves when the kernel took the datagram; rejects with IoError. */
  send(bytes: Uint8Array, address: Ipv4, port: number): Promise<void>;
  onDatagram(listener: (bytes: Uint8Array, peer: UdpPeer) => void): void;
  onError(listener: (error: Error) => void): void;
  close(): Promise<void>;
}
