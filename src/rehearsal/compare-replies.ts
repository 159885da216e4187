import { formatIpv4, UNSPECIFIED_IPV4, type Ipv4 } from '../addr/ipv4.ts';
import type { Claim } from '../dhcp/claim.ts';
import type { ClientRequest } from '../dhcp/dhcp-request.ts';
import type { Reply } from '../dhcp/outcome.ts';
import type { ReplyRoute } from '../dhcp/reply-route.ts';
import { fieldText } from '../wire/dhcp/dhcp-message.ts';
import { OPTION } from '../wire/dhcp/option-codes.ts';
import { compareOptions } from './compare-options.ts';
import { find, NOTHING, type Explanation, type Finding } from './finding.ts';
import { isBroadcast, type Delivery, type ObservedReply } from './observed-reply.ts';

/** Two replies of the same type to one request. */
export interface ReplyComparison {
  readonly request: ClientRequest;
  readonly theirs: ObservedReply;
  readonly ours: Reply;
  /** What the address that the other server gave is to the client, by bootd's configuration and the leases seen so far. */
  readonly claim: Claim | undefined;
  /** Whether the address that bootd would give is one that the client has, had last, or is offered. */
  readonly oursIsKnown: boolean;
  /** Whether the address that the other server gave stands on offer to another client. */
  readonly isOfferedToOther: boolean;
  /** What is left of the lease that the client has; undefined: it has none. */
  readonly secondsLeft: number | undefined;
}

/** Field by field, option by option. */
export function compareReplies(comparison: ReplyComparison): readonly Finding[] {
  const { request, theirs, ours } = comparison;
  const fields = theirs.type === 'nak' ? [] : [...compareAddress(comparison), ...compareFields(comparison)];
  return [
    ...fields,
    ...compareDelivery(comparison),
    ...compareOptions({
      request,
      theirs: theirs.message.options,
      ours: ours.message.options,
      secondsLeft: comparison.secondsLeft,
      bootFileMoved: isBootFileMoved(comparison),
    }),
  ];
}

/**
 * yiaddr. Which free address of a range a newcomer gets is for each server to choose, so another one is no difference as long as
 * bootd could have given it; a reserved address, or one that no range of bootd's holds, is.
 */
function compareAddress(comparison: ReplyComparison): readonly Finding[] {
  const { request, theirs, ours, claim } = comparison;
  const their = theirs.message.yiaddr;
  const our = ours.message.yiaddr;
  if (their === our || isEquallyGood(comparison)) return [];
  const explanation = their === UNSPECIFIED_IPV4 ? undefined : explainAddress(claim, comparison);
  return [find(request.kind, 'yiaddr (address)', shownAddress(their), shownAddress(our), explanation)];
}

function isEquallyGood({ claim, oursIsKnown, theirs, isOfferedToOther }: ReplyComparison): boolean {
  if (theirs.message.yiaddr === UNSPECIFIED_IPV4 || isOfferedToOther) return false;
  switch (claim) {
    case 'offered':
    case 'held':
    case 'reserved':
      return true;
    case 'free':
    case 'former':
      return !oursIsKnown;
    default:
      return false;
  }
}

function explainAddress(
  claim: Claim | undefined,
  { isOfferedToOther, request: { clientId, clientKey } }: ReplyComparison,
): Explanation | undefined {
  if (isOfferedToOther) return 'offered-to-two';
  switch (claim) {
    case 'taken':
      return 'address-believed-taken';
    case 'free':
    case 'former':
      // To dhcpd, the card's own number as client identifier makes another client than the card without one.
      return clientId !== undefined && clientKey.startsWith('hw:')
        ? 'card-is-the-client'
        : 'other-address-known';
    case 'reserved-in-use':
      return 'reservation-in-use';
    default:
      return undefined;
  }
}

function compareFields(comparison: ReplyComparison): readonly Finding[] {
  const { request, theirs, ours } = comparison;
  const a = theirs.message;
  const b = ours.message;
  const findings: Finding[] = [];
  const compare = (aspect: string, their: string, our: string, explanation?: Explanation): void => {
    if (their !== our) findings.push(find(request.kind, aspect, their, our, explanation));
  };
  const byDefault =
    a.siaddr === UNSPECIFIED_IPV4 && b.siaddr === ours.route.source ? 'next-server-by-default' : undefined;
  compare('siaddr (next-server)', shownAddress(a.siaddr), shownAddress(b.siaddr), byDefault);
  compare('sname (server-name)', shownText(a.sname), shownText(b.sname));
  compare('file (filename)', shownText(a.file), shownText(b.file), explainFile(comparison));
  compare('ciaddr', shownAddress(a.ciaddr), shownAddress(b.ciaddr));
  compare('secs', String(a.secs), String(b.secs), 'secs-and-hops-zero');
  compare('hops', String(a.hops), String(b.hops), 'secs-and-hops-zero');
  return findings;
}

function explainFile(comparison: ReplyComparison): Explanation | undefined {
  const { theirs, ours } = comparison;
  const { withheldBootFile } = ours.facts;
  if (withheldBootFile !== undefined && fieldText(theirs.message.file) === withheldBootFile) {
    return 'no-binary-for-ipxe';
  }
  return isBootFileMoved(comparison) ? 'boot-file-in-its-field' : undefined;
}

/** dnsmasq leaves `file` empty for a client that asks for option 67; old ROMs read nothing but `file`. */
function isBootFileMoved({ theirs, ours }: ReplyComparison): boolean {
  const inOption = theirs.message.options.get(OPTION.bootfileName);
  const inField = fieldText(ours.message.file);
  return (
    inOption !== undefined &&
    inField !== '' &&
    fieldText(theirs.message.file) === '' &&
    fieldText(inOption) === inField
  );
}

/** Where the reply went. That of a server on another port than 68 or 67 is another one. */
function compareDelivery({ request, theirs, ours }: ReplyComparison): readonly Finding[] {
  const { delivery } = theirs;
  const { route } = ours;
  if (isSameWay(delivery, route)) return [];
  const explanation =
    request.kind === 'renewing' && isBroadcast(delivery) && route.kind === 'unicast-client'
      ? 'renewal-by-unicast'
      : undefined;
  return [find(request.kind, 'destination', shownDelivery(delivery), shownRoute(route), explanation)];
}

function isSameWay(delivery: Delivery, route: ReplyRoute): boolean {
  if (delivery.destinationPort !== route.port) return false;
  switch (route.kind) {
    case 'broadcast':
      return isBroadcast(delivery);
    // Of the address on offer there is a choice; that the reply went to it is what counts.
    case 'unicast-hardware':
      return !isBroadcast(delivery);
    case 'relay':
    case 'unicast-client':
    case 'boot-server':
      return delivery.destination === route.address;
  }
}

function shownDelivery(delivery: Delivery): string {
  const { destination, destinationPort } = delivery;
  return `${isBroadcast(delivery) ? 'broadcast' : formatIpv4(destination)} port ${destinationPort}`;
}

function shownRoute(route: ReplyRoute): string {
  const where = route.kind === 'broadcast' ? 'broadcast' : formatIpv4(route.address);
  return `${where} port ${route.port}`;
}

function shownAddress(address: Ipv4): string {
  return address === UNSPECIFIED_IPV4 ? NOTHING : formatIpv4(address);
}

function shownText(field: Uint8Array): string {
  return fieldText(field) || NOTHING;
}
