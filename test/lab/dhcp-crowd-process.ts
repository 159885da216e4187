/**
 * The far end of DhcpCrowd, run inside the namespace of the clients: many machines in one process, each with a card of its
 * own and behind one UDP socket, so their replies must be broadcast. Reads orders as lines of JSON and writes what the
 * machines hear as lines of JSON; see dhcp-crowd.ts for both.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { addressOctets, encodeClientMessage } from './dhcp-messages.ts';
import { decodeDhcp, type DhcpSummary } from './packets.ts';

/** What is asked for: machines by number, and over which time their first packets are spread. */
interface JoinOrder {
  readonly first: number;
  readonly count: number;
  readonly spreadMs: number;
  /** Bound machines are switched on again at this pace, and ask for what they had; 0: never. */
  readonly rebootEveryMs: number;
}

type State = 'selecting' | 'requesting' | 'bound';

interface Machine {
  readonly mac: string;
  readonly rebootEveryMs: number;
  state: State;
  xid: number;
  address: string;
  server: string;
  tries: number;
  /** When it spoke last, on the monotonic clock. */
  spokeAt: number;
  timer: NodeJS.Timeout | undefined;
}

/** Shorter than the four seconds of RFC 2131, so that a test in which packets are lost does not take minutes. */
const RESEND_MS = 1000;

// Other clients of the namespace have the port too; each hears every broadcast.
const socket = createSocket({ type: 'udp4', reuseAddr: true });
const machines = new Map<string, Machine>();
let nextXid = 1;

function say(what: unknown): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

function send(message: Parameters<typeof encodeClientMessage>[0]): void {
  socket.send(encodeClientMessage(message), 67, '255.255.255.255', (error) => {
    if (error !== null) say({ kind: 'send-failed', error: String(error) });
  });
}

/** Sends what the machine's state asks for, and again until somebody answers. */
function speak(machine: Machine): void {
  clearTimeout(machine.timer);
  machine.tries += 1;
  machine.spokeAt = performance.now();
  const { mac, xid, state, address, server } = machine;
  const common = { mac, xid, broadcast: true } as const;
  if (state === 'selecting') {
    send({ ...common, type: 'discover' });
  } else if (state === 'requesting') {
    const options = [
      { code: 50, value: addressOctets(address) },
      { code: 54, value: addressOctets(server) },
    ];
    send({ ...common, type: 'request', options });
  } else {
    // INIT-REBOOT: the answer to a renewal would go to the machine's own address, which nobody has here.
    send({ ...common, type: 'request', options: [{ code: 50, value: addressOctets(address) }] });
  }
  machine.timer = setTimeout(() => speakAgain(machine), RESEND_MS * (0.75 + Math.random() / 2));
}

/** An offer that nobody stands by any more is given up after a few tries, as ROMs do. */
function speakAgain(machine: Machine): void {
  if (machine.state === 'requesting' && machine.tries > 3) begin(machine, 'selecting');
  else speak(machine);
}

function begin(machine: Machine, state: State): void {
  machine.state = state;
  machine.tries = 0;
  if (state !== 'requesting') machine.xid = nextXid++;
  speak(machine);
}

function rest(machine: Machine): void {
  clearTimeout(machine.timer);
  if (machine.rebootEveryMs === 0) return;
  const pause = machine.rebootEveryMs * (0.5 + Math.random());
  machine.timer = setTimeout(() => begin(machine, 'bound'), pause);
}

function hear(reply: DhcpSummary): void {
  const machine = machines.get(reply.chaddr);
  if (machine?.xid !== reply.xid) return;
  const { mac } = machine;
  switch (reply.type) {
    case 'offer': {
      say({ kind: 'offer', mac, address: reply.yiaddr });
      if (machine.state !== 'selecting') return;
      machine.address = reply.yiaddr;
      machine.server = [...(reply.options.get(54) ?? [])].join('.');
      begin(machine, 'requesting');
      return;
    }
    case 'ack': {
      const ms = performance.now() - machine.spokeAt;
      say({ kind: 'ack', mac, address: reply.yiaddr, ms: Math.round(ms * 1000) / 1000 });
      machine.state = 'bound';
      machine.address = reply.yiaddr;
      rest(machine);
      return;
    }
    case 'nak':
      say({ kind: 'nak', mac, address: machine.address });
      begin(machine, 'selecting');
      return;
    default:
      return;
  }
}

function join({ first, count, spreadMs, rebootEveryMs }: JoinOrder): void {
  for (let number = first; number < first + count; number += 1) {
    const tail = number.toString(16).padStart(6, '0').match(/../g) ?? [];
    const mac = `02:c0:3d:${tail.join(':')}`;
    const machine: Machine = {
      mac,
      rebootEveryMs,
      state: 'selecting',
      xid: 0,
      address: '0.0.0.0',
      server: '0.0.0.0',
      tries: 0,
      spokeAt: 0,
      timer: undefined,
    };
    machines.set(mac, machine);
    setTimeout(() => begin(machine, 'selecting'), Math.random() * spreadMs);
  }
}

socket.on('message', (payload) => {
  const reply = decodeDhcp(payload);
  if (reply?.op === 2) hear(reply);
});
socket.on('error', (error) => {
  console.error(error);
  process.exit(1);
});
socket.bind(68, () => {
  socket.setBroadcast(true);
  socket.setRecvBufferSize(4 * 1024 * 1024);
  say({ kind: 'ready' });
  createInterface({ input: process.stdin }).on('line', (line) => join(JSON.parse(line) as JoinOrder));
});
