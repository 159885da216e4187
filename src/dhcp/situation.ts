import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { NodeLookup } from '../boot/node.ts';
import type { DhcpMessage } from '../wire/dhcp/dhcp-message.ts';
import { OPTION } from '../wire/dhcp/option-codes.ts';
import { findClasses } from './class-evaluation.ts';
import type { ClientRequest } from './dhcp-request.ts';
import { DHCP_DEFAULTS, type ClassSettings, type DhcpSettings } from './dhcp-settings.ts';
import { hardwareClientKey, type ClientKey } from './lease.ts';
import { boundLease, type LeaseTableView } from './lease-table-view.ts';
import { findMachine, type Machine } from './reservation.ts';
import { parameterOf, scopeChain, type ScopeChain } from './scope-parameters.ts';
import { selectNetwork, type SelectedNetwork } from './subnet-selection.ts';

/** What an answer is decided from, besides the request. Nothing in it is changed by deciding. */
export interface DhcpView {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly settings: DhcpSettings;
  readonly leases: LeaseTableView;
  readonly nodes: NodeLookup;
  /** Machines that whoever manages them wants without any answer for now. */
  readonly isIgnored: (mac: Mac) => boolean;
}

/** A request together with what the configuration, the nodes and the clock have to say about it. */
export interface Situation {
  readonly request: ClientRequest;
  readonly view: DhcpView;
  readonly machine: Machine;
  readonly classes: readonly ClassSettings[];
  /** Undefined: no subnet is configured for the client's wire. */
  readonly selected: SelectedNetwork | undefined;
  /** The scopes that hold before an address is chosen. */
  readonly chain: ScopeChain;
  /** Who the client is here; with `ignore-client-uids`, its card alone. */
  readonly client: ClientKey;
}

/** A situation on a configured network. */
export interface LocatedSituation extends Situation {
  readonly selected: SelectedNetwork;
}

/** Looks up everything about a request once. */
export function describeSituation(request: ClientRequest, view: DhcpView): Situation {
  const { settings, nodes } = view;
  const machine = findMachine(request, settings, nodes);
  const { firmware, hardwareAddress } = request;
  const classes =
    settings.classes.length === 0
      ? []
      : findClasses(settings.classes, {
          message: withRelayOfLease(request, view),
          isKnown: machine.isKnown,
        });
  const selected = selectNetwork(request, settings);
  const chain = scopeChain(settings, selected, machine, classes, firmware.isIpxe);
  const byCard = parameterOf(chain, 'ignoreClientUids') === true && hardwareAddress.length > 0;
  const client = byCard ? request.cardKey : request.clientKey;
  return { request, view, machine, classes, selected, chain, client };
}

/**
 * The message as classes see it. A renewal comes without the relay that the lease was made through: what that said then counts
 * again, or a class of machines behind one switch would be another one after half a lease (dhcpd's `stash-agent-options`).
 */
function withRelayOfLease(request: ClientRequest, { leases, now }: DhcpView): DhcpMessage {
  const { kind, message, relayAgentInformation, relayAddress, clientKey, cardKey } = request;
  if (kind !== 'renewing' || relayAgentInformation !== undefined || relayAddress !== undefined)
    return message;
  const lease = boundLease(leases.at(message.ciaddr), now);
  if (lease?.relayAgentInfo === undefined) return message;
  const isTheirs =
    lease.client === clientKey || cardKey === hardwareClientKey(lease.htype, lease.hardwareAddress);
  if (!isTheirs) return message;
  const options = new Map(message.options).set(OPTION.relayAgentInformation, lease.relayAgentInfo);
  return { ...message, options };
}

/** The scopes that hold for an address of the network. */
export function chainAt(situation: Situation, address: Ipv4): ScopeChain {
  const { view, selected, machine, classes, request } = situation;
  return scopeChain(view.settings, selected, machine, classes, request.firmware.isIpxe, address);
}

/** This server's own address: the configured one, or the interface's. It is the source of replies. */
export function serverAddressOf({ request }: Situation, chain: ScopeChain): Ipv4 {
  return parameterOf(chain, 'serverIdentifier') ?? request.link.serverAddress;
}

/**
 * What stands in option 54: the server's own address, or that of the relay that wants to stand for it (RFC 5107). Only a relay may
 * want that; a client can write option 82 itself.
 */
export function serverIdentifierOf(situation: Situation, chain: ScopeChain): Ipv4 {
  const { relayAddress, relayAgentInformation } = situation.request;
  const override = relayAddress === undefined ? undefined : relayAgentInformation?.serverIdentifierOverride;
  return override ?? serverAddressOf(situation, chain);
}

/** Whether option 54 names this server, by any of its names. */
export function namesThisServer(situation: Situation, identifier: Ipv4): boolean {
  const { request, chain } = situation;
  return identifier === serverIdentifierOf(situation, chain) || request.link.addresses.includes(identifier);
}

/** Whether this server may object to what other servers may have said. */
export function isAuthoritative({ chain }: Situation): boolean {
  return parameterOf(chain, 'authoritative') === true;
}

/** Seconds of a lease: what the client wishes, else the default, between minimum and maximum. */
export function leaseSecondsOf({ request }: Situation, chain: ScopeChain): number {
  const max = parameterOf(chain, 'maxLeaseSeconds') ?? DHCP_DEFAULTS.maxLeaseSeconds;
  // As in dhcpd, a minimum that is said wins over a lower maximum; its own of 300 s does not.
  const min = parameterOf(chain, 'minLeaseSeconds') ?? Math.min(DHCP_DEFAULTS.minLeaseSeconds, max);
  const wanted =
    request.requestedLeaseSeconds ??
    parameterOf(chain, 'defaultLeaseSeconds') ??
    DHCP_DEFAULTS.defaultLeaseSeconds;
  return Math.max(Math.min(wanted, max), min);
}
