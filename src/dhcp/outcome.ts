import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { Subnet } from '../addr/subnet.ts';
import type { Firmware } from '../boot/firmware.ts';
import type { NodeUuid } from '../boot/node.ts';
import type { DhcpMessage } from '../wire/dhcp/dhcp-message.ts';
import type { RejectionReason, RequestKind } from './dhcp-request.ts';
import type { ClientKey, LeaseChange } from './lease.ts';
import type { ReplyRoute } from './reply-route.ts';

/** The kinds of reply; `bootp` is a BOOTREPLY without a message type. */
export type ReplyType = 'offer' | 'ack' | 'nak' | 'bootp';

/** Why a request gets no reply. The words are values of a metric's label. */
export type SilenceReason =
  | RejectionReason
  /** No subnet is configured for the wire, or for the relay, that it came from. */
  | 'no-subnet'
  /** `answer: known-machines`, and this is a stranger. */
  | 'unknown-machine'
  /** Ironic says to ignore this machine, in a file of `ironic.dnsmasq`. */
  | 'ignored-machine'
  | 'booting-not-allowed'
  | 'bootp-not-allowed'
  /** Every address that the client may have is taken. */
  | 'no-free-address'
  /** Offers to newcomers by this relay or interface fill their share of the ranges. */
  | 'too-many-offers'
  /** The machine's reserved address is still leased to another machine. */
  | 'reservation-in-use'
  /** The client talks to another server. */
  | 'other-server'
  /** There is something to object to, but this server has no authority for the network. */
  | 'not-authoritative'
  /** A lease that this server knows nothing of. */
  | 'unknown-lease'
  /** A RELEASE or DECLINE by somebody who does not have the address. */
  | 'not-the-holder'
  /** A RELEASE was followed; it has no answer (RFC 2131 section 4.3.4). */
  | 'released'
  /** A DECLINE was followed; it has no answer (RFC 2131 section 4.3.3). */
  | 'declined'
  /** A proxy, or boot server, answers nobody but boot ROMs, and only what concerns it. */
  | 'not-for-boot-server'
  | 'no-boot-file';

/** What a log line, a metric or a boot trace wants to know about one request and its outcome. */
export interface OutcomeFacts {
  readonly requestKind: RequestKind | 'rejected';
  readonly replyType: ReplyType | undefined;
  readonly xid: number;
  readonly mac: Mac | undefined;
  readonly hardwareAddress: Uint8Array;
  readonly clientKey: ClientKey | undefined;
  /** The interface that the request came in on. */
  readonly interfaceName: string;
  readonly relayAddress: Ipv4 | undefined;
  /** Option 54 of the request: the server that it is meant for. */
  readonly serverIdentifier: Ipv4 | undefined;
  readonly firmware: Firmware | undefined;
  readonly machineUuid: string | undefined;
  readonly hostname: string | undefined;
  readonly node: NodeUuid | undefined;
  readonly reservation: string | undefined;
  readonly classes: readonly string[];
  /** The address that was asked for, given, refused, declined or released. */
  readonly address: Ipv4 | undefined;
  readonly subnet: Subnet | undefined;
  readonly leaseSeconds: number | undefined;
  readonly nextServer: Ipv4 | undefined;
  readonly bootFile: string | undefined;
  /** A boot file that iPXE would have got, were it not iPXE itself: the site has no script for iPXE. */
  readonly withheldBootFile: string | undefined;
  /** The node is declared to boot by BIOS and its firmware is UEFI, or the other way round. */
  readonly bootModeMismatch: boolean;
  /** Codes of options that the reply had no room for. */
  readonly droppedOptions: readonly number[];
  /** Why a NAK was sent, in words. */
  readonly objection: string | undefined;
}

/**
 * What one request leads to. `changes` are to be applied at once, in memory, whatever else happens; those that
 * `durableChanges` picks must be on disk before the reply leaves.
 *
 * With `conflictCheck`, nobody may answer on that address: it is checked before the changes are made durable and the reply is
 * sent. If somebody does, `conflictChanges` are applied and made durable, and `respond` is called again.
 */
export type Outcome =
  | {
      readonly kind: 'reply';
      readonly message: DhcpMessage;
      /** For encodeDhcpMessage. */
      readonly maximumLength: number;
      readonly route: ReplyRoute;
      readonly changes: readonly LeaseChange[];
      readonly conflictCheck: Ipv4 | undefined;
      readonly facts: OutcomeFacts;
    }
  | {
      readonly kind: 'silent';
      readonly reason: SilenceReason;
      readonly changes: readonly LeaseChange[];
      readonly facts: OutcomeFacts;
    };

export type Reply = Extract<Outcome, { kind: 'reply' }>;
export type Silence = Extract<Outcome, { kind: 'silent' }>;
