import { UNSPECIFIED_IPV4, type Ipv4 } from '../addr/ipv4.ts';
import { subnetMask } from '../addr/subnet.ts';
import {
  BOOTREPLY,
  BROADCAST_FLAG,
  EMPTY_MESSAGE,
  optionsThatDoNotFit,
  textField,
  type DhcpMessage,
} from '../wire/dhcp/dhcp-message.ts';
import { chooseBootFile, httpBootUrl, isUrl, type BootFileChoice } from './boot-file-choice.ts';
import type { LeaseChange } from './lease.ts';
import type { OutcomeFacts, Reply, ReplyType, Silence, SilenceReason } from './outcome.ts';
import { situationFacts, type DecidedFacts } from './outcome-facts.ts';
import { layoutNakOptions, layoutReplyOptions } from './reply-options.ts';
import { routeReply } from './reply-route.ts';
import { parameterOf, type ScopeChain } from './scope-parameters.ts';
import { serverAddressOf, serverIdentifierOf, type Situation } from './situation.ts';
import { findSubnet } from './subnet-selection.ts';

/** What a reply gives, as decided; everything else follows from the situation. */
export interface Grant {
  readonly type: Exclude<ReplyType, 'nak'>;
  /** yiaddr; undefined: the client has its address from elsewhere (INFORM, proxy). */
  readonly address: Ipv4 | undefined;
  /** The scopes that hold for the address, or for the client's own. */
  readonly chain: ScopeChain;
  /** Undefined: no lease is given. */
  readonly leaseSeconds: number | undefined;
  readonly changes: readonly LeaseChange[];
  readonly conflictCheck: Ipv4 | undefined;
  /** The reply is not about addresses: it tells a boot ROM what to load. */
  readonly asBootServer: boolean;
}

/** The reply that gives what was decided (RFC 2131 table 3). */
export function composeReply(situation: Situation, grant: Grant): Reply {
  const { request, view, machine } = situation;
  const { chain } = grant;
  const clientAddress = grant.address ?? (request.kind === 'inform' ? request.message.ciaddr : undefined);
  const source = serverAddressOf(situation, chain);
  const mayBoot = machine.nodePort?.port.pxeEnabled !== false;
  const httpRoot = httpBootUrl(view.settings.httpBoot, source);
  const choice: BootFileChoice = mayBoot
    ? chooseBootFile(chain, request.firmware, httpRoot)
    : { kind: 'none' };
  const bootFile = choice.kind === 'file' ? choice.name : undefined;
  const file = bootFile === undefined ? undefined : textField(bootFile, 'file');
  const subnet = subnetOf(situation, clientAddress);
  const serverName = parameterOf(chain, 'serverName');
  const siaddr = nextServerOf(chain, bootFile, source);
  const message = header(situation, {
    ciaddr: echoesClientAddress(situation) ? request.message.ciaddr : undefined,
    yiaddr: grant.address,
    siaddr,
    sname: serverName === undefined ? undefined : textField(serverName, 'sname'),
    file,
    options: layoutReplyOptions({
      type: grant.type,
      request,
      chain,
      spaceCarriers: view.settings.spaceCarriers,
      serverIdentifier: serverIdentifierOf(situation, chain),
      subnetMask: subnet && subnetMask(subnet),
      leaseSeconds: grant.leaseSeconds,
      hostName: machine.reservation?.hostName,
      boot: mayBoot
        ? {
            bootFile,
            inOption: bootFile !== undefined && file === undefined,
            isUrl: bootFile !== undefined && isUrl(bootFile),
            asBootServer: grant.asBootServer,
          }
        : undefined,
    }),
  });
  return finish(situation, grant.type, message, source, grant.changes, grant.conflictCheck, {
    address: clientAddress,
    subnet,
    leaseSeconds: grant.leaseSeconds,
    nextServer: siaddr === UNSPECIFIED_IPV4 ? undefined : siaddr,
    bootFile,
    withheldBootFile: choice.kind === 'withheld' ? choice.name : undefined,
  });
}

/** The reply that refuses `address`, and says why in words. */
export function composeNak(situation: Situation, address: Ipv4, objection: string): Reply {
  const { request, chain } = situation;
  const identifier = serverIdentifierOf(situation, chain);
  const message = header(situation, { options: layoutNakOptions(request, identifier, objection) });
  // The relay would unicast it to an address that the client must not use (RFC 2131 section 4.3.2).
  const flags = request.relayAddress === undefined ? message.flags : message.flags | BROADCAST_FLAG;
  return finish(situation, 'nak', { ...message, flags }, serverAddressOf(situation, chain), [], undefined, {
    address,
    subnet: subnetOf(situation, address),
    objection,
  });
}

/** No reply, and why. */
export function staySilent(
  situation: Situation,
  reason: SilenceReason,
  changes: readonly LeaseChange[] = [],
): Silence {
  const address = situation.request.requestedAddress;
  const facts = situationFacts(situation, { address, subnet: subnetOf(situation, address) });
  return { kind: 'silent', reason, changes, facts };
}

/** ciaddr stands in the replies to clients that have an address (RFC 2131 table 3, RFC 951 section 4). */
function echoesClientAddress({ request: { kind } }: Situation): boolean {
  return kind === 'renewing' || kind === 'inform' || kind === 'bootp';
}

/** The fields that a reply has from its request, and those of its own (RFC 2131 table 3). */
function header(situation: Situation, own: OwnFields): DhcpMessage {
  const { htype, hlen, xid, flags, giaddr, chaddr } = situation.request.message;
  return {
    op: BOOTREPLY,
    htype,
    hlen,
    hops: 0,
    xid,
    secs: 0,
    flags,
    ciaddr: own.ciaddr ?? UNSPECIFIED_IPV4,
    yiaddr: own.yiaddr ?? UNSPECIFIED_IPV4,
    siaddr: own.siaddr ?? UNSPECIFIED_IPV4,
    giaddr,
    chaddr,
    sname: own.sname ?? EMPTY_MESSAGE.sname,
    file: own.file ?? EMPTY_MESSAGE.file,
    hasCookie: true,
    options: own.options,
  };
}

type OwnFields = Partial<Pick<DhcpMessage, 'ciaddr' | 'yiaddr' | 'siaddr' | 'sname' | 'file'>> &
  Pick<DhcpMessage, 'options'>;

/** Where no next server is configured, boot files that are no URLs come from here: this server does TFTP as well. */
function nextServerOf(chain: ScopeChain, bootFile: string | undefined, server: Ipv4): Ipv4 {
  const configured = parameterOf(chain, 'nextServer');
  if (configured !== undefined) return configured;
  return bootFile === undefined || isUrl(bootFile) ? UNSPECIFIED_IPV4 : server;
}

function subnetOf({ selected }: Situation, address: Ipv4 | undefined): OutcomeFacts['subnet'] {
  if (selected === undefined) return undefined;
  const exact = address === undefined ? undefined : findSubnet(address, selected.network);
  return (exact ?? selected.subnet).subnet;
}

function finish(
  situation: Situation,
  type: ReplyType,
  message: DhcpMessage,
  source: Ipv4,
  changes: readonly LeaseChange[],
  conflictCheck: Ipv4 | undefined,
  facts: DecidedFacts,
): Reply {
  const { request, view, selected } = situation;
  const { maximumLength } = request;
  const droppedOptions = optionsThatDoNotFit(message, maximumLength);
  const { ciaddr } = request.message;
  return {
    kind: 'reply',
    message: droppedOptions.length === 0 ? message : without(message, droppedOptions),
    maximumLength,
    route: routeReply(request, {
      type,
      source,
      serverPort: view.settings.serverPort,
      clientPort: view.settings.clientPort,
      yiaddr: message.yiaddr,
      hasClientAddress: selected !== undefined && findSubnet(ciaddr, selected.network) !== undefined,
    }),
    changes,
    conflictCheck,
    facts: situationFacts(situation, facts, type, droppedOptions),
  };
}

function without(message: DhcpMessage, codes: readonly number[]): DhcpMessage {
  const options = new Map(message.options);
  for (const code of codes) options.delete(code);
  return { ...message, options };
}
