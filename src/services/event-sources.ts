import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { NodeUuid } from '../boot/node.ts';
import type { NodeCommand } from '../boot/node-registry.ts';
import { formatBootSummary, formatLastStep } from '../control/boot-documents.ts';
import { formatLeaseDocument } from '../control/lease-documents.ts';
import type { LeaseView } from '../control/lease-queries.ts';
import type { BootListener } from './boot-trace-service.ts';
import type { DhcpObserver } from './dhcp-observer.ts';
import type { EventHub } from './event-hub.ts';

/** Where a lease's event gets its document from. */
export interface LeaseEventFacts {
  readonly byAddress: (address: Ipv4) => LeaseView | undefined;
  readonly nodeOf: (mac: Mac) => NodeUuid | undefined;
}

/** Makes a `lease` event of every answer that gave, offered or took an address, once it has left. */
export function publishLeases(hub: EventHub, { byAddress, nodeOf }: LeaseEventFacts): DhcpObserver {
  const publish = (address: Ipv4 | undefined): void => {
    const view = address === undefined ? undefined : byAddress(address);
    if (view !== undefined) publishLease(hub, view, nodeOf);
  };
  return {
    replied({ replyType, address }) {
      if (replyType !== 'nak') publish(address);
    },
    silent({ address }, reason) {
      if (reason === 'released' || reason === 'declined') publish(address);
    },
    failed: () => undefined,
    conflict: (_mac, address) => publish(address),
  };
}

/** Makes a `lease` event of one lease. */
export function publishLease(hub: EventHub, view: LeaseView, nodeOf: LeaseEventFacts['nodeOf']): void {
  // Leases are values: what is formatted later is the lease as it was.
  hub.publish('lease', () => formatLeaseDocument(view, view.lease.mac && nodeOf(view.lease.mac)));
}

/** Makes a `boot` event of every change of a boot, with its last step. Costs nothing while nobody listens. */
export function publishBoots(hub: EventHub): BootListener {
  // A trace grows: whoever was away and is told later is told how the boot stands by then.
  return (view) =>
    hub.publish('boot', () => ({ ...formatBootSummary(view), step: formatLastStep(view.trace) ?? null }));
}

/** Makes a `node` event of every change of the nodes and profiles that was made durable. */
export function publishNodes(hub: EventHub): (command: NodeCommand) => void {
  return (command) => {
    const { kind } = command;
    const node = 'node' in command ? command.node.uuid : 'uuid' in command ? command.uuid : null;
    const profile = 'name' in command ? command.name : null;
    hub.publish('node', () => ({ change: kind, node, profile }));
  };
}

/** Both hear of everything, one after the other. */
export function bothObservers(first: DhcpObserver, second: DhcpObserver): DhcpObserver {
  return {
    replied(facts, durationMs) {
      first.replied(facts, durationMs);
      second.replied(facts, durationMs);
    },
    silent(facts, reason) {
      first.silent(facts, reason);
      second.silent(facts, reason);
    },
    failed(request, reason) {
      first.failed(request, reason);
      second.failed(request, reason);
    },
    conflict(mac, address, holder) {
      first.conflict(mac, address, holder);
      second.conflict(mac, address, holder);
    },
  };
}
