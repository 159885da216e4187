import { BROADCAST_IPV4, formatIpv4, LOOPBACK_IPV4, type Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { NodeLookup } from '../boot/node.ts';
import { describeRequest, type DhcpRequest } from '../dhcp/dhcp-request.ts';
import type { DhcpSettings } from '../dhcp/dhcp-settings.ts';
import { durableChanges, type LeaseChange } from '../dhcp/lease.ts';
import type { LeaseTable } from '../dhcp/lease-table.ts';
import type { OutcomeFacts, Reply, Silence, SilenceReason } from '../dhcp/outcome.ts';
import type { ReplyRoute } from '../dhcp/reply-route.ts';
import { conflictChanges } from '../dhcp/lease-making.ts';
import { respond } from '../dhcp/responder.ts';
import { allRanges } from '../dhcp/subnet-selection.ts';
import type { Clock } from '../io/clock.ts';
import { IoError } from '../io/io-error.ts';
import type { LinkFrameSender } from '../io/link-frame.ts';
import { OctetSlab } from '../io/octet-slab.ts';
import type { LeaseStore } from '../store/lease-store.ts';
import { StoreError } from '../store/store.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { decodeDhcpMessage, encodeDhcpMessage } from '../wire/dhcp/dhcp-message.ts';
import { WireError } from '../wire/wire-error.ts';
import { describeOutcome, describeReply } from './dhcp-log.ts';
import type { DhcpObserver } from './dhcp-observer.ts';
import type { DhcpWire } from './dhcp-wire.ts';
import type { DhcpWireSource } from './dhcp-wires.ts';
import type { Service } from './service.ts';

/** What the service works with. */
export interface DhcpServiceParts {
  /** Those of the start; see `adopt`. */
  readonly settings: DhcpSettings;
  /** Opened by start, so that a port that is taken stops the daemon before anything is promised. */
  readonly wires: DhcpWireSource;
  readonly leases: LeaseTable;
  readonly store: LeaseStore;
  readonly nodes: NodeLookup;
  /** Machines that get no answer for now, whoever they are; none, unless told otherwise. */
  readonly isIgnored?: (mac: Mac) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly observer?: DhcpObserver;
}

/** Requests that wait for a flush or a conflict check; beyond them a machine asks again, as it does anyway. */
const PENDING_MAX = 4096;

/** dhcpd waits this long for the answer to its ping (`ping-timeout`, dhcpd.conf(5)). */
const CONFLICT_TIMEOUT_MS = 1000;

/** Addresses that one request may find taken before it is left to the machine's next try. */
const CONFLICT_ROUNDS_MAX = 8;

/** How long requests that are under way may take when the daemon stops. */
const STOP_GRACE_MS = 2000;

const NOBODY = (): boolean => false;

const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff' as Mac;

/** Silence that an admin who asks "why does this machine not boot?" is looking for. */
const WORTH_KNOWING: ReadonlySet<string> = new Set<SilenceReason>([
  'no-subnet',
  'unknown-machine',
  'ignored-machine',
  'booting-not-allowed',
  'bootp-not-allowed',
  'no-free-address',
  'too-many-offers',
  'reservation-in-use',
]);

/** Where a reply comes from, and the port that it goes to. */
type ReplySource = Pick<ReplyRoute, 'source' | 'port'>;

/**
 * Answers DHCP and BOOTP: decode, decide, apply, check for strangers, commit, send. Every decision is taken by the pure room
 * `dhcp/`; this class keeps the order. Nothing that a datagram holds makes it throw.
 */
export class DhcpService implements Service {
  readonly name = 'dhcp';
  readonly #parts: DhcpServiceParts;
  /** Addresses that are being checked: a machine that asks again waits for the answer to its first question. */
  readonly #checks = new Set<Ipv4>();
  readonly #slab = new OctetSlab();
  #settings: DhcpSettings;
  #pending = 0;
  #stopping: Promise<void> | undefined;
  #onIdle: () => void = () => undefined;

  constructor(parts: DhcpServiceParts) {
    this.#parts = parts;
    this.#settings = parts.settings;
  }

  /** Where DHCP is not served although it should be; empty when all is well. */
  get problems(): readonly string[] {
    return this.#parts.wires.problems;
  }

  /** Rejects with IoError when a socket cannot be had, naming who holds its port. */
  async start(): Promise<void> {
    await this.#parts.wires.open((wire, bytes, sourcePort) => this.#receive(wire, bytes, sourcePort));
  }

  /**
   * Decides by other settings from the next request on. A reply that was decided already, and waits for its flush or for
   * a conflict check, is sent as it was decided.
   */
  adopt(settings: DhcpSettings): void {
    this.#settings = settings;
    this.#parts.leases.replaceRanges(allRanges(settings));
  }

  /** Hears no more requests, finishes those under way, and closes its sockets. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.#parts.wires.stopHearing();
    if (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        const giveUp = setTimeout(resolve, STOP_GRACE_MS);
        this.#onIdle = () => {
          clearTimeout(giveUp);
          resolve();
        };
      });
    }
    await this.#parts.wires.close();
  }

  #receive(wire: DhcpWire, bytes: Uint8Array, sourcePort: number): void {
    const { clock, metrics, logger } = this.#parts;
    if (this.#stopping !== undefined) return;
    const receivedAt = clock.monotonic();
    let request: DhcpRequest;
    try {
      request = describeRequest(decodeDhcpMessage(bytes), wire.link, sourcePort);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      metrics.dhcpPacketsReceived.inc({ type: 'malformed' });
      metrics.dhcpPacketsDropped.inc({ reason: error.reason });
      logger.debug(
        { event: EVENTS.dhcpPacketMalformed, interface: wire.link.name, reason: error.reason },
        error.message,
      );
      return;
    }
    metrics.dhcpPacketsReceived.inc({ type: request.kind });
    if (this.#pending >= PENDING_MAX) {
      metrics.dhcpPacketsDropped.inc({ reason: 'overload' });
      return;
    }
    void this.#serve(wire, request, receivedAt);
  }

  /** Never rejects: what cannot be answered is reported. */
  async #serve(wire: DhcpWire, request: DhcpRequest, receivedAt: number): Promise<void> {
    this.#pending += 1;
    try {
      await this.#answer(wire, request, receivedAt);
    } catch (error) {
      this.#reportFailure(wire, request, error);
    } finally {
      this.#pending -= 1;
      if (this.#pending === 0) this.#onIdle();
    }
  }

  async #answer(wire: DhcpWire, request: DhcpRequest, receivedAt: number): Promise<void> {
    for (let round = 0; round < CONFLICT_ROUNDS_MAX; round += 1) {
      const { leases, nodes, isIgnored = NOBODY, clock } = this.#parts;
      const settings = this.#settings;
      const now = clock.now();
      leases.advance(now);
      const outcome = respond(request, { now, settings, leases, nodes, isIgnored });
      if (outcome.kind === 'silent') {
        leases.apply(outcome.changes, now);
        await this.#keep(outcome.changes);
        this.#reportSilence(outcome);
        return;
      }
      if (this.#checks.has(outcome.message.yiaddr)) {
        this.#reportUnanswered(outcome.facts, 'conflict-check-under-way');
        return;
      }
      // Encoded first: what cannot be encoded must not become a promise.
      const datagram = encodeDhcpMessage(outcome.message, outcome.maximumLength, this.#slab.take);
      leases.apply(outcome.changes, now);
      if (outcome.conflictCheck !== undefined) {
        if (await this.#isTaken(wire, outcome.conflictCheck, outcome.facts.mac)) continue;
      }
      await this.#keep(outcome.changes);
      await this.#send(wire, datagram, outcome.route);
      this.#reportReply(outcome, receivedAt);
      return;
    }
    this.#parts.metrics.dhcpPacketsDropped.inc({ reason: 'addresses-taken-by-strangers' });
  }

  /** Whether somebody else answers on an address that was to be offered; then it is put aside. */
  async #isTaken(wire: DhcpWire, address: Ipv4, mac: Mac | undefined): Promise<boolean> {
    if (wire.conflicts === undefined) return false;
    this.#checks.add(address);
    try {
      const finding = await wire.conflicts.check(address, CONFLICT_TIMEOUT_MS, mac);
      if (finding !== 'in-use') return false;
    } finally {
      this.#checks.delete(address);
    }
    const { leases, clock, metrics, logger } = this.#parts;
    const now = clock.now();
    const changes = conflictChanges(address, this.#settings, now);
    leases.apply(changes, now);
    metrics.dhcpConflicts.inc();
    const stranger = wire.strangerOn(address);
    logger.warn(
      {
        event: EVENTS.dhcpConflictFound,
        interface: wire.link.name,
        address: formatIpv4(address),
        stranger,
      },
      `${formatIpv4(address)} should be free and answers; it is put aside`,
    );
    this.#parts.observer?.conflict(mac, address, stranger);
    await this.#keep(changes);
    return true;
  }

  /** Resolves when every promise among the changes is on stable storage; undefined where there is none, as in an offer. */
  #keep(changes: readonly LeaseChange[]): Promise<void> | undefined {
    const promises = durableChanges(changes);
    return promises.length > 0 ? this.#parts.store.commit(promises) : undefined;
  }

  #send(wire: DhcpWire, datagram: Uint8Array, route: ReplyRoute): Promise<void> | undefined {
    switch (route.kind) {
      case 'relay':
      case 'unicast-client':
      case 'boot-server':
        return wire.port.send(datagram, route.address, route.port);
      case 'unicast-hardware':
        if (wire.frames === undefined) return this.#broadcast(wire, datagram, route);
        this.#sendFrame(wire.frames, datagram, { ...route, to: route.address });
        return undefined;
      case 'broadcast':
        return this.#broadcast(wire, datagram, route);
    }
  }

  /** The kernel takes the interface's first address as source; where it must be another one, a frame carries it. */
  #broadcast(wire: DhcpWire, datagram: Uint8Array, { source, port }: ReplySource): Promise<void> | undefined {
    const { link, frames } = wire;
    if (link.isLoopback) return wire.port.send(datagram, LOOPBACK_IPV4, port);
    if (source === link.serverAddress || frames === undefined) {
      return wire.port.send(datagram, BROADCAST_IPV4, port);
    }
    this.#sendFrame(frames, datagram, { source, port, to: BROADCAST_IPV4, mac: BROADCAST_MAC });
    return undefined;
  }

  #sendFrame(
    frames: LinkFrameSender,
    payload: Uint8Array,
    { source, port, to, mac }: ReplySource & { readonly to: Ipv4; readonly mac: Mac },
  ): void {
    frames.send({
      destinationMac: mac,
      sourceAddress: source,
      destinationAddress: to,
      sourcePort: this.#settings.serverPort,
      destinationPort: port,
      payload,
    });
  }

  #reportReply({ facts }: Reply, receivedAt: number): void {
    const { metrics, clock, logger } = this.#parts;
    const type = facts.replyType ?? 'bootp';
    const ms = clock.monotonic() - receivedAt;
    metrics.dhcpReplies.inc({ type });
    metrics.dhcpReplySeconds.observe(ms / 1000);
    this.#parts.observer?.replied(facts, ms);
    if (!logger.isLevelEnabled('info')) return;
    logger.info(
      { event: EVENTS.dhcpReplySent, type, ...describeOutcome(facts), ms: Math.round(ms * 100) / 100 },
      describeReply(facts),
    );
  }

  #reportSilence({ reason, facts }: Silence): void {
    const { logger } = this.#parts;
    if (reason === 'released') {
      logger.info(
        { event: EVENTS.leaseReleased, ...describeOutcome(facts), by: 'client' },
        'lease was given back',
      );
    } else if (reason === 'declined') {
      this.#parts.metrics.dhcpConflicts.inc();
      logger.warn(
        { event: EVENTS.leaseDeclined, ...describeOutcome(facts) },
        'a machine says that its address is used by somebody else',
      );
      this.#parts.observer?.silent(facts, reason);
    } else {
      this.#reportUnanswered(facts, reason);
    }
  }

  #reportUnanswered(facts: OutcomeFacts, reason: string): void {
    const { metrics, logger } = this.#parts;
    metrics.dhcpPacketsDropped.inc({ reason });
    this.#parts.observer?.silent(facts, reason);
    const level = WORTH_KNOWING.has(reason) ? 'info' : 'debug';
    if (!logger.isLevelEnabled(level)) return;
    logger[level](
      { event: EVENTS.dhcpRequestIgnored, ...describeOutcome(facts), reason },
      `no answer to ${facts.requestKind}: ${reason}`,
    );
  }

  #reportFailure(wire: DhcpWire, request: DhcpRequest, error: unknown): void {
    const { metrics, logger } = this.#parts;
    const facts = {
      event: EVENTS.dhcpReplyFailed,
      interface: wire.link.name,
      request: request.kind,
      mac: request.kind === 'rejected' ? undefined : request.mac,
    };
    if (error instanceof StoreError) {
      // The store's own log line says what is wrong; this one says who has to wait.
      metrics.dhcpPacketsDropped.inc({ reason: 'not-kept' });
      if (request.kind !== 'rejected') this.#parts.observer?.failed(request, 'not-kept');
      logger.warn({ ...facts, reason: error.code }, 'no reply, since the lease could not be kept');
    } else if (error instanceof IoError || error instanceof WireError) {
      metrics.dhcpPacketsDropped.inc({ reason: 'not-sent' });
      if (request.kind !== 'rejected') this.#parts.observer?.failed(request, 'not-sent');
      logger.warn({ ...facts, reason: error.message }, 'the reply could not be sent');
    } else {
      metrics.dhcpPacketsDropped.inc({ reason: 'internal-error' });
      logger.error({ ...facts, err: error }, 'a mistake of our own: please report it');
    }
  }
}
