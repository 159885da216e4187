import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { escapeControlBytes } from '../tftp/control-bytes.ts';
import type { DataPeer } from './tftp-messages.ts';

/** The wording of in.tftpd's log lines, which admins search for. */

/** Address of a peer as in.tftpd writes it, without the port. */
export function formatTftpPeer(address: Ipv4 | string): string {
  return typeof address === 'string' ? address : formatIpv4(address);
}

/** `RRQ from ADDR filename NAME`, or what it was remapped to. */
export function formatRequestLine(
  direction: 'read' | 'write',
  peer: DataPeer,
  requested: string,
  mapped: string,
): string {
  const kind = direction === 'read' ? 'RRQ' : 'WRQ';
  const line = `${kind} from ${formatTftpPeer(peer.address)} filename ${escapeControlBytes(requested)}`;
  return requested === mapped ? line : `${line} remapped to ${escapeControlBytes(mapped)}`;
}

/** `sending NAK (CODE, TEXT) to ADDR`. */
export function formatRefusalLine(code: number, message: string, peer: DataPeer): string {
  return `sending NAK (${code}, ${escapeControlBytes(message)}) to ${formatTftpPeer(peer.address)}`;
}
