import { SERVER_ADDRESS } from './namespaces.ts';
import { decodeDhcp, decodeTftp, type UdpPacket } from './packets.ts';

const TFTP_PORT = 69;
const CLIENT_PORT = 68;
/** Requested address and server identifier: what was offered, and not what kind of client asks. */
const OFFERED_OPTIONS: ReadonlySet<number> = new Set([50, 54]);

/**
 * What a machine asked for until it had its last file, one line a request, in its order: DHCP messages with their options
 * as they stand in the packet, TFTP requests with theirs, and the errors with which a client ends a transfer. What it sent
 * again stands there once. `flags` is left out: a probe has to ask for broadcasts, since its card is not the machine's.
 */
export function bootRequests(packets: readonly UdpPacket[]): readonly string[] {
  const lines = packets.flatMap(requestLine);
  const end = lines.findLastIndex((line) => line.startsWith('RRQ'));
  return lines.slice(0, end + 1).filter((line, at, all) => line !== all[at - 1]);
}

function requestLine({ sourcePort, destination, destinationPort, payload }: UdpPacket): readonly string[] {
  if (sourcePort === CLIENT_PORT) {
    const message = decodeDhcp(payload);
    if (message === undefined) return [];
    const options = [...message.options].map(([code, value]) =>
      OFFERED_OPTIONS.has(code) ? `${code}` : `${code}=${value.toString('hex')}`,
    );
    return [`${message.type} ${options.join(' ')}`];
  }
  const packet = decodeTftp(payload);
  if (destinationPort === TFTP_PORT && packet?.kind === 'request') {
    const options = [...packet.options].map(([name, value]) => ` ${name}=${value}`);
    return [`RRQ ${packet.name}${options.join('')}`];
  }
  return packet?.kind === 'error' && destination === SERVER_ADDRESS
    ? [`ERROR ${packet.code} ${packet.message}`]
    : [];
}
