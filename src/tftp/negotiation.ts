import { parseOptionNumber, type TftpOption } from '../wire/tftp/tftp-options.ts';
import { encodeTftpOack } from '../wire/tftp/tftp-packet.ts';

/** Modes of RFC 1350 that files are sent in; `mail` is not among them. */
export type TransferMode = 'octet' | 'netascii';

/** RFC 1350: what a client gets that asks for nothing. */
export const DEFAULT_BLOCK_SIZE = 512;

/** RFC 2348: no block is larger, whatever the MTU. */
export const BLOCK_SIZE_LIMIT = 65_464;

/** Octets of in.tftpd's buffer for an OACK; only a request full of repeated options comes near it. */
const OACK_SIZE_LIMIT = 65_468;

/** Headers before the data of a block: IPv4 or IPv6, UDP, TFTP. */
const HEADER_LENGTH = { ipv4: 20 + 8 + 4, ipv6: 40 + 8 + 4 } as const;

/** What the file and the settings allow. */
export interface NegotiationLimits {
  readonly mode: TransferMode;
  /** Octets of the file as octet mode sends it. */
  readonly size: number;
  readonly blockSizeMax: number;
  readonly windowSizeMax: number;
  /** Time until the first retransmission when the client does not ask for one of its own. */
  readonly retransmitMs: number;
}

/** How the two sides will go about the transfer. */
export interface AgreedOptions {
  readonly blockSize: number;
  /** Blocks that are sent before an ACK is due (RFC 7440); 1 is the lock step of RFC 1350. */
  readonly windowSize: number;
  readonly retransmitMs: number;
  /** The number that follows block 65535. */
  readonly rollover: number;
}

export type Negotiation =
  | {
      readonly kind: 'agreed';
      readonly agreed: AgreedOptions;
      /** The OACK that starts the transfer; undefined when no option was taken, and DATA 1 starts it. */
      readonly oack: Uint8Array | undefined;
    }
  | { readonly kind: 'refused'; readonly reason: 'bad-option' | 'options-too-long' };

/** The mode that a request asks for, in any case; undefined for an unknown one. */
export function parseTransferMode(text: string): TransferMode | undefined {
  const mode = text.toLowerCase();
  return mode === 'octet' || mode === 'netascii' ? mode : undefined;
}

/** Octets of DATA that fit into one packet on a wire of this MTU, so that no block is ever fragmented. */
export function blockSizeForMtu(mtu: number, family: 'ipv4' | 'ipv6'): number {
  return Math.min(Math.max(mtu - HEADER_LENGTH[family], DEFAULT_BLOCK_SIZE), BLOCK_SIZE_LIMIT);
}

/**
 * Goes through the options from left to right as in.tftpd does: what is unknown or no number is passed over, a known
 * option with a value out of its range refuses the request, each one taken is acknowledged in the client's
 * order and spelling. Beyond in.tftpd, `windowsize` (RFC 7440) is taken, for files of more than one block: OVMF and
 * iPXE ask for it with every small file too, and a window of one block says nothing.
 */
export function negotiate(options: readonly TftpOption[], limits: NegotiationLimits): Negotiation {
  let { retransmitMs } = limits;
  let blockSize = Math.min(DEFAULT_BLOCK_SIZE, limits.blockSizeMax);
  let windowSize = 1;
  let rollover = 0;
  const taken: TftpOption[] = [];
  for (const option of options) {
    const name = option.name.toLowerCase();
    const value = parseOptionNumber(option.value);
    if (value === undefined) continue;
    switch (name) {
      case 'blksize':
      case 'blksize2':
        if (value < 8n) return { kind: 'refused', reason: 'bad-option' };
        blockSize = chooseBlockSize(name, value, limits.blockSizeMax);
        taken.push({ name: option.name, value: String(blockSize) });
        break;
      case 'tsize':
        // Its length in netascii is not known before the last octet was converted.
        if (limits.mode === 'netascii') return { kind: 'refused', reason: 'bad-option' };
        taken.push({ name: option.name, value: String(value === 0n ? limits.size : value) });
        break;
      case 'timeout':
        if (value < 1n || value > 255n) return { kind: 'refused', reason: 'bad-option' };
        retransmitMs = Number(value) * 1000;
        taken.push({ name: option.name, value: String(value) });
        break;
      case 'utimeout':
        if (value < 10_000n || value > 255_000_000n) return { kind: 'refused', reason: 'bad-option' };
        retransmitMs = Number(value) / 1000;
        taken.push({ name: option.name, value: String(value) });
        break;
      case 'rollover':
        if (value > 65_535n) return { kind: 'refused', reason: 'bad-option' };
        rollover = Number(value);
        taken.push({ name: option.name, value: String(value) });
        break;
      case 'windowsize':
        // in.tftpd passes over this one, so a bad value must not become a refusal. Text goes block by block.
        if (value < 1n || value > 65_535n || limits.mode === 'netascii') break;
        windowSize = Math.min(Number(value), limits.windowSizeMax);
        taken.push({ name: option.name, value: String(windowSize) });
        break;
      default:
        break;
    }
  }
  const oneBlock = limits.mode === 'octet' && limits.size < blockSize;
  if (oneBlock) windowSize = 1;
  const acknowledged = oneBlock ? taken.filter(({ name }) => name.toLowerCase() !== 'windowsize') : taken;
  const oack = acknowledged.length === 0 ? undefined : encodeTftpOack(acknowledged);
  if (oack !== undefined && oack.length > OACK_SIZE_LIMIT) {
    return { kind: 'refused', reason: 'options-too-long' };
  }
  return { kind: 'agreed', agreed: { blockSize, windowSize, retransmitMs, rollover }, oack };
}

/** blksize2 is the power of two below; like in.tftpd, one above the maximum gives the maximum as it is. */
function chooseBlockSize(name: 'blksize' | 'blksize2', wanted: bigint, maximum: number): number {
  if (wanted > BigInt(maximum)) return maximum;
  const size = Number(wanted);
  return name === 'blksize' ? size : 2 ** Math.floor(Math.log2(size));
}
