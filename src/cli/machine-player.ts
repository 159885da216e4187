import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { formatIpv4, type Ipv4 } from '../addr/ipv4.ts';
import { IoError } from '../io/io-error.ts';
import type { NodeUdpPort } from '../io/node-udp-port.ts';
import type { BootOffer } from '../probe/boot-offer.ts';
import type { FileAnswer, FileSource } from '../probe/file-request.ts';
import { FirmwareClient, type FirmwareClientOptions, type FirmwareStep } from '../probe/firmware-client.ts';
import {
  TftpClient,
  type TftpClientStep,
  type TftpReadResult,
  type TftpTransferFacts,
} from '../probe/tftp-client.ts';
import { decodeDhcpMessage, encodeDhcpMessage, type DhcpMessage } from '../wire/dhcp/dhcp-message.ts';
import { WireError } from '../wire/wire-error.ts';

/** How a fetch went: what the loader is told, and what people want to know besides. */
export interface FetchReport {
  readonly answer: FileAnswer;
  readonly ms: number;
  /** Of what was received; undefined when nothing was. */
  readonly sha256: string | undefined;
  /** Undefined for HTTP, and for a refusal. */
  readonly transfer: TftpTransferFacts | undefined;
}

/** A message may be as long as a datagram; firmware is never told less by us. */
const LONGEST_MESSAGE = 65_535;

/** As much of a file is kept as a configuration can be long; of the others the beginning is enough. */
const CONTENT_LIMIT = 256 * 1024;

const TFTP_TIMES = { retransmitMs: 1000, attempts: 6 };
const HTTP_TIMEOUT_MS = 30_000;

/** Plays one DHCP exchange over a socket; every step is told to `onStep` as it happens. */
export async function playFirmware(
  port: NodeUdpPort,
  to: { readonly address: Ipv4; readonly port: number },
  options: FirmwareClientOptions,
  onStep: (step: FirmwareStep) => void,
): Promise<BootOffer | undefined> {
  const client = new FirmwareClient(options);
  let lease: BootOffer | undefined;
  const act = (steps: readonly FirmwareStep[]): void => {
    for (const step of steps) {
      if (step.kind === 'bound') lease = step.lease;
      onStep(step);
    }
  };
  await converse(port, client, {
    steps: (bytes, now) => {
      const message = tryDecode(bytes);
      return message === undefined ? [] : client.receive(message, now);
    },
    wake: (now) => client.wake(now),
    start: (now) => client.start(now),
    act,
    datagramOf: (step) =>
      step.kind === 'send' ? { bytes: encodeDhcpMessage(step.message, LONGEST_MESSAGE), ...to } : undefined,
  });
  return lease;
}

/** Fetches one file as its source says. Never rejects for what the server does; IoError for what this host cannot do. */
export async function fetchFile(
  source: FileSource,
  from: Ipv4,
  openTransfer: () => Promise<NodeUdpPort>,
  tftpPort: number,
): Promise<FetchReport> {
  if (source.kind === 'http') return fetchByHttp(source.method, source.url, from);
  const port = await openTransfer();
  try {
    return await fetchByTftp(port, source, tftpPort);
  } finally {
    await port.close();
  }
}

async function fetchByTftp(
  port: NodeUdpPort,
  source: FileSource & { readonly kind: 'tftp' },
  tftpPort: number,
): Promise<FetchReport> {
  const client = new TftpClient(source.request, TFTP_TIMES);
  const received = new ReceivedContent();
  const startedAt = performance.now();
  let result: TftpReadResult = { kind: 'failed', reason: 'nothing happened' };
  await converse<TftpClientStep>(port, client, {
    steps: (bytes, now, peer) =>
      peer.address === source.server ? client.receive(bytes, peer.port, now) : [],
    wake: (now) => client.wake(now),
    start: (now) => client.start(now),
    act: (steps) => {
      for (const step of steps) {
        if (step.kind === 'data') received.add(step.octets);
        else if (step.kind === 'done') result = step.result;
      }
    },
    datagramOf: (step) =>
      step.kind === 'send'
        ? { bytes: step.bytes, address: source.server, port: step.to === 'server' ? tftpPort : step.to }
        : undefined,
  });
  return reportOf(result, received, performance.now() - startedAt);
}

function reportOf(result: TftpReadResult, received: ReceivedContent, ms: number): FetchReport {
  switch (result.kind) {
    case 'received': {
      const answer: FileAnswer = { kind: 'served', octets: result.octets, content: received.content() };
      return { answer, ms, sha256: received.sha256(), transfer: result.transfer };
    }
    case 'aborted': {
      const answer: FileAnswer = { kind: 'aborted', octets: result.size, content: received.content() };
      return { answer, ms, sha256: undefined, transfer: result.transfer };
    }
    case 'refused': {
      const answer: FileAnswer = { kind: 'refused', reason: `ERROR ${result.code} "${result.message}"` };
      return { answer, ms, sha256: undefined, transfer: undefined };
    }
    case 'failed':
      return {
        answer: { kind: 'failed', reason: result.reason },
        ms,
        sha256: undefined,
        transfer: undefined,
      };
    default:
      return result satisfies never;
  }
}

async function fetchByHttp(method: 'GET' | 'HEAD', url: string, from: Ipv4): Promise<FetchReport> {
  const startedAt = performance.now();
  const received = new ReceivedContent();
  const report = (answer: FileAnswer): FetchReport => ({
    answer,
    ms: performance.now() - startedAt,
    sha256: answer.kind === 'served' ? received.sha256() : undefined,
    transfer: undefined,
  });
  if (!URL.canParse(url)) return report({ kind: 'failed', reason: 'is no URL' });
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve(report({ kind: 'failed', reason: error.message }));
    const send = url.toLowerCase().startsWith('https:') ? httpsRequest : httpRequest;
    const call = send(url, {
      method,
      localAddress: formatIpv4(from),
      timeout: HTTP_TIMEOUT_MS,
      agent: false,
    });
    call.on('timeout', () => call.destroy(new Error(`no answer within ${HTTP_TIMEOUT_MS / 1000} s`)));
    call.on('error', fail);
    call.on('response', (response) => {
      response.on('error', fail);
      response.on('data', (chunk: Buffer) => received.add(chunk));
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        const length = Number(response.headers['content-length']);
        if (status !== 200) resolve(report({ kind: 'refused', reason: `HTTP ${status}` }));
        else if (method === 'GET') {
          resolve(report({ kind: 'served', octets: received.octets, content: received.content() }));
        } else {
          const octets = Number.isFinite(length) ? length : undefined;
          resolve(report({ kind: 'aborted', octets, content: new Uint8Array() }));
        }
      });
    });
    call.end();
  });
}

/** Digest and beginning of a file that comes in pieces. */
class ReceivedContent {
  readonly #hash = createHash('sha256');
  readonly #kept: Uint8Array[] = [];
  #keptOctets = 0;
  #octets = 0;

  get octets(): number {
    return this.#octets;
  }

  add(octets: Uint8Array): void {
    this.#hash.update(octets);
    this.#octets += octets.length;
    const room = CONTENT_LIMIT - this.#keptOctets;
    if (room <= 0) return;
    // A copy: the datagram's memory is used again.
    const piece = octets.slice(0, room);
    this.#kept.push(piece);
    this.#keptOctets += piece.length;
  }

  content(): Uint8Array {
    return Buffer.concat(this.#kept);
  }

  sha256(): string {
    return this.#hash.digest('hex');
  }
}

function tryDecode(bytes: Uint8Array): DhcpMessage | undefined {
  try {
    return decodeDhcpMessage(bytes);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

interface Conversation<Step> {
  start(now: number): readonly Step[];
  wake(now: number): readonly Step[];
  steps(
    bytes: Uint8Array,
    now: number,
    peer: { readonly address: Ipv4; readonly port: number },
  ): readonly Step[];
  act(steps: readonly Step[]): void;
  datagramOf(
    step: Step,
  ): { readonly bytes: Uint8Array; readonly address: Ipv4; readonly port: number } | undefined;
}

/**
 * Lends a socket, the clock and a timer to a state machine until it wants to be woken no more. Rejects with IoError when
 * a packet cannot be sent.
 */
function converse<Step>(
  port: NodeUdpPort,
  machine: { readonly wakeAt: number | undefined },
  conversation: Conversation<Step>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const sends: Promise<void>[] = [];
    const fail = (error: unknown): void => {
      clearTimeout(timer);
      reject(error instanceof Error ? error : new IoError('failed', String(error)));
    };
    const goOn = (steps: readonly Step[]): void => {
      conversation.act(steps);
      for (const step of steps) {
        const datagram = conversation.datagramOf(step);
        if (datagram !== undefined) sends.push(port.send(datagram.bytes, datagram.address, datagram.port));
      }
      clearTimeout(timer);
      // Whoever closes the socket next must not take the last packet with it.
      const sent = Promise.all(sends.splice(0));
      if (machine.wakeAt === undefined) {
        sent.then(() => resolve(), fail);
        return;
      }
      sent.catch(fail);
      const due = machine.wakeAt;
      // A timer may fire a fraction of a millisecond early; the machine is told the time that it asked for.
      timer = setTimeout(
        () => goOn(conversation.wake(Math.max(due, performance.now()))),
        Math.max(0, due - performance.now()),
      );
    };
    port.onDatagram((bytes, peer) => {
      if (machine.wakeAt !== undefined) goOn(conversation.steps(bytes, performance.now(), peer));
    });
    port.onError(fail);
    goOn(conversation.start(performance.now()));
  });
}
