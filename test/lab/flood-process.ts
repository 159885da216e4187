/**
 * The far end of Flood, run inside the namespace of the clients: sends as fast as the kernel takes it, in batches
 * (sendmmsg), and listens to no answer. `discover SECONDS` from as many cards as there are datagrams;
 * `read SECONDS SERVER NAME` from a thousand ports in turn. Prints one line of JSON at the end: how many were sent.
 */
import { BROADCAST_IPV4, parseIpv4, UNSPECIFIED_IPV4 } from '../../src/addr/ipv4.ts';
import { openKernelTransferSocket } from '../../src/io/batched-transfer-socket.ts';
import { SendBatch } from '../../src/io/datagram-batch.ts';
import { LINUX, setIntegerOption } from '../../src/io/kernel-socket.ts';
import { accessLibc, type Libc } from '../../src/io/libc.ts';
import type { TransferPeer } from '../../src/io/transfer-socket.ts';
import { encodeTftpRequest } from '../../src/wire/tftp/tftp-packet.ts';
import { encodeClientMessage } from './dhcp-messages.ts';

const [kind, seconds = '0', server = '', name = ''] = process.argv.slice(2);

const BATCH = 32;
const PORTS = 1000;
const PAYLOAD_MAX = 1472;
/** Offset of chaddr (RFC 2131 section 2); xid is at 4. */
const CHADDR = 28;

function openSender(libc: Libc): { readonly fd: number; readonly send: SendBatch } {
  const fd = openKernelTransferSocket(libc, {
    address: UNSPECIFIED_IPV4,
    port: 0,
    device: undefined,
    receiveBufferBytes: 4096,
  });
  return { fd, send: new SendBatch(libc, fd, PAYLOAD_MAX) };
}

/** Sends batch after batch until the time is over; returns how many datagrams those were. */
function pour(sendBatch: () => number): number {
  const end = performance.now() + Number(seconds) * 1000;
  let sent = 0;
  while (performance.now() < end) sent += sendBatch();
  return sent;
}

function pourDiscovers(libc: Libc): number {
  const { fd, send } = openSender(libc);
  setIntegerOption(libc, fd, LINUX.SO_BROADCAST, 1, 'cannot broadcast');
  const peer: TransferPeer = { address: BROADCAST_IPV4, port: 67, segmentable: false };
  const bytes = encodeClientMessage({
    type: 'discover',
    mac: '02:ff:00:00:00:00',
    xid: 1,
    broadcast: true,
  });
  let number = 0;
  return pour(() => {
    for (let count = 0; count < BATCH; count += 1) {
      number += 1;
      bytes.writeUInt32BE(number, 4);
      bytes.writeUInt32BE(number, CHADDR + 2);
      send.queuePacket(peer, bytes);
    }
    send.flush();
    return BATCH;
  });
}

function pourReadRequests(libc: Libc): number {
  const address = parseIpv4(server);
  if (address === undefined) throw new Error(`${server} is no address`);
  const peer: TransferPeer = { address, port: 69, segmentable: false };
  const senders = Array.from({ length: PORTS }, () => openSender(libc));
  const options = [
    { name: 'blksize', value: '1408' },
    { name: 'windowsize', value: '16' },
  ];
  const bytes = encodeTftpRequest({ direction: 'read', name, mode: 'octet', options });
  let turn = 0;
  return pour(() => {
    const sender = senders[turn % PORTS];
    turn += 1;
    sender?.send.queuePacket(peer, bytes);
    sender?.send.flush();
    return 1;
  });
}

const access = accessLibc();
if (access.kind === 'unavailable') throw new Error(access.reason);
console.log(JSON.stringify({ kind: 'begun' }));
const sent = kind === 'discover' ? pourDiscovers(access.libc) : pourReadRequests(access.libc);
console.log(JSON.stringify({ kind: 'sent', sent }));
process.exit(0);
