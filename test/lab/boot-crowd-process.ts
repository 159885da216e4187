/**
 * The far end of BootCrowd, run inside the namespace of the clients, where every address of the range is a local one:
 * each machine takes a lease, fetches its files from its own address, renews by unicast, and is gone. Reads orders as lines
 * of JSON and writes what became of them as lines of JSON; see boot-crowd.ts for both. Asked with `--echo PORT`, it keeps
 * asking a program that only answers: what the machine itself takes.
 */
import { createSocket, type Socket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeTftpPacket, encodeTftpAck, encodeTftpRequest } from '../../src/wire/tftp/tftp-packet.ts';
import { addressOctets, encodeClientMessage } from './dhcp-messages.ts';
import { decodeDhcp, type DhcpSummary } from './packets.ts';

interface BootOrder {
  readonly mac: string;
  readonly hearsFrames?: boolean;
  readonly files: readonly string[];
  readonly renewals: number;
  readonly renewEveryMs: number;
  readonly tries?: number;
}

const [echoServer = '', echoPort = '0'] = process.argv.slice(2);

const RESEND_MS = 1000;
const TRIES = 15;
const REQUEST_TRIES = 4;
const ECHO_EVERY_MS = 50;
const WINDOW = 8;

/** Who waits for the answer to which transaction. */
const waiting = new Map<number, (reply: DhcpSummary) => void>();
// Far from those of other crowds, which hear the same broadcasts.
let nextXid = 0x0b00_0000;

function say(what: unknown): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

function hear(payload: Buffer): void {
  const reply = decodeDhcp(payload);
  if (reply?.op === 2) waiting.get(reply.xid)?.(reply);
}

interface Heard {
  readonly reply: DhcpSummary;
  /** Since the first try. */
  readonly ms: number;
}

/** Sends until it is answered; rejects when nobody does. */
async function converse(
  xid: number,
  wanted: readonly string[],
  patience: number,
  send: () => void,
): Promise<Heard> {
  const startedAt = performance.now();
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Heard>((resolve, reject) => {
      let tries = 0;
      const speak = (): void => {
        tries += 1;
        if (tries > patience) {
          reject(new Error(`no ${wanted.join(' or ')} after ${patience} tries`));
          return;
        }
        send();
        timer = setTimeout(speak, RESEND_MS);
      };
      waiting.set(xid, (reply) => {
        if (wanted.includes(reply.type)) resolve({ reply, ms: performance.now() - startedAt });
      });
      speak();
    });
  } finally {
    clearTimeout(timer);
    waiting.delete(xid);
  }
}

interface TakenLease {
  readonly address: string;
  readonly server: string;
  readonly offerMs: number;
  readonly ackMs: number;
}

async function takeLease(mac: string, patience: number, hearsFrames: boolean): Promise<TakenLease> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const xid = nextXid++;
    const common = { mac, xid, broadcast: !hearsFrames };
    const offer = await converse(xid, ['offer'], patience, () => broadcast({ ...common, type: 'discover' }));
    const address = offer.reply.yiaddr;
    const options = [
      { code: 50, value: addressOctets(address) },
      { code: 54, value: offer.reply.options.get(54) ?? new Uint8Array(4) },
    ];
    const request = (): void => broadcast({ ...common, type: 'request', options });
    // An offer that nobody stands by any more is given up early, as ROMs do.
    const answer = await converse(xid, ['ack', 'nak'], REQUEST_TRIES, request).catch(() => undefined);
    if (answer?.reply.type !== 'ack') continue;
    const server = [...(answer.reply.options.get(54) ?? [])].join('.');
    return { address, server, offerMs: offer.ms, ackMs: answer.ms };
  }
  throw new Error('three offers were refused, or not answered for, when they were asked for');
}

function broadcast(message: Parameters<typeof encodeClientMessage>[0]): void {
  main.send(encodeClientMessage(message), 67, '255.255.255.255', () => undefined);
}

/** Renewing (RFC 2131 section 4.4.5): by unicast, from and to the machine's own address. */
async function renew(mac: string, address: string, server: string, patience: number): Promise<number> {
  const xid = nextXid++;
  const socket = await open(68, address);
  socket.on('message', hear);
  const bytes = encodeClientMessage({
    type: 'request',
    mac,
    xid,
    broadcast: false,
    clientAddress: address,
  });
  try {
    const { reply, ms } = await converse(xid, ['ack', 'nak'], patience, () =>
      socket.send(bytes, 67, server, () => undefined),
    );
    if (reply.type !== 'ack') throw new Error('the renewal was refused');
    return ms;
  } finally {
    socket.close();
  }
}

interface Fetched {
  readonly octets: number;
  readonly firstMs: number;
}

/** Fetches a file in windows of eight; rejects with the server's error, or when nothing comes. */
async function fetchFile(address: string, server: string, name: string, patience: number): Promise<Fetched> {
  const socket = await open(0, address);
  const startedAt = performance.now();
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Fetched>((resolve, reject) => {
      let from = 69;
      let blocks = 0;
      let sinceAck = 0;
      let octets = 0;
      let firstMs = 0;
      let blockSize = 512;
      let tries = 0;
      const options = [
        { name: 'blksize', value: '1408' },
        { name: 'windowsize', value: String(WINDOW) },
      ];
      const request = encodeTftpRequest({ direction: 'read', name, mode: 'octet', options });
      const send = (bytes: Uint8Array): void => socket.send(bytes, from, server, () => undefined);
      const wait = (): void => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          tries += 1;
          if (tries > patience) reject(new Error(`${name}: nothing came after ${patience} tries`));
          else {
            send(from === 69 ? request : encodeTftpAck(blocks & 0xffff));
            wait();
          }
        }, RESEND_MS);
      };
      socket.on('message', (bytes, sender) => {
        const packet = decodeTftpPacket(bytes);
        if (from === 69) {
          from = sender.port;
          firstMs = performance.now() - startedAt;
        }
        if (packet.kind === 'error') reject(new Error(`${name}: ${packet.message}`));
        else if (packet.kind === 'oack' && blocks === 0) {
          blockSize = Number(packet.options.find((option) => option.name === 'blksize')?.value ?? 512);
          send(encodeTftpAck(0));
          wait();
        } else if (packet.kind === 'data' && packet.block === ((blocks + 1) & 0xffff)) {
          blocks += 1;
          sinceAck += 1;
          octets += packet.data.length;
          tries = 0;
          const isLast = packet.data.length < blockSize;
          if (sinceAck === WINDOW || isLast) {
            sinceAck = 0;
            send(encodeTftpAck(blocks & 0xffff));
          }
          if (isLast) resolve({ octets, firstMs });
          else wait();
        }
      });
      send(request);
      wait();
    });
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

async function live(order: BootOrder): Promise<void> {
  const { mac, hearsFrames = false, files, renewals, renewEveryMs, tries = TRIES } = order;
  let at = 'lease';
  try {
    const { address, server, offerMs, ackMs } = await takeLease(mac, tries, hearsFrames);
    let octets = 0;
    const firstMs: number[] = [];
    for (const name of files) {
      at = 'file';
      const fetched = await fetchFile(address, server, name, tries);
      octets += fetched.octets;
      firstMs.push(round(fetched.firstMs));
    }
    const waits = { offerMs: round(offerMs), ackMs: round(ackMs), firstMs };
    say({ kind: 'booted', mac, address, server, ...waits, octets });
    at = 'renewal';
    for (let count = 0; count < renewals; count += 1) {
      await sleep(renewEveryMs * (0.75 + Math.random() / 2));
      say({ kind: 'renewed', mac, ms: round(await renew(mac, address, server, tries)) });
    }
  } catch (error) {
    say({ kind: 'failed', mac, at, why: error instanceof Error ? error.message : String(error) });
  }
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}

function open(port: number, address?: string): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr: port !== 0 });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, () => {
      socket.off('error', reject);
      // An address that nobody answers for is an error of the network, and the next try may do.
      socket.on('error', () => undefined);
      socket.setRecvBufferSize(1024 * 1024);
      resolve(socket);
    });
  });
}

/** One question at a time: how long the machine takes for a program that only answers. */
async function askEcho(port: number): Promise<never> {
  const socket = await open(0);
  let askedAt = 0;
  let number = 0;
  socket.on('message', (bytes) => {
    if (bytes.readUInt32BE() === number) say({ kind: 'echo', ms: round(performance.now() - askedAt) });
  });
  for (;;) {
    number += 1;
    const question = Buffer.alloc(300);
    question.writeUInt32BE(number);
    askedAt = performance.now();
    socket.send(question, port, echoServer, () => undefined);
    await sleep(ECHO_EVERY_MS);
  }
}

const main = await open(68);
main.setBroadcast(true);
main.setRecvBufferSize(4 * 1024 * 1024);
main.on('message', hear);
if (echoPort !== '0') void askEcho(Number(echoPort));
say({ kind: 'ready' });
createInterface({ input: process.stdin }).on('line', (line) => void live(JSON.parse(line) as BootOrder));
