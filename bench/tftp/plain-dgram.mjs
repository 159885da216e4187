/**
 * The plainest TFTP server that Node can be: one connected dgram socket for each transfer, whole files in memory, no
 * map-file, no checks, no retransmission. What bootd's batches are measured against where there is little to batch.
 * HOST, PORT and ROOT are in the environment.
 */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const { HOST = '127.0.0.1', PORT = '69', ROOT = '.' } = process.env;
const files = new Map();

function contentOf(name) {
  if (!files.has(name)) files.set(name, readFileSync(join(ROOT, name)));
  return files.get(name);
}

function send(socket, content, blockSize, first, last) {
  for (let block = first; block <= last; block++) {
    const data = content.subarray((block - 1) * blockSize, block * blockSize);
    const packet = Buffer.allocUnsafe(4 + data.length);
    packet.writeUInt32BE(0x3_0000 | (block & 0xffff), 0);
    data.copy(packet, 4);
    socket.send(packet);
  }
}

const requests = createSocket('udp4');
requests.on('message', (request, peer) => {
  const [name, , ...options] = request.subarray(2).toString('latin1').split('\0');
  const content = contentOf(name);
  let blockSize = 512;
  let windowSize = 1;
  const taken = [];
  for (let index = 0; index + 1 < options.length; index += 2) {
    const [option, value] = [options[index], options[index + 1]];
    if (option === 'blksize') blockSize = Number(value);
    else if (option === 'windowsize') windowSize = Number(value);
    else if (option !== 'tsize') continue;
    taken.push(option, option === 'tsize' ? String(content.length) : value);
  }
  const lastBlock = Math.floor(content.length / blockSize) + 1;
  const socket = createSocket('udp4');
  socket.on('error', () => socket.close());
  socket.on('message', (ack) => {
    if (ack[1] !== 4) return;
    // The whole number, out of its lower half: an ACK is never far from what was sent last.
    const number = ack.readUInt16BE(2);
    socket.acknowledged += (number - (socket.acknowledged & 0xffff) + 0x1_0000) & 0xffff;
    if (socket.acknowledged >= lastBlock) return socket.close();
    const last = Math.min(socket.acknowledged + windowSize, lastBlock);
    send(socket, content, blockSize, socket.acknowledged + 1, last);
  });
  socket.acknowledged = 0;
  socket.bind(0, HOST, () => {
    socket.connect(peer.port, peer.address, () => {
      if (taken.length > 0) socket.send(Buffer.from(`\0\x06${taken.join('\0')}\0`, 'latin1'));
      else send(socket, content, blockSize, 1, Math.min(windowSize, lastBlock));
    });
  });
});
requests.bind(Number(PORT), HOST);
