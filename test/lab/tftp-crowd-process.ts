import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeTftpPacket, encodeTftpAck, encodeTftpRequest } from '../../src/wire/tftp/tftp-packet.ts';

/**
 * Many clients that fetch the same file at the same time, none of which comes to its end: `PORT FILE CLIENTS SECONDS`.
 * A third of them goes in lock step, a third in windows of 4 and 16, and every tenth takes its time over each ACK, so that
 * they are soon far apart in the file. Prints one line of JSON: blocks that each client got in order, and what went wrong.
 */
const [port = 0, , clients = 0, seconds = 0] = process.argv.slice(2).map(Number);
const file = process.argv[3] ?? '';

const BLOCK_SIZE = 1408;
const WINDOWS = [1, 4, 16];
const RESEND_MS = 1000;

interface Client {
  blocks: number;
  error: string | undefined;
  stop(): void;
}

function startClient(index: number): Client {
  const windowSize = WINDOWS[index % WINDOWS.length] ?? 1;
  const pauseMs = index % 10 === 0 ? 100 : 0;
  const socket = createSocket('udp4');
  const client: Client = { blocks: -1, error: undefined, stop: () => end() };
  let from = port;
  let sinceAck = 0;
  let heardAt = Date.now();
  const send = (bytes: Uint8Array): void => {
    socket.send(bytes, from, '127.0.0.1', () => undefined);
  };
  const acknowledge = (): void => {
    sinceAck = 0;
    send(encodeTftpAck(Math.max(client.blocks, 0) & 0xffff));
  };
  const options = [
    { name: 'blksize', value: String(BLOCK_SIZE) },
    { name: 'windowsize', value: String(windowSize) },
  ];
  const ask = (): void => {
    send(encodeTftpRequest({ direction: 'read', name: file, mode: 'octet', options }));
  };
  const timer = setInterval(() => {
    if (Date.now() - heardAt < RESEND_MS) return;
    heardAt = Date.now();
    if (client.blocks < 0) ask();
    else acknowledge();
  }, RESEND_MS / 2);
  const end = (): void => {
    clearInterval(timer);
    socket.close();
  };
  socket.on('message', (bytes, sender) => {
    from = sender.port;
    const packet = decodeTftpPacket(bytes);
    if (packet.kind === 'error') client.error = `${packet.code} ${packet.message}`;
    if (packet.kind === 'oack' && client.blocks < 0) client.blocks = 0;
    else if (packet.kind !== 'data' || packet.block !== ((client.blocks + 1) & 0xffff)) return;
    else {
      client.blocks += 1;
      sinceAck += 1;
      if (sinceAck < windowSize) return;
    }
    heardAt = Date.now();
    if (pauseMs === 0) acknowledge();
    else setTimeout(acknowledge, pauseMs);
  });
  socket.on('error', (error) => (client.error = error.message));
  socket.bind(0, '127.0.0.1', ask);
  return client;
}

const crowd = Array.from({ length: clients }, (_, index) => startClient(index));
await sleep(seconds * 1000);
const blocks = crowd.map((client) => client.blocks);
const errors = [...new Set(crowd.flatMap(({ error }) => error ?? []))];
process.stdout.write(`${JSON.stringify({ blocks, errors })}\n`);
process.exit(0);
