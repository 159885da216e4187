import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import type { Firmware } from './firmware.ts';
import type { NodeUuid } from './node.ts';

/** What a machine asked of DHCP. The three kinds of DHCPREQUEST are told apart (RFC 2131 section 4.3.2). */
export type DhcpQuestion =
  'discover' | 'selecting' | 'init-reboot' | 'renewing' | 'decline' | 'release' | 'inform' | 'bootp';

/** A request of DHCP or BOOTP by a machine with an Ethernet card, and what became of it. */
export interface DhcpObservation {
  readonly mac: Mac;
  readonly question: DhcpQuestion;
  /** Undefined: silence, and `silence` says why. */
  readonly reply: 'offer' | 'ack' | 'nak' | 'bootp' | undefined;
  readonly silence: string | undefined;
  readonly firmware: Firmware;
  readonly node: NodeUuid | undefined;
  /** It is a node's port, or has a reservation. */
  readonly isKnown: boolean;
  readonly interfaceName: string;
  readonly relayAddress: Ipv4 | undefined;
  /** The address that was asked for, given, refused or declined. */
  readonly address: Ipv4 | undefined;
  /** Option 54 of the request: the server whose offer the machine takes. */
  readonly chosenServer: Ipv4 | undefined;
  readonly nextServer: Ipv4 | undefined;
  readonly bootFile: string | undefined;
  /** A boot file that iPXE did not get, since it would have loaded itself again. */
  readonly withheldBootFile: string | undefined;
  /** Why it got a NAK. */
  readonly objection: string | undefined;
  readonly hostname: string | undefined;
  /** Option 97. */
  readonly machineUuid: string | undefined;
  /** From the request to its reply. */
  readonly durationMs: number | undefined;
}

/** How files travel. */
export type FileProtocol = 'tftp' | 'http';

/** Where octets came from: the disk, rendered for a machine, or the site's default where the disk has nothing. */
export type FileSource = 'disk' | 'rendered' | 'fallback';

/**
 * How a transfer ended. `probed`: only the size was asked for (OVMF before each file; HTTP's HEAD); `closed`: the client
 * had seen enough (GRUB, when it tests for a file); `replaced`: it asked anew from the same port; `stopped`: bootd stopped, or
 * lost its interface.
 */
export type TransferEnding =
  'done' | 'probed' | 'closed' | 'aborted' | 'timeout' | 'truncated' | 'read-failed' | 'replaced' | 'stopped';

/** A file that is on its way to a machine. */
export interface FileStarted {
  readonly kind: 'started';
  readonly via: FileProtocol;
  readonly peer: Ipv4;
  /** Tells the transfers of one peer that run at the same time from each other; the same when it ends. */
  readonly transfer: string;
  /** As the machine asked for it. */
  readonly requested: string;
  /** Below the root, without a leading slash. */
  readonly path: string;
  readonly source: FileSource;
  /** The node that was rendered for, and which of its generations. */
  readonly node: NodeUuid | undefined;
  readonly generation: number | undefined;
  /** When a file on disk was last changed, milliseconds since 1970: which version of it was served. */
  readonly modifiedAt: number | undefined;
  /** Undefined where it is not known beforehand. */
  readonly size: number | undefined;
}

/** A transfer that ended. One whose start was not told is taken to have started `durationMs` ago. */
export interface FileEnded extends Omit<FileStarted, 'kind'> {
  readonly kind: 'ended';
  readonly ending: TransferEnding;
  /** Octets that the machine has for certain. */
  readonly bytes: number;
  readonly durationMs: number;
  /** Packets that were sent again; 0 for HTTP. */
  readonly retransmissions: number;
  /** The client's words when it gave up, or the operating system's code. */
  readonly detail: string | undefined;
}

/** A file that a machine did not get. */
export interface FileRefused {
  readonly kind: 'refused';
  readonly via: FileProtocol;
  readonly peer: Ipv4;
  readonly requested: string;
  /** What rules made of the name; the name as it was asked for where there are none. */
  readonly mapped: string;
  /** The last rule of the map-file that changed the name, counted as in.tftpd does, from 0. */
  readonly rule: number | undefined;
  /** A stable word: `not-found`, `permission-denied`, ... */
  readonly reason: string;
  /** What the machine was told. */
  readonly message: string;
}

/** What happens to one file, over TFTP or HTTP. */
export type FileObservation = FileStarted | FileEnded | FileRefused;

/** A boot configuration that could not be rendered, for whoever asked for it. */
export interface RenderingFailure {
  readonly peer: Ipv4;
  readonly path: string;
  /** With file and line of the template where they are known. */
  readonly reason: string;
}

/** An answer of a DHCP server that is not this one, to a machine on this wire. */
export interface ForeignReply {
  readonly mac: Mac;
  readonly server: Ipv4;
  readonly message: 'offer' | 'ack' | 'nak';
  readonly address: Ipv4 | undefined;
  readonly interfaceName: string;
}

/** An address that was to be offered and was found in use. */
export interface AddressConflict {
  readonly mac: Mac;
  readonly address: Ipv4;
  /** Who answered; undefined where the answer did not tell. */
  readonly holder: Mac | undefined;
}

/** Hears what happens to machines while they boot. No method throws, and none takes longer than some microseconds. */
export interface BootObserver {
  observeDhcp(observation: DhcpObservation): void;
  observeFile(observation: FileObservation): void;
  observeRenderingFailure(failure: RenderingFailure): void;
  observeForeignReply(reply: ForeignReply): void;
  observeConflict(conflict: AddressConflict): void;
}
