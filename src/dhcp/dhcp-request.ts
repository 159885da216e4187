import { ipv4FromBytes, UNSPECIFIED_IPV4, type Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import { architectureFromCode, type Firmware } from '../boot/firmware.ts';
import {
  BOOTREQUEST,
  BROADCAST_FLAG,
  DEFAULT_MAXIMUM_LENGTH,
  MINIMUM_LENGTH,
  type DhcpMessage,
} from '../wire/dhcp/dhcp-message.ts';
import { OPTION } from '../wire/dhcp/option-codes.ts';
import { describeBootClient } from '../wire/dhcp/pxe-options.ts';
import { describeRelayAgentInformation, type RelayAgentInformation } from '../wire/dhcp/relay-agent.ts';
import { clientKeyOf, ethernetAddress, hardwareClientKey, type ClientKey } from './lease.ts';
import type { Link } from './link.ts';

/** Option 53 (RFC 2132 section 9.6). */
export const MESSAGE_TYPE = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const;

/**
 * What a client wants. The three kinds of DHCPREQUEST are told apart by options 50 and 54 and ciaddr (RFC 2131 section
 * 4.3.2); `renewing` stands for REBINDING too, since a wildcard socket cannot tell unicast from broadcast.
 */
export type RequestKind =
  'discover' | 'selecting' | 'init-reboot' | 'renewing' | 'decline' | 'release' | 'inform' | 'bootp';

/** Why a message is nothing that a server answers. */
export type RejectionReason =
  /** `op` is not BOOTREQUEST (RFC 951 section 3). */
  | 'not-a-request'
  | 'no-hardware-type'
  /** No client identifier and no hardware address: nobody to give an address to. */
  | 'no-client-identity'
  /** Option 53 is there and broken, or says what only servers say. */
  | 'bad-message-type'
  /** A message type of an extension that is not offered, such as LEASEQUERY (RFC 4388). */
  | 'unsupported-message-type'
  /** A message without the address that it is about. */
  | 'no-address';

/** Everything that a request says, read once. Octets are views of the message. */
export interface ClientRequest {
  readonly kind: RequestKind;
  readonly message: DhcpMessage;
  readonly link: Link;
  /** Option 61; undefined when it is not there or too short to be one. */
  readonly clientId: Uint8Array | undefined;
  readonly clientKey: ClientKey;
  /** The key of the card alone, by which a client without option 61 is known. */
  readonly cardKey: ClientKey;
  /** chaddr[0..hlen). */
  readonly hardwareAddress: Uint8Array;
  readonly mac: Mac | undefined;
  /** Option 50, in a renewal ciaddr, in a RELEASE ciaddr. */
  readonly requestedAddress: Ipv4 | undefined;
  /** Option 54. */
  readonly serverIdentifier: Ipv4 | undefined;
  /** Option 51, seconds. */
  readonly requestedLeaseSeconds: number | undefined;
  /** Option 55, as it was sent; undefined: the client does not say, so it gets all there is. */
  readonly parameterList: Uint8Array | undefined;
  /** Octets of UDP payload that the reply may have, by option 57 and the MTU of the wire. */
  readonly maximumLength: number;
  readonly wantsBroadcast: boolean;
  /** Option 82; it may come without giaddr, from a switch that snoops. */
  readonly relayAgentInformation: RelayAgentInformation | undefined;
  /** giaddr; undefined when no relay is between. */
  readonly relayAddress: Ipv4 | undefined;
  /** Port of the datagram's source, for relays that want the answer there (RFC 8357). */
  readonly sourcePort: number;
  readonly firmware: Firmware;
  /** Option 97 as text. */
  readonly machineUuid: string | undefined;
  /** Option 12, where it is printable. */
  readonly hostname: string | undefined;
  /** Option 60, where it is printable. */
  readonly vendorClass: string | undefined;
}

/** A message that gets no answer whatever the configuration says. */
export interface RejectedRequest {
  readonly kind: 'rejected';
  readonly reason: RejectionReason;
  readonly message: DhcpMessage;
  readonly link: Link;
}

export type DhcpRequest = ClientRequest | RejectedRequest;

const KINDS_BY_TYPE: ReadonlyMap<number, RequestKind> = new Map<number, RequestKind>([
  [MESSAGE_TYPE.discover, 'discover'],
  [MESSAGE_TYPE.request, 'selecting'],
  [MESSAGE_TYPE.decline, 'decline'],
  [MESSAGE_TYPE.release, 'release'],
  [MESSAGE_TYPE.inform, 'inform'],
]);

const TYPES_OF_SERVERS: readonly (number | undefined)[] = [
  MESSAGE_TYPE.offer,
  MESSAGE_TYPE.ack,
  MESSAGE_TYPE.nak,
];

const decoder = new TextDecoder();

const SERVER_PORT = 67;
const IP_AND_UDP_HEADER = 28;
const LEAST_MESSAGE_SIZE = 576;

/** Reads a message once; an option of a wrong length counts as not sent (RFC 2132). */
export function describeRequest(message: DhcpMessage, link: Link, sourcePort = SERVER_PORT): DhcpRequest {
  const { options, htype, hlen } = message;
  const reject = (reason: RejectionReason): RejectedRequest => ({ kind: 'rejected', reason, message, link });
  if (message.op !== BOOTREQUEST) return reject('not-a-request');
  if (htype === 0) return reject('no-hardware-type');
  const clientId = atLeast(options.get(OPTION.clientIdentifier), 2);
  if (hlen === 0 && clientId === undefined) return reject('no-client-identity');
  const kind = kindOf(message);
  if (kind === 'bad-message-type' || kind === 'unsupported-message-type') return reject(kind);
  const requestedAddress = addressAskedFor(kind, message);
  if (requestedAddress === undefined && kind !== 'discover' && kind !== 'inform' && kind !== 'bootp') {
    return reject('no-address');
  }
  const hardwareAddress = message.chaddr.subarray(0, hlen);
  const cardKey = hardwareClientKey(htype, hardwareAddress);
  const relayInformation = options.get(OPTION.relayAgentInformation);
  const client = describeBootClient(options);
  return {
    kind,
    message,
    link,
    clientId,
    clientKey: clientId === undefined ? cardKey : clientKeyOf(clientId, htype, hardwareAddress),
    cardKey,
    hardwareAddress,
    mac: ethernetAddress(htype, hardwareAddress),
    requestedAddress,
    serverIdentifier: addressIn(options.get(OPTION.serverIdentifier)),
    requestedLeaseSeconds: numberIn(options.get(OPTION.leaseTime), 4),
    parameterList: atLeast(options.get(OPTION.parameterRequestList), 1),
    maximumLength: maximumLengthOf(kind, message, link),
    wantsBroadcast: (message.flags & BROADCAST_FLAG) !== 0,
    relayAgentInformation: relayInformation && describeRelayAgentInformation(relayInformation),
    relayAddress: message.giaddr === UNSPECIFIED_IPV4 ? undefined : message.giaddr,
    sourcePort,
    firmware: {
      architecture: client.architectureCodes.map(architectureFromCode).find((known) => known !== undefined),
      isIpxe: client.isIpxe,
      isHttpClient: client.vendorClass === 'HTTPClient',
      isPxeClient: client.vendorClass === 'PXEClient' || options.has(OPTION.clientSystemArchitecture),
    },
    machineUuid: client.machineUuid,
    hostname: printable(options.get(OPTION.hostName)),
    vendorClass: printable(options.get(OPTION.vendorClassIdentifier)),
  };
}

function kindOf({
  options,
  ciaddr,
}: DhcpMessage): RequestKind | 'bad-message-type' | 'unsupported-message-type' {
  const value = options.get(OPTION.messageType);
  if (value === undefined) return 'bootp';
  if (value.length !== 1) return 'bad-message-type';
  const type = value[0];
  const kind = KINDS_BY_TYPE.get(type ?? 0);
  if (kind === undefined) {
    return type === 0 || TYPES_OF_SERVERS.includes(type) ? 'bad-message-type' : 'unsupported-message-type';
  }
  if (kind !== 'selecting' || addressIn(options.get(OPTION.serverIdentifier)) !== undefined) return kind;
  return ciaddr === UNSPECIFIED_IPV4 ? 'init-reboot' : 'renewing';
}

function addressAskedFor(kind: RequestKind, { options, ciaddr }: DhcpMessage): Ipv4 | undefined {
  const requested = addressIn(options.get(OPTION.requestedAddress));
  const current = ciaddr === UNSPECIFIED_IPV4 ? undefined : ciaddr;
  switch (kind) {
    case 'discover':
    case 'init-reboot':
    case 'decline':
      return requested;
    // Some clients put the address that they select into ciaddr alone.
    case 'selecting':
      return requested ?? current;
    case 'renewing':
    case 'release':
    case 'inform':
      return current;
    case 'bootp':
      return undefined;
  }
}

function addressIn(value: Uint8Array | undefined): Ipv4 | undefined {
  return value && ipv4FromBytes(value);
}

function numberIn(value: Uint8Array | undefined, length: number): number | undefined {
  if (value?.length !== length) return undefined;
  return value.reduce((sum, octet) => sum * 256 + octet, 0);
}

function atLeast(value: Uint8Array | undefined, length: number): Uint8Array | undefined {
  return value !== undefined && value.length >= length ? value : undefined;
}

/**
 * Option 57 counts the whole IP datagram, and less than 576 cannot be meant (RFC 2132 section 9.10); OVMF sends 65280. A BOOTP
 * client has room for 64 octets of options and no more (RFC 951 section 3).
 */
function maximumLengthOf(kind: RequestKind, { options }: DhcpMessage, link: Link): number {
  if (kind === 'bootp') return MINIMUM_LENGTH;
  const size = numberIn(options.get(OPTION.maximumMessageSize), 2);
  if (size === undefined) return DEFAULT_MAXIMUM_LENGTH;
  return Math.max(Math.min(size, link.mtu), LEAST_MESSAGE_SIZE) - IP_AND_UDP_HEADER;
}

function printable(value: Uint8Array | undefined): string | undefined {
  if (value === undefined) return undefined;
  // Windows ends its texts with a NUL, which RFC 2132 section 2 allows a receiver to find.
  const text = decoder.decode(value).replace(/\0+$/, '');
  return text === '' || /[\p{Cc}\ufffd]/u.test(text) ? undefined : text;
}
