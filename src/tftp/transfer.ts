import type { AgreedOptions } from './negotiation.ts';

/** in.tftpd sends a packet six times, at 0, 1, 3, 7, 15 and 31 times the interval, and gives up at 63. */
const ATTEMPTS = 6;

/** The last block whose number is its place in the file; the numbers go on with `rollover`. */
const LAST_PLAIN_BLOCK = 65_535;

/** A request that comes again within this time after progress is a retransmission and starts nothing new. */
const REPEAT_WITHIN_MS = 2000;

/**
 * One file on its way to one client. Blocks are counted from 1 without end; what stands in the 16 bits of a packet is
 * `wireBlock`. The fields are for the functions of this file to change and for everybody to read.
 */
export interface Transfer {
  readonly agreed: AgreedOptions;
  /** Whether the transfer starts with an OACK, to be answered with ACK 0, or with DATA 1. */
  readonly startsWithOack: boolean;
  /** The block that is shorter than the others, or empty; Infinity while it is not known (netascii). */
  lastBlock: number;
  /** Everything up to here has arrived; -1 while the ACK of the OACK, which has the number 0, is awaited. */
  acknowledged: number;
  /** The last block that was sent; the window is what lies between. */
  sent: number;
  /** How often the current packet or window was sent for want of an answer. */
  attempts: number;
  /** When the current packet or window is sent again; Infinity when the transfer is over. */
  deadline: number;
  /** When the client last got further. */
  progressAt: number;
  /** Packets that were sent again. */
  retransmissions: number;
  /** Whether a repeated ACK moves the window back: `used` and `resting` forbid it, for this window and the next. */
  rewind: 'ready' | 'used' | 'resting';
}

/** What is to be done now. `send-data` names blocks `first` to `last`, both included. */
export type TransferAction =
  | { readonly kind: 'wait' }
  | { readonly kind: 'send-oack' }
  | { readonly kind: 'send-data'; readonly first: number; readonly last: number }
  | { readonly kind: 'finish' }
  | { readonly kind: 'give-up' };

const WAIT: TransferAction = { kind: 'wait' };
const SEND_OACK: TransferAction = { kind: 'send-oack' };
const FINISH: TransferAction = { kind: 'finish' };
const GIVE_UP: TransferAction = { kind: 'give-up' };

/** The number of the last block of `size` octets: a multiple of the block size ends with an empty one. */
export function lastBlockOf(size: number, blockSize: number): number {
  return Math.floor(size / blockSize) + 1;
}

/** A transfer of `lastBlock` blocks (see `lastBlockOf`), to be begun with `startTransfer`. */
export function createTransfer(agreed: AgreedOptions, lastBlock: number, startsWithOack: boolean): Transfer {
  return {
    agreed,
    startsWithOack,
    lastBlock,
    acknowledged: startsWithOack ? -1 : 0,
    sent: 0,
    attempts: 0,
    deadline: Infinity,
    progressAt: 0,
    retransmissions: 0,
    rewind: 'ready',
  };
}

/** The first packet: the OACK, or DATA 1 (or the first window) when no option was agreed. */
export function startTransfer(transfer: Transfer, now: number): TransferAction {
  if (!transfer.startsWithOack) return advance(transfer, now);
  restartTimer(transfer, now);
  return SEND_OACK;
}

/** The block number as 16 bits hold it: after 65535 comes the agreed `rollover`, again and again. */
export function wireBlock(block: number, rollover: number): number {
  if (block <= LAST_PLAIN_BLOCK) return block;
  return rollover + ((block - LAST_PLAIN_BLOCK - 1) % (LAST_PLAIN_BLOCK + 1 - rollover));
}

/**
 * An ACK came. The end of the window sends the next one; an ACK inside the window says that the block after it was
 * lost, and the window starts again there (RFC 7440 section 4). Every other number is an old or an impossible one
 * and does nothing: answering old ACKs doubles every packet to the end (the Sorcerer's Apprentice).
 *
 * With windows, the ACK before the window is also how a client says that the window's first block was lost. It
 * moves the window back, but not twice, and not in the window after: a client that answers the doubled
 * blocks in its turn would keep the doubling going.
 */
export function acknowledge(transfer: Transfer, block: number, now: number): TransferAction {
  if (transfer.acknowledged < 0) {
    if (block !== 0) return WAIT;
    transfer.acknowledged = 0;
    return advance(transfer, now);
  }
  const { rollover, windowSize } = transfer.agreed;
  for (let candidate = transfer.sent; candidate > transfer.acknowledged; candidate--) {
    if (wireBlock(candidate, rollover) !== block) continue;
    transfer.retransmissions += transfer.sent - candidate;
    transfer.acknowledged = candidate;
    if (candidate >= transfer.lastBlock) return endTransfer(transfer);
    transfer.rewind = transfer.rewind === 'used' ? 'resting' : 'ready';
    return advance(transfer, now);
  }
  const repeated = block === wireBlock(transfer.acknowledged, rollover);
  if (!repeated || windowSize === 1 || transfer.rewind !== 'ready') return WAIT;
  transfer.rewind = 'used';
  return resendWindow(transfer);
}

/** The deadline may have passed: sends the same again, to wait twice as long, or gives up. */
export function expire(transfer: Transfer, now: number): TransferAction {
  if (now < transfer.deadline) return WAIT;
  if (transfer.attempts >= ATTEMPTS) {
    transfer.deadline = Infinity;
    return GIVE_UP;
  }
  transfer.deadline = now + transfer.agreed.retransmitMs * 2 ** transfer.attempts;
  transfer.attempts += 1;
  return resendWindow(transfer);
}

/**
 * Whether a request from the same peer for the same file belongs to this transfer. Requests and ACKs wait in two
 * sockets, so a resent request may be read after the ACKs that followed it, and must not start the transfer again.
 */
export function isRepeatedRequest(transfer: Transfer, now: number): boolean {
  return now - transfer.progressAt < REPEAT_WITHIN_MS;
}

/** Answers a repeated request: the first packet once more as long as the client has acknowledged nothing. */
export function repeatStart(transfer: Transfer): TransferAction {
  const untouched = transfer.acknowledged === (transfer.startsWithOack ? -1 : 0);
  return untouched ? resendWindow(transfer) : WAIT;
}

/** The end of a file of unknown length was found. What was to be sent behind it is not. */
export function foundEnd(transfer: Transfer, lastBlock: number): void {
  transfer.lastBlock = lastBlock;
  transfer.sent = Math.min(transfer.sent, lastBlock);
}

/** Ends the transfer, for whatever reason: nothing is sent any more. */
export function endTransfer(transfer: Transfer): TransferAction {
  transfer.deadline = Infinity;
  return FINISH;
}

/** Only here does the timer start anew: a client that gets no further is given up in the end, whatever it sends. */
function advance(transfer: Transfer, now: number): TransferAction {
  const first = transfer.acknowledged + 1;
  const last = Math.min(transfer.acknowledged + transfer.agreed.windowSize, transfer.lastBlock);
  transfer.sent = last;
  restartTimer(transfer, now);
  return { kind: 'send-data', first, last };
}

function restartTimer(transfer: Transfer, now: number): void {
  transfer.progressAt = now;
  transfer.attempts = 1;
  transfer.deadline = now + transfer.agreed.retransmitMs;
}

function resendWindow(transfer: Transfer): TransferAction {
  if (transfer.acknowledged < 0) {
    transfer.retransmissions += 1;
    return SEND_OACK;
  }
  transfer.retransmissions += transfer.sent - transfer.acknowledged;
  return { kind: 'send-data', first: transfer.acknowledged + 1, last: transfer.sent };
}
