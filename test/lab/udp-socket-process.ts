/**
 * The far end of NamespaceUdpSocket, run inside the namespace: `udp-socket-process.ts PORT`. Reads lines of
 * {payloads, address, port, pauseMs} and writes "sent" after each; writes {address, port, payload} for each datagram
 * that arrives. Payloads are base64.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

interface SendOrder {
  readonly payloads: readonly string[];
  readonly address: string;
  readonly port: number;
  readonly pauseMs: number;
}

const socket = createSocket('udp4');

function say(what: unknown): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

async function sendAll(order: SendOrder): Promise<void> {
  for (const payload of order.payloads) {
    await new Promise<void>((resolve, reject) => {
      socket.send(Buffer.from(payload, 'base64'), order.port, order.address, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
    if (order.pauseMs > 0) await sleep(order.pauseMs);
  }
  say('sent');
}

async function readOrders(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin }))
    await sendAll(JSON.parse(line) as SendOrder);
  socket.close();
}

function fail(error: unknown): void {
  console.error(error);
  process.exit(1);
}

socket.on('message', (payload, { address, port }) =>
  say({ address, port, payload: payload.toString('base64') }),
);
socket.on('error', fail);
socket.bind(Number(process.argv[2]), () => {
  socket.setBroadcast(true);
  say('bound');
  readOrders().catch(fail);
});
