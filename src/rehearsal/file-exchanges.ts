import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { decodeTftpPacket, type TftpPacket, type TftpRequest } from '../wire/tftp/tftp-packet.ts';
import type { FileAnswer } from './compare-files.ts';

/** A UDP datagram of TFTP. */
export interface FileDatagram {
  readonly source: Ipv4;
  readonly sourcePort: number;
  readonly destination: Ipv4;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

/** A read request, and what the other server made of it. */
export interface AnsweredFile {
  readonly client: Ipv4;
  readonly name: string;
  readonly answer: FileAnswer;
}

interface WaitingFile {
  readonly client: Ipv4;
  readonly server: Ipv4;
  readonly name: string;
  readonly dueAt: number;
}

/** in.tftpd under xinetd is started for the first request; clients ask again within this time. */
const ANSWER_WITHIN_MS = 5000;

const WAITING_MAX = 4096;

/** What a DATA packet holds when nothing else was agreed upon (RFC 1350). */
const BLOCK_SIZE = 512;

/** Read requests that wait for their first answer, which tells whether the file is served, and as a rule its size. */
export class FileExchanges {
  readonly #requestPort: number;
  readonly #waiting = new Map<string, WaitingFile>();

  /** `requestPort`: where requests go, 69. */
  constructor(requestPort: number) {
    this.#requestPort = requestPort;
  }

  /** Takes notice of a datagram; returns what a request was answered with, once. */
  hear(datagram: FileDatagram, now: number): AnsweredFile | undefined {
    const packet = decodeTftpPacket(datagram.payload);
    if (datagram.destinationPort === this.#requestPort) {
      if (packet.kind === 'request' && packet.direction === 'read') this.#expect(datagram, packet, now);
      return undefined;
    }
    const key = keyOf(datagram.destination, datagram.destinationPort);
    const waiting = this.#waiting.get(key);
    const answer = waiting?.server === datagram.source ? answerIn(packet) : undefined;
    if (waiting === undefined || answer === undefined) return undefined;
    this.#waiting.delete(key);
    return { client: waiting.client, name: waiting.name, answer };
  }

  /** Requests that nobody answered in time. */
  takeUnanswered(now: number): readonly AnsweredFile[] {
    const unanswered: AnsweredFile[] = [];
    for (const [key, { client, name, dueAt }] of this.#waiting) {
      if (dueAt > now) continue;
      this.#waiting.delete(key);
      unanswered.push({ client, name, answer: { kind: 'silent' } });
    }
    return unanswered;
  }

  #expect({ source, sourcePort, destination }: FileDatagram, { name }: TftpRequest, now: number): void {
    const key = keyOf(source, sourcePort);
    if (!this.#waiting.has(key) && this.#waiting.size >= WAITING_MAX) return;
    this.#waiting.set(key, { client: source, server: destination, name, dueAt: now + ANSWER_WITHIN_MS });
  }
}

/** Undefined for what is no first answer to a read request. */
function answerIn(packet: TftpPacket): FileAnswer | undefined {
  switch (packet.kind) {
    case 'error':
      return { kind: 'refused', code: packet.code, message: packet.message };
    case 'oack': {
      const size = packet.options.find(({ name }) => name.toLowerCase() === 'tsize')?.value;
      return { kind: 'served', octets: size !== undefined && /^\d+$/.test(size) ? Number(size) : undefined };
    }
    case 'data': {
      const { length } = packet.data;
      return packet.block === 1
        ? { kind: 'served', octets: length < BLOCK_SIZE ? length : undefined }
        : undefined;
    }
    default:
      return undefined;
  }
}

function keyOf(address: Ipv4, port: number): string {
  return `${formatIpv4(address)}:${port}`;
}
