import { BROADCAST_IPV4, ipv4FromBytes, type Ipv4 } from '../addr/ipv4.ts';
import { MESSAGE_TYPE } from '../dhcp/dhcp-request.ts';
import type { ReplyType } from '../dhcp/outcome.ts';
import { BOOTREPLY, type DhcpMessage } from '../wire/dhcp/dhcp-message.ts';
import { OPTION } from '../wire/dhcp/option-codes.ts';

/** How a datagram went over the wire. */
export interface Delivery {
  readonly source: Ipv4;
  readonly destination: Ipv4;
  readonly destinationPort: number;
}

/** A reply of the other server, as it was seen on the wire. */
export interface ObservedReply {
  readonly type: ReplyType;
  readonly message: DhcpMessage;
  /** Option 54, else the source of the datagram. */
  readonly server: Ipv4;
  readonly delivery: Delivery;
}

const REPLY_TYPES: ReadonlyMap<number | undefined, ReplyType> = new Map([
  [MESSAGE_TYPE.offer, 'offer'],
  [MESSAGE_TYPE.ack, 'ack'],
  [MESSAGE_TYPE.nak, 'nak'],
]);

/** What a server said; undefined for what only clients say, and for types of extensions. */
export function describeReply(message: DhcpMessage, delivery: Delivery): ObservedReply | undefined {
  if (message.op !== BOOTREPLY) return undefined;
  const typeOctets = message.options.get(OPTION.messageType);
  const type = typeOctets === undefined ? 'bootp' : REPLY_TYPES.get(typeOctets[0]);
  if (type === undefined) return undefined;
  const identifier = message.options.get(OPTION.serverIdentifier);
  return { type, message, server: (identifier && ipv4FromBytes(identifier)) ?? delivery.source, delivery };
}

/** Whether a reply went to everybody on the wire. */
export function isBroadcast({ destination }: Delivery): boolean {
  return destination === BROADCAST_IPV4;
}
