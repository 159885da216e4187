import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { BootObserver, DhcpObservation } from '../boot/boot-observation.ts';
import type { ClientRequest } from '../dhcp/dhcp-request.ts';
import type { OutcomeFacts } from '../dhcp/outcome.ts';

/** Hears how each request of DHCP ended, after its reply has left. */
export interface DhcpObserver {
  /** A reply was sent. */
  replied(facts: OutcomeFacts, durationMs: number): void;
  /** There was none, for this reason. */
  silent(facts: OutcomeFacts, reason: string): void;
  /** There should have been one: it could not be kept, or not be sent. */
  failed(request: ClientRequest, reason: 'not-kept' | 'not-sent'): void;
  /** An address that was to be offered is in use. */
  conflict(mac: Mac | undefined, address: Ipv4, holder: Mac | undefined): void;
}

const NO_FIRMWARE = {
  architecture: undefined,
  isIpxe: false,
  isHttpClient: false,
  isPxeClient: false,
} as const;

/** Reasons of silence that say nothing about the machine: it will get its answer. */
const PASSING: ReadonlySet<string> = new Set(['conflict-check-under-way', 'released']);

/** Tells boot traces what DHCP did. Machines without an Ethernet card have none. */
export function traceDhcp(boots: BootObserver): DhcpObserver {
  return {
    replied(facts, durationMs) {
      const observation = describe(facts, undefined, durationMs);
      if (observation !== undefined) boots.observeDhcp(observation);
    },
    silent(facts, reason) {
      if (PASSING.has(reason)) return;
      const observation = describe(facts, reason, undefined);
      if (observation !== undefined) boots.observeDhcp(observation);
    },
    failed({ mac, kind, firmware, link, relayAddress, requestedAddress, serverIdentifier }, reason) {
      if (mac === undefined) return;
      boots.observeDhcp({
        mac,
        question: kind,
        reply: undefined,
        silence: reason,
        firmware,
        node: undefined,
        isKnown: false,
        interfaceName: link.name,
        relayAddress,
        address: requestedAddress,
        chosenServer: serverIdentifier,
        nextServer: undefined,
        bootFile: undefined,
        withheldBootFile: undefined,
        objection: undefined,
        hostname: undefined,
        machineUuid: undefined,
        durationMs: undefined,
      });
    },
    conflict(mac, address, holder) {
      if (mac !== undefined) boots.observeConflict({ mac, address, holder });
    },
  };
}

function describe(
  facts: OutcomeFacts,
  silence: string | undefined,
  durationMs: number | undefined,
): DhcpObservation | undefined {
  const { mac, requestKind } = facts;
  if (mac === undefined || requestKind === 'rejected') return undefined;
  return {
    mac,
    question: requestKind,
    reply: silence === undefined ? facts.replyType : undefined,
    silence,
    firmware: facts.firmware ?? NO_FIRMWARE,
    node: facts.node,
    isKnown: facts.node !== undefined || facts.reservation !== undefined,
    interfaceName: facts.interfaceName,
    relayAddress: facts.relayAddress,
    address: facts.address,
    chosenServer: facts.serverIdentifier,
    nextServer: facts.nextServer,
    bootFile: facts.bootFile,
    withheldBootFile: facts.withheldBootFile,
    objection: facts.objection,
    hostname: facts.hostname,
    machineUuid: facts.machineUuid,
    durationMs,
  };
}
