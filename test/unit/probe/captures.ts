import { readFileSync } from 'node:fs';
import { decodeFrame, decodeTftp, type UdpPacket } from '../../lab/packets.ts';

/** What clients sent and got in one recorded boot (test/golden/pxe), in order. */
export function readCapture(name: string): readonly UdpPacket[] {
  const file = readFileSync(new URL(`../../golden/pxe/${name}.pcap`, import.meta.url));
  const isNanoseconds = file.readUInt32LE(0) === 0xa1b23c4d;
  const packets: UdpPacket[] = [];
  for (let at = 24; at + 16 <= file.length;) {
    const length = file.readUInt32LE(at + 8);
    const atMs = file.readUInt32LE(at) * 1000 + file.readUInt32LE(at + 4) / (isNanoseconds ? 1e6 : 1e3);
    const packet = decodeFrame(file.subarray(at + 16, at + 16 + length), atMs);
    if (packet !== undefined) packets.push(packet);
    at += 16 + length;
  }
  return packets;
}

/** DHCP messages to the server. */
export function dhcpRequests(packets: readonly UdpPacket[]): readonly UdpPacket[] {
  return packets.filter(({ destinationPort }) => destinationPort === 67);
}

/** DHCP messages to the client. */
export function dhcpReplies(packets: readonly UdpPacket[]): readonly UdpPacket[] {
  return packets.filter(({ destinationPort }) => destinationPort === 68);
}

/** One TFTP request with what came of it, as `name options -> outcome`. */
export interface RecordedRequest {
  readonly name: string;
  /** `blksize=1432 tsize=0`, in the order sent. */
  readonly options: string;
  readonly refused: boolean;
  /** The ERROR by which the client itself ended the transfer. */
  readonly clientError: { readonly code: number; readonly message: string } | undefined;
  /** What the server said in tsize. */
  readonly size: number | undefined;
}

/** The TFTP requests in order. */
export function recordedRequests(packets: readonly UdpPacket[]): readonly RecordedRequest[] {
  return packets.flatMap((packet, at) => {
    const request = packet.destinationPort === 69 ? decodeTftp(packet.payload) : undefined;
    if (request?.kind !== 'request') return [];
    const later = packets.slice(at + 1);
    const next = later.findIndex((one) => one.sourcePort === packet.sourcePort && one.destinationPort === 69);
    const own = next < 0 ? later : later.slice(0, next);
    const answers = own
      .filter((one) => one.destinationPort === packet.sourcePort)
      .map(({ payload }) => decodeTftp(payload));
    const sent = own
      .filter((one) => one.sourcePort === packet.sourcePort)
      .map(({ payload }) => decodeTftp(payload));
    const oack = answers.find((one) => one?.kind === 'oack');
    const size = oack?.kind === 'oack' ? oack.options.get('tsize') : undefined;
    const clientError = sent.find((one) => one?.kind === 'error');
    return [
      {
        name: request.name,
        options: [...request.options].map(([name, value]) => `${name}=${value}`).join(' '),
        refused: answers.some((one) => one?.kind === 'error'),
        clientError:
          clientError?.kind === 'error'
            ? { code: clientError.code, message: clientError.message }
            : undefined,
        size: size === undefined ? undefined : Number(size),
      },
    ];
  });
}
