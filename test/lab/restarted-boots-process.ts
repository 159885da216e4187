/**
 * Many machines that boot at the same time, in one process inside the clients' namespace: `FILE SHA256 COUNT SPREAD_MS
 * PAUSE_MS`. Each gets a lease as ROMs do, by broadcast, and then fetches a file in lock step from the server that gave it,
 * with a pause after each block, so that boots last long enough to be disturbed. What is not answered is sent again;
 * a transfer that breaks is begun anew, as loaders do. Prints a line of JSON for each boot that is through, and `end`.
 */
import { createHash } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { decodeTftpPacket, encodeTftpAck, encodeTftpRequest } from '../../src/wire/tftp/tftp-packet.ts';
import { addressOctets, encodeClientMessage } from './dhcp-messages.ts';
import { decodeDhcp, type DhcpSummary } from './packets.ts';

const [file = '', sha256 = ''] = process.argv.slice(2);
const [count = 0, spreadMs = 0, pauseMs = 0] = process.argv.slice(4).map(Number);

/** As PXE ROMs, and busybox, do at first. */
const RESEND_MS = 1000;
/** Silences in a row after which a transfer is given up and begun anew. */
const SILENCES_MAX = 4;
const BLOCK_SIZE = 1024;

interface Machine {
  readonly mac: string;
  readonly xid: number;
  state: 'selecting' | 'requesting' | 'loading' | 'done';
  address: string;
  server: string;
  timer: NodeJS.Timeout | undefined;
  /** How often a transfer was begun. */
  attempts: number;
}

const dhcp = createSocket('udp4');
const machines = new Map<number, Machine>();
let through = 0;

function say(what: unknown): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

function ask(machine: Machine): void {
  clearTimeout(machine.timer);
  const { mac, xid, state, address, server } = machine;
  const options =
    state === 'requesting'
      ? [
          { code: 50, value: addressOctets(address) },
          { code: 54, value: addressOctets(server) },
        ]
      : [];
  const type = state === 'requesting' ? 'request' : 'discover';
  dhcp.send(
    encodeClientMessage({ type, mac, xid, broadcast: true, options }),
    67,
    '255.255.255.255',
    () => undefined,
  );
  machine.timer = setTimeout(() => ask(machine), RESEND_MS * (0.75 + Math.random() / 2));
}

function hear(reply: DhcpSummary): void {
  const machine = machines.get(reply.xid);
  if (machine?.mac !== reply.chaddr) return;
  if (reply.type === 'offer' && machine.state === 'selecting') {
    machine.state = 'requesting';
    machine.address = reply.yiaddr;
    machine.server = [...(reply.options.get(54) ?? [])].join('.');
    ask(machine);
  } else if (reply.type === 'ack' && machine.state === 'requesting') {
    clearTimeout(machine.timer);
    machine.state = 'loading';
    load(machine);
  } else if (reply.type === 'nak' && machine.state === 'requesting') {
    machine.state = 'selecting';
    ask(machine);
  }
}

/** One transfer from its first block; another one takes its place when it breaks. */
function load(machine: Machine): void {
  machine.attempts += 1;
  const socket: Socket = createSocket('udp4');
  const hash = createHash('sha256');
  let from = 69;
  let block = 0;
  let silences = 0;
  let last: Uint8Array = encodeTftpRequest({
    direction: 'read',
    name: file,
    mode: 'octet',
    options: [{ name: 'blksize', value: String(BLOCK_SIZE) }],
  });
  let timer: NodeJS.Timeout | undefined;
  const leave = (): void => {
    clearTimeout(timer);
    socket.close();
  };
  const again = (): void => {
    leave();
    setTimeout(() => load(machine), RESEND_MS);
  };
  const send = (): void => {
    clearTimeout(timer);
    socket.send(last, from, machine.server, () => undefined);
    timer = setTimeout(() => {
      silences += 1;
      if (silences < SILENCES_MAX) send();
      else again();
    }, RESEND_MS);
  };
  socket.on('message', (bytes, sender) => {
    const packet = decodeTftpPacket(bytes);
    if (packet.kind === 'error') {
      again();
      return;
    }
    if (packet.kind === 'oack' && block === 0) {
      from = sender.port;
      last = encodeTftpAck(0);
    } else if (packet.kind === 'data' && packet.block === block + 1 && sender.port === from) {
      block += 1;
      hash.update(packet.data);
      last = encodeTftpAck(block);
      if (packet.data.length < BLOCK_SIZE) {
        socket.send(last, from, machine.server, () => {
          leave();
          finish(machine, hash.digest('hex'));
        });
        return;
      }
    } else return;
    silences = 0;
    clearTimeout(timer);
    timer = setTimeout(send, pauseMs);
  });
  socket.on('error', () => again());
  socket.bind(0, send);
}

function finish(machine: Machine, digest: string): void {
  machine.state = 'done';
  through += 1;
  const { mac, address, attempts } = machine;
  say({ kind: 'booted', mac, address, attempts, intact: digest === sha256 });
  if (through < count) return;
  say({ kind: 'end' });
  dhcp.close();
}

dhcp.on('message', (payload) => {
  const reply = decodeDhcp(payload);
  if (reply?.op === 2) hear(reply);
});
dhcp.bind(68, () => {
  dhcp.setBroadcast(true);
  dhcp.setRecvBufferSize(4 * 1024 * 1024);
  say({ kind: 'ready' });
  for (let number = 1; number <= count; number += 1) {
    const mac = `02:b0:07:00:00:${number.toString(16).padStart(2, '0')}`;
    const machine: Machine = {
      mac,
      xid: 0xb007_0000 + number,
      state: 'selecting',
      address: '',
      server: '',
      timer: undefined,
      attempts: 0,
    };
    machines.set(machine.xid, machine);
    setTimeout(() => ask(machine), Math.random() * spreadMs);
  }
});
