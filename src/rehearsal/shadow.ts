import { UNSPECIFIED_IPV4, type Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { NodeLookup } from '../boot/node.ts';
import { isOwn, judgeClaim, type Claim } from '../dhcp/claim.ts';
import { describeRequest, type ClientRequest } from '../dhcp/dhcp-request.ts';
import { DHCP_DEFAULTS, type DhcpSettings } from '../dhcp/dhcp-settings.ts';
import { bindLease, offerLease } from '../dhcp/lease-making.ts';
import type { LeaseTable } from '../dhcp/lease-table.ts';
import { boundLease, standingOffer } from '../dhcp/lease-table-view.ts';
import type { Link } from '../dhcp/link.ts';
import type { Outcome } from '../dhcp/outcome.ts';
import { respond } from '../dhcp/responder.ts';
import { findSubnet } from '../dhcp/subnet-selection.ts';
import { describeSituation, type DhcpView, type Situation } from '../dhcp/situation.ts';
import { BOOTREQUEST, type DhcpMessage } from '../wire/dhcp/dhcp-message.ts';
import { OPTION } from '../wire/dhcp/option-codes.ts';
import { formatOctets } from '../wire/dhcp/option-values.ts';
import { compareAnswers } from './compare-answers.ts';
import { classesOfReply, classOfRequest, ExchangeTable, transactionKey } from './exchange-table.ts';
import { type Finding, type Question } from './finding.ts';
import { describeReply, isBroadcast, type Delivery, type ObservedReply } from './observed-reply.ts';
import { SilenceSuspicions } from './silence-suspicions.ts';

/** What the shadow plays with. */
export interface ShadowParts {
  readonly settings: DhcpSettings;
  readonly nodes: NodeLookup;
  readonly isIgnored: (mac: Mac) => boolean;
  /** Those of the other server: what was imported, and from then on what its answers say. The shadow alone writes to it. */
  readonly leases: LeaseTable;
  /** The server whose place bootd is to take; undefined: on each wire, the one that is heard first. */
  readonly server: Ipv4 | undefined;
}

/** A wire that is listened to. */
export interface ShadowedWire {
  readonly link: Link;
  /** The other server runs on this host, so that all its replies pass here. */
  readonly isServersHost: boolean;
}

/** A DHCP message that passed. */
export interface PassedMessage {
  readonly wire: ShadowedWire;
  readonly message: DhcpMessage;
  readonly delivery: Delivery;
  readonly sourcePort: number;
}

/** What the shadow noticed. */
export type Notice =
  /** A request was answered, or nobody answered in time; without findings, bootd would have done the same. */
  | {
      readonly kind: 'compared';
      readonly machine: string;
      readonly question: Question;
      readonly wireName: string;
      readonly findings: readonly Finding[];
    }
  /** A server was heard for the first time on a wire: the one that is compared with, or another one. */
  | {
      readonly kind: 'server-heard';
      readonly server: Ipv4;
      readonly wireName: string;
      readonly isCompared: boolean;
    }
  /** A reply to nothing that was heard, or a second one. */
  | { readonly kind: 'unpaired' }
  /** More requests wait for answers than can be kept. */
  | { readonly kind: 'overflow' };

/** A request, and what bootd would have done about it at that moment. */
interface Played {
  readonly passed: PassedMessage;
  readonly request: ClientRequest;
  readonly outcome: Outcome;
  readonly requestedClaim: Claim | undefined;
}

/** What is known of the servers of one wire. */
interface WireMemory {
  /** The server that is compared with. */
  server: Ipv4 | undefined;
  readonly others: Set<Ipv4>;
  /** A reply to a machine's own address was heard, so a mirror port, or the host itself, shows all of them. */
  hearsUnicast: boolean;
}

/** Whoever forges option 54 must not fill the memory. */
const OTHERS_MAX = 64;

/**
 * Plays bootd in the place of another server, which does the talking: each request is decided as bootd would from the same
 * leases, the decision is held against the answer that passes, and the leases then follow that answer. Changes nothing but its own memory.
 */
export class Shadow {
  readonly #parts: ShadowParts;
  readonly #exchanges = new ExchangeTable<Played>();
  readonly #suspicions = new SilenceSuspicions();
  readonly #wires = new Map<string, WireMemory>();

  constructor(parts: ShadowParts) {
    this.#parts = parts;
  }

  /** Takes notice of a message. A bad one is for the caller to count: it does not come here. */
  hear(passed: PassedMessage, now: number): readonly Notice[] {
    if (passed.message.op === BOOTREQUEST) return this.#hearRequest(passed, now);
    const reply = describeReply(passed.message, passed.delivery);
    return reply === undefined ? [] : this.#hearReply(passed.wire, reply, now);
  }

  /** Requests that nobody answered in time. To be called every second or so. */
  passTime(now: number): readonly Notice[] {
    const { leases } = this.#parts;
    leases.advance(now);
    const unanswered = this.#exchanges
      .takeUnanswered(now)
      .flatMap((played) => this.#compareSilence(played, now));
    return [...unanswered, ...this.#suspicions.takeConfirmed(now)];
  }

  /** At the end: silences that would have waited for a second try. */
  conclude(): readonly Notice[] {
    return this.#suspicions.takeConfirmed(Infinity);
  }

  #hearRequest(passed: PassedMessage, now: number): readonly Notice[] {
    const played = this.#play(passed, now);
    if (played === undefined) return [];
    const { request, outcome } = played;
    const question = classOfRequest(request.kind);
    if (question === undefined) {
      // RELEASE and DECLINE have no answer; what bootd makes of them is what the other server does.
      this.#parts.leases.apply(outcome.changes, now);
      return [];
    }
    const key = transactionKey(passed.wire.link.name, passed.message);
    return this.#exchanges.add(key, question, played, now) ? [] : [{ kind: 'overflow' }];
  }

  #hearReply(wire: ShadowedWire, reply: ObservedReply, now: number): readonly Notice[] {
    const { name } = wire.link;
    const memory = this.#memoryOf(name);
    const heard = this.#noteServer(wire, memory, reply);
    const isCompared = memory.server === reply.server || this.#isOurPlace(wire, memory, reply.server);
    if (!isCompared) return heard;
    memory.hearsUnicast ||= !isBroadcast(reply.delivery);
    const key = transactionKey(name, reply.message);
    const waiting = this.#exchanges.take(key, classesOfReply(reply.type, reply.message));
    if (waiting === undefined) return [...heard, { kind: 'unpaired' }];
    // Before the first reply, nobody knows whose place bootd is to take.
    const isInPlace = waiting.request.link.serverAddress === this.#linkOf(wire).serverAddress;
    const played = (isInPlace ? undefined : this.#play(waiting.passed, now)) ?? waiting;
    const notice = this.#compare(played, reply, now);
    this.#follow(played, reply, now);
    const demoted = this.#suspicions.answered(notice.machine, notice.question);
    return [...heard, ...demoted, notice];
  }

  /** A host with several addresses is one server. */
  #isOurPlace({ link }: ShadowedWire, { server }: WireMemory, heard: Ipv4): boolean {
    return server !== undefined && link.addresses.includes(server) && link.addresses.includes(heard);
  }

  #noteServer({ link }: ShadowedWire, memory: WireMemory, { server }: ObservedReply): readonly Notice[] {
    if (memory.server === undefined) {
      memory.server = server;
      return [{ kind: 'server-heard', server, wireName: link.name, isCompared: true }];
    }
    const isKnown = memory.server === server || link.addresses.includes(server) || memory.others.has(server);
    if (isKnown || memory.others.size >= OTHERS_MAX) return [];
    memory.others.add(server);
    return [{ kind: 'server-heard', server, wireName: link.name, isCompared: false }];
  }

  #memoryOf(wireName: string): WireMemory {
    const present = this.#wires.get(wireName);
    if (present !== undefined) return present;
    const memory: WireMemory = { server: this.#parts.server, others: new Set(), hearsUnicast: false };
    this.#wires.set(wireName, memory);
    return memory;
  }

  /** The wire as bootd will see it from the other server's place: that server's address is its own. */
  #linkOf({ link }: ShadowedWire): Link {
    const { server } = this.#memoryOf(link.name);
    if (server === undefined || server === link.serverAddress) return link;
    return { ...link, serverAddress: server, addresses: [server, ...link.addresses] };
  }

  #play(passed: PassedMessage, now: number): Played | undefined {
    const { message, wire, sourcePort } = passed;
    const request = describeRequest(message, this.#linkOf(wire), sourcePort);
    if (request.kind === 'rejected') return undefined;
    const view = this.#view(now);
    this.#parts.leases.advance(now);
    const outcome = respond(request, view);
    const { requestedAddress } = request;
    const requestedClaim = requestedAddress && claimOf(requestedAddress, describeSituation(request, view));
    return { passed, request, outcome, requestedClaim };
  }

  #compare(played: Played, theirs: ObservedReply, now: number): Extract<Notice, { kind: 'compared' }> {
    const { request, outcome, requestedClaim, passed } = played;
    const situation = describeSituation(request, this.#view(now));
    const { yiaddr } = theirs.message;
    const own = outcome.kind === 'reply' ? outcome.message.yiaddr : UNSPECIFIED_IPV4;
    const findings = compareAnswers({
      request,
      theirs,
      ours: outcome,
      requestedClaim,
      claim: yiaddr === UNSPECIFIED_IPV4 ? undefined : claimOf(yiaddr, situation),
      oursIsKnown: isKnownTo(own, situation),
      isOfferedToOther: isOfferedToOther(yiaddr, situation),
      secondsLeft: secondsLeft(yiaddr, situation),
      hearsReplies: true,
    });
    return compared(request, passed.wire, findings);
  }

  #compareSilence(played: Played, now: number): readonly Notice[] {
    const { request, outcome, requestedClaim, passed } = played;
    const { link, isServersHost } = passed.wire;
    const reachesAll = request.wantsBroadcast && request.relayAddress === undefined;
    const findings = compareAnswers({
      request,
      theirs: undefined,
      ours: outcome,
      requestedClaim,
      claim: undefined,
      oursIsKnown: false,
      isOfferedToOther: false,
      secondsLeft: undefined,
      hearsReplies: isServersHost || reachesAll || this.#memoryOf(link.name).hearsUnicast,
    });
    const notice = compared(request, passed.wire, findings);
    return findings.some(({ verdict }) => verdict === 'differs')
      ? this.#suspicions.suspect(notice, now)
      : [notice];
  }

  /**
   * The leases are the other server's: they become what it said. An address of no configured network is none of them, or forged
   * replies could fill the memory.
   */
  #follow({ request }: Played, reply: ObservedReply, now: number): void {
    const { settings, leases } = this.#parts;
    const { yiaddr, options } = reply.message;
    const situation = describeSituation(request, this.#view(now));
    const { selected } = situation;
    if (selected === undefined || findSubnet(yiaddr, selected.network) === undefined) return;
    const seconds = secondsOf(options.get(OPTION.leaseTime));
    switch (reply.type) {
      case 'offer':
        leases.apply([offerLease(situation, yiaddr, settings.offerHoldSeconds, undefined)], now);
        return;
      case 'ack':
        leases.apply([bindLease(situation, yiaddr, seconds ?? DHCP_DEFAULTS.defaultLeaseSeconds)], now);
        return;
      case 'bootp':
        leases.apply([bindLease(situation, yiaddr, seconds)], now);
        return;
      case 'nak':
        return;
    }
  }

  #view(now: number): DhcpView {
    const { settings, leases, nodes, isIgnored } = this.#parts;
    return { now, settings, leases, nodes, isIgnored };
  }
}

/** Who is told of a finding: the card, else whatever names the client. */
export function machineOf({ mac, hardwareAddress, clientId }: ClientRequest): string {
  if (mac !== undefined) return mac;
  return formatOctets(hardwareAddress.length > 0 ? hardwareAddress : (clientId ?? new Uint8Array(0)));
}

function compared(
  request: ClientRequest,
  { link }: ShadowedWire,
  findings: readonly Finding[],
): Extract<Notice, { kind: 'compared' }> {
  return {
    kind: 'compared',
    machine: machineOf(request),
    question: request.kind,
    wireName: link.name,
    findings,
  };
}

function claimOf(address: Ipv4, situation: Situation): Claim | undefined {
  const { selected } = situation;
  return selected && judgeClaim(address, { ...situation, selected });
}

function isKnownTo(address: Ipv4, situation: Situation): boolean {
  const record = situation.view.leases.at(address);
  return [record?.lease, record?.offer].some((lease) => lease !== undefined && isOwn(lease, situation));
}

function isOfferedToOther(address: Ipv4, situation: Situation): boolean {
  const offer = standingOffer(situation.view.leases.at(address), situation.view.now);
  return offer !== undefined && !isOwn(offer, situation);
}

function secondsLeft(address: Ipv4, situation: Situation): number | undefined {
  const { leases, now } = situation.view;
  const lease = boundLease(leases.at(address), now);
  if (lease?.expiresAt === undefined || !isOwn(lease, situation)) return undefined;
  return (lease.expiresAt - now) / 1000;
}

function secondsOf(value: Uint8Array | undefined): number | undefined {
  return value?.length === 4 ? value.reduce((sum, octet) => sum * 256 + octet, 0) : undefined;
}
