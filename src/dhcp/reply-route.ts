import { UNSPECIFIED_IPV4, type Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { ClientRequest } from './dhcp-request.ts';
import type { ReplyType } from './outcome.ts';

/**
 * The ways of a reply (RFC 2131 section 4.1, RFC 1542 section 4.1.2). The source is always `source` and the server's port,
 * 4011 for `boot-server`.
 */
export type ReplyRoute =
  /** To the relay, by ordinary routing. */
  | { readonly kind: 'relay'; readonly source: Ipv4; readonly address: Ipv4; readonly port: number }
  /** To 255.255.255.255, in an Ethernet broadcast. */
  | { readonly kind: 'broadcast'; readonly source: Ipv4; readonly port: number }
  /** To an address that the client already has, by ordinary routing and ARP. */
  | { readonly kind: 'unicast-client'; readonly source: Ipv4; readonly address: Ipv4; readonly port: number }
  /**
   * To the address that the client is about to get, in a frame to its card: it cannot answer ARP for it yet. A sender without
   * means for that broadcasts instead.
   */
  | {
      readonly kind: 'unicast-hardware';
      readonly source: Ipv4;
      readonly address: Ipv4;
      readonly mac: Mac;
      readonly port: number;
    }
  /** From port 4011 to a boot ROM that asked there. */
  | { readonly kind: 'boot-server'; readonly source: Ipv4; readonly address: Ipv4; readonly port: number };

/** What a route depends on, besides the request. */
export interface RouteInput {
  readonly type: ReplyType;
  readonly source: Ipv4;
  readonly serverPort: number;
  readonly clientPort: number;
  /** yiaddr of the reply. */
  readonly yiaddr: Ipv4;
  /** Whether ciaddr lies on the wire that the client was recognised to be on. */
  readonly hasClientAddress: boolean;
}

/**
 * Chooses the way of a reply. A relay takes everything that came through it. A NAK is broadcast, since the client's address
 * is just what is wrong. A client that has an address is reached there; in DISCOVER and BOOTP only when it does not ask for
 * broadcast, and when the address is one of this wire.
 */
export function routeReply(request: ClientRequest, input: RouteInput): ReplyRoute {
  const { message, relayAddress, relayAgentInformation, mac, wantsBroadcast } = request;
  const { type, source, serverPort, clientPort: port, yiaddr } = input;
  if (relayAddress !== undefined) {
    const toSource = relayAgentInformation?.asksForSourcePort === true;
    return { kind: 'relay', source, address: relayAddress, port: toSource ? request.sourcePort : serverPort };
  }
  const broadcast = { kind: 'broadcast', source, port } as const;
  if (type === 'nak') return broadcast;
  if (request.link.port === 'boot-server' && message.ciaddr !== UNSPECIFIED_IPV4) {
    return { kind: 'boot-server', source, address: message.ciaddr, port };
  }
  if (message.ciaddr !== UNSPECIFIED_IPV4 && usesClientAddress(request, input)) {
    return { kind: 'unicast-client', source, address: message.ciaddr, port };
  }
  if (wantsBroadcast || mac === undefined || yiaddr === UNSPECIFIED_IPV4) return broadcast;
  return { kind: 'unicast-hardware', source, address: yiaddr, mac, port };
}

function usesClientAddress(
  { kind, wantsBroadcast }: ClientRequest,
  { hasClientAddress }: RouteInput,
): boolean {
  if (kind === 'renewing' || kind === 'inform') return true;
  return hasClientAddress && !wantsBroadcast;
}
