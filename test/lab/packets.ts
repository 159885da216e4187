/**
 * A reader of what went over the wire, written apart from src/wire on purpose: the code under test must not be the
 * judge of its own octets.
 */

/** One UDP datagram as captured. */
export interface UdpPacket {
  /** Milliseconds since the epoch, with fractions. */
  readonly atMs: number;
  readonly ethernetSource: string;
  readonly ethernetDestination: string;
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
  readonly payload: Buffer;
}

export type DhcpMessageType =
  'bootp' | 'discover' | 'offer' | 'request' | 'decline' | 'ack' | 'nak' | 'release' | 'inform';

const DHCP_TYPES: readonly DhcpMessageType[] = [
  'bootp',
  'discover',
  'offer',
  'request',
  'decline',
  'ack',
  'nak',
  'release',
  'inform',
];

/** The fields of a DHCP message that tests look at, in RFC 2131's words. */
export interface DhcpSummary {
  readonly type: DhcpMessageType;
  readonly op: number;
  readonly xid: number;
  readonly flags: number;
  readonly ciaddr: string;
  readonly yiaddr: string;
  readonly siaddr: string;
  readonly chaddr: string;
  readonly file: string;
  readonly options: ReadonlyMap<number, Buffer>;
}

/** A TFTP packet; options in the order sent. */
export type TftpSummary =
  | {
      readonly kind: 'request';
      readonly name: string;
      readonly mode: string;
      readonly options: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'data' | 'ack'; readonly block: number }
  | { readonly kind: 'error'; readonly code: number; readonly message: string }
  | { readonly kind: 'oack'; readonly options: ReadonlyMap<string, string> };

const ETHERNET_HEADER = 14;

/** Reads an Ethernet frame; undefined when it is not a whole IPv4 UDP datagram. */
export function decodeFrame(frame: Buffer, atMs: number): UdpPacket | undefined {
  if (frame.length < ETHERNET_HEADER + 28 || frame.readUInt16BE(12) !== 0x0800 || frame[23] !== 17)
    return undefined;
  if ((frame.readUInt16BE(20) & 0x1fff) !== 0) return undefined;
  const udp = ETHERNET_HEADER + (frame.readUInt8(14) & 15) * 4;
  return {
    atMs,
    ethernetDestination: formatMac(frame.subarray(0, 6)),
    ethernetSource: formatMac(frame.subarray(6, 12)),
    source: formatAddress(frame, 26),
    destination: formatAddress(frame, 30),
    sourcePort: frame.readUInt16BE(udp),
    destinationPort: frame.readUInt16BE(udp + 2),
    payload: frame.subarray(udp + 8, udp + frame.readUInt16BE(udp + 4)),
  };
}

/** Reads a DHCP or BOOTP message; undefined when it is none. */
export function decodeDhcp(payload: Buffer): DhcpSummary | undefined {
  if (payload.length < 240 || payload.readUInt32BE(236) !== 0x63825363) return undefined;
  const options = new Map<number, Buffer>();
  for (let at = 240; at + 1 < payload.length && payload[at] !== 255;) {
    const code = payload.readUInt8(at);
    const length = payload.readUInt8(at + 1);
    if (code === 0) {
      at += 1;
      continue;
    }
    options.set(code, payload.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return {
    type: DHCP_TYPES[options.get(53)?.[0] ?? 0] ?? 'bootp',
    op: payload.readUInt8(0),
    xid: payload.readUInt32BE(4),
    flags: payload.readUInt16BE(10),
    ciaddr: formatAddress(payload, 12),
    yiaddr: formatAddress(payload, 16),
    siaddr: formatAddress(payload, 20),
    chaddr: formatMac(payload.subarray(28, 34)),
    file: terminated(payload.subarray(108, 236)),
    options,
  };
}

/** Reads a TFTP packet; undefined when it is none. */
export function decodeTftp(payload: Buffer): TftpSummary | undefined {
  if (payload.length < 4) return undefined;
  const words = payload.subarray(2).toString('latin1').split('\0');
  switch (payload.readUInt16BE(0)) {
    case 1:
    case 2:
      return { kind: 'request', name: words[0] ?? '', mode: words[1] ?? '', options: pairs(words.slice(2)) };
    case 3:
      return { kind: 'data', block: payload.readUInt16BE(2) };
    case 4:
      return { kind: 'ack', block: payload.readUInt16BE(2) };
    case 5:
      return { kind: 'error', code: payload.readUInt16BE(2), message: terminated(payload.subarray(4)) };
    case 6:
      return { kind: 'oack', options: pairs(words) };
    default:
      return undefined;
  }
}

/** What was asked for in one TFTP request, and the first packet that came back to its port. */
export interface TftpExchange {
  readonly request: Extract<TftpSummary, { kind: 'request' }>;
  readonly clientPort: number;
  readonly answer: TftpSummary | undefined;
  readonly answeredAfterMs: number | undefined;
  /** An ERROR that the client sent in return, such as OVMF's code 8 once it has seen the size. */
  readonly clientError: Extract<TftpSummary, { kind: 'error' }> | undefined;
}

/** The TFTP requests of a capture with their answers. DATA need not be in the capture. */
export function tftpExchanges(packets: readonly UdpPacket[]): readonly TftpExchange[] {
  return packets.flatMap((packet, index) => {
    const request = packet.destinationPort === 69 ? decodeTftp(packet.payload) : undefined;
    if (request?.kind !== 'request') return [];
    const rest = packets.slice(index + 1);
    // A client may use its port again: what follows the next request from there belongs to that one.
    const next = rest.findIndex((one) => one.sourcePort === packet.sourcePort && one.destinationPort === 69);
    const own = next === -1 ? rest : rest.slice(0, next);
    const answer = own.find((one) => one.destinationPort === packet.sourcePort);
    const clientError = own
      .filter((one) => one.sourcePort === packet.sourcePort)
      .map((one) => decodeTftp(one.payload))
      .find((one) => one?.kind === 'error');
    return [
      {
        request,
        clientPort: packet.sourcePort,
        answer: answer && decodeTftp(answer.payload),
        answeredAfterMs: answer && answer.atMs - packet.atMs,
        clientError,
      },
    ];
  });
}

/** A capture as text, one line a packet, times counted from the first one: what a failed boot prints. */
export function formatPackets(packets: readonly UdpPacket[]): string {
  const start = packets[0]?.atMs ?? 0;
  return packets
    .map((packet) => {
      const seconds = ((packet.atMs - start) / 1000).toFixed(3).padStart(8);
      const way = `${packet.source}:${packet.sourcePort} > ${packet.destination}:${packet.destinationPort}`;
      return `${seconds} ${way} ${formatPayload(packet)}`;
    })
    .join('\n');
}

function formatPayload(packet: UdpPacket): string {
  const dhcp = decodeDhcp(packet.payload);
  if (dhcp !== undefined) {
    const file = dhcp.file === '' ? '' : ` file=${dhcp.file}`;
    return `${dhcp.type} chaddr=${dhcp.chaddr} yiaddr=${dhcp.yiaddr}${file}`;
  }
  const tftp = decodeTftp(packet.payload);
  switch (tftp?.kind) {
    case 'request':
      return `RRQ ${tftp.name}${formatOptions(tftp.options)}`;
    case 'data':
    case 'ack':
      return `${tftp.kind} ${tftp.block}`;
    case 'error':
      return `ERROR ${tftp.code} ${tftp.message}`;
    case 'oack':
      return `OACK${formatOptions(tftp.options)}`;
    case undefined:
      return `${packet.payload.length} octets`;
  }
}

function formatOptions(options: ReadonlyMap<string, string>): string {
  return [...options].map(([name, value]) => ` ${name}=${value}`).join('');
}

function pairs(words: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (let at = 0; at + 1 < words.length; at += 2) {
    const name = words[at];
    if (name !== undefined && name !== '') found.set(name, words[at + 1] ?? '');
  }
  return found;
}

function terminated(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end === -1 ? bytes.length : end).toString('latin1');
}

function formatMac(bytes: Buffer): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Dotted quad of the four octets at an offset. */
export function formatAddress(bytes: Buffer, at: number): string {
  return [...bytes.subarray(at, at + 4)].join('.');
}
