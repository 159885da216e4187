/**
 * The far end of ConnectionCrowd: many connections of one process, none of which behaves as a good client does.
 * `WHERE COUNT KIND`: WHERE is a socket's path or ADDRESS:PORT[@SOURCE]; KIND is `follow` (asks for `/v1/events` and reads),
 * `follow-unread` (never reads the answer) or `slow` (sends one octet of its request a second). Prints lines of JSON:
 * `{"kind":"state", ...}` whenever something has changed, twice a second at most.
 */
import { connect, type Socket } from 'node:net';

const [where = '', count = '0', kind = ''] = process.argv.slice(2);

const AT_ONCE = 100;
const FOLLOW = 'GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n';
const SLOW = `GET /pxelinux.0 HTTP/1.1\r\nHost: localhost\r\nX-Slow: ${'x'.repeat(4000)}`;

interface Client {
  state: 'connecting' | 'asking' | 'streaming' | 'refused' | 'closed';
  heard: number;
}

function open(client: Client, settled: () => void): void {
  const [address = '', source] = where.split('@');
  const [host = '', port] = address.split(':');
  const options = where.startsWith('/')
    ? { path: where }
    : { host, port: Number(port), ...(source !== undefined && { localAddress: source }) };
  const socket = connect(options);
  let timer: NodeJS.Timeout | undefined;
  socket.on('connect', () => {
    client.state = 'asking';
    if (kind === 'slow') {
      timer = setInterval(trickle(socket), 1000);
      settled();
    } else {
      socket.write(FOLLOW);
    }
    if (kind === 'follow-unread') {
      // The head must be seen, the rest stays in the kernel.
      socket.once('data', () => socket.pause());
    }
  });
  socket.on('data', (piece: Buffer) => {
    if (client.state === 'asking') {
      client.state = piece.toString('latin1', 0, 12) === 'HTTP/1.1 200' ? 'streaming' : 'refused';
      settled();
    } else client.heard += piece.toString('latin1').split('\nevent: ').length - 1;
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    clearInterval(timer);
    if (client.state !== 'refused') client.state = 'closed';
    settled();
  });
}

function trickle(socket: Socket): () => void {
  let sent = 0;
  return () => {
    socket.write(SLOW.slice(sent, sent + 1));
    sent += 1;
  };
}

const clients = Array.from({ length: Number(count) }, (): Client => ({ state: 'connecting', heard: 0 }));

function state(): string {
  const numbers: Record<string, number> = { heard: 0 };
  for (const client of clients) {
    numbers[client.state] = (numbers[client.state] ?? 0) + 1;
    numbers['heard'] = (numbers['heard'] ?? 0) + client.heard;
  }
  return JSON.stringify({ kind: 'state', ...numbers });
}

let last = '';
setInterval(() => {
  const now = state();
  if (now !== last) console.log(now);
  last = now;
}, 500);

const waiting = [...clients];
function next(): void {
  const client = waiting.shift();
  if (client === undefined) return;
  let isSettled = false;
  open(client, () => {
    if (isSettled) return;
    isSettled = true;
    next();
  });
}
for (let started = 0; started < AT_ONCE; started += 1) next();
