/**
 * The least that a Node program can do and still pass for a DHCP server under perfdhcp: it copies the request into a reply and counts
 * addresses up. What it costs is what Node and the kernel cost; a server that decides anything comes on top. With
 * `synced`, a REQUEST is answered only after a write and an fdatasync, which all that wait share.
 *
 * Usage: node floor.mjs answers|synced   (DHCP_STATE names an empty folder)
 */
import { createSocket } from 'node:dgram';
import { fdatasync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers';

const SERVER = 0x0ac80001; // 10.200.0.1
const RELAY = '10.200.0.2';
const SERVER_PORT = 67;
const OPTIONS_AT = 240;
const RECORD_SIZE = 64;

const isSynced = process.argv[2] === 'synced';
const journal = isSynced ? openSync(join(process.env.DHCP_STATE ?? '.', 'journal'), 'a') : undefined;
const addresses = new Map();
const socket = createSocket('udp4');
let waiting = [];
let isFlushing = false;

socket.on('message', (request) => {
  const isDiscover = request[OPTIONS_AT + 2] === 1;
  const reply = replyTo(request, isDiscover);
  if (isDiscover || journal === undefined) socket.send(reply, SERVER_PORT, RELAY);
  else {
    waiting.push(reply);
    if (!isFlushing) setImmediate(flush);
    isFlushing = true;
  }
});
socket.bind(SERVER_PORT);

function flush() {
  const group = waiting;
  waiting = [];
  writeSync(journal, Buffer.alloc(RECORD_SIZE * group.length));
  fdatasync(journal, () => {
    for (const reply of group) socket.send(reply, SERVER_PORT, RELAY);
    isFlushing = waiting.length > 0;
    if (isFlushing) flush();
  });
}

function replyTo(request, isDiscover) {
  const client = request.toString('latin1', 28, 34);
  const address = addresses.get(client) ?? SERVER + 0xff + addresses.size;
  addresses.set(client, address);
  const reply = Buffer.alloc(300);
  request.copy(reply, 0, 0, 236);
  reply[0] = 2;
  reply.writeUInt32BE(address, 16);
  reply.writeUInt32BE(0x63825363, 236);
  const options = [
    53,
    1,
    isDiscover ? 2 : 5,
    54,
    4,
    10,
    200,
    0,
    1,
    51,
    4,
    0,
    0,
    2,
    88,
    1,
    4,
    255,
    255,
    0,
    0,
    255,
  ];
  reply.set(options, OPTIONS_AT);
  return reply;
}
