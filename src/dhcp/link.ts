import type { Ipv4 } from '../addr/ipv4.ts';

/** The wire that a request came in from, and this server's place on it. */
export interface Link {
  /** The interface's name. */
  readonly name: string;
  /** The receiving interface's address: the server identifier where no other is configured. */
  readonly serverAddress: Ipv4;
  /** Every address of the interface, `serverAddress` included. */
  readonly addresses: readonly Ipv4[];
  /** The largest IP datagram that the wire takes, in octets. */
  readonly mtu: number;
  /** There is no broadcast on loopback: the sender of a reply puts 127.0.0.1 instead. */
  readonly isLoopback: boolean;
  /** Which of the server's ports the request came in on: 67, or the PXE boot server's 4011. */
  readonly port: 'dhcp' | 'boot-server';
}
