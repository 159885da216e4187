/** A program that only answers: sends every datagram back. `PORT`. What it takes is what the machine takes. */
import { createSocket } from 'node:dgram';

const socket = createSocket('udp4');
socket.on('message', (bytes, { address, port }) => socket.send(bytes, port, address, () => undefined));
socket.bind(Number(process.argv[2]), () => console.log('ready'));
