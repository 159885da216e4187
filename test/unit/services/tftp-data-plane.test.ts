import { describe, expect, it } from 'vitest';
import { ipv4FromNumber } from '../../../src/addr/ipv4.ts';
import { ReadAhead } from '../../../src/io/read-ahead.ts';
import type { DatagramListener, TransferSocket } from '../../../src/io/transfer-socket.ts';
import { DataPlane } from '../../../src/services/tftp-data-plane.ts';
import type { ForwardedRequest, StartTransfer } from '../../../src/services/tftp-messages.ts';

/** A data plane with one socket: what the socket was given to call, and what the plane said. */
function planeOnFakeSocket() {
  let deliver: DatagramListener = () => undefined;
  let peers = (): number => Number.NaN;
  const socket: TransferSocket = {
    localPort: 69,
    batched: true,
    onDatagram: (datagram, _drained, peersOfSocket) => {
      deliver = datagram;
      peers = peersOfSocket;
    },
    queuePacket: () => undefined,
    queueRun: () => undefined,
    flush: () => undefined,
    close: () => Promise.resolve(),
  };
  const requests: ForwardedRequest[] = [];
  const readAhead = new ReadAhead({ memoryBytes: 1 << 20, readsMax: 1, beforeReuse: () => undefined });
  const plane = new DataPlane(() => 0, readAhead, {
    ended: () => undefined,
    requested: (request) => requests.push(request),
  });
  plane.addEndpoint(1, [socket], true);
  return { plane, requests, deliver, peers };
}

const CLIENT = ipv4FromNumber(0x0a000001);

function transferOfOneBlock(id: number, port: number): StartTransfer {
  return {
    id,
    endpoint: 1,
    peer: { address: CLIENT, port },
    name: 'image',
    content: { kind: 'bytes', bytes: Uint8Array.of(1, 2, 3) },
    mode: 'octet',
    agreed: { blockSize: 512, windowSize: 1, retransmitMs: 1000, rollover: 0 },
    oack: undefined,
  };
}

describe('DataPlane', () => {
  it('hands on a request as a copy, and nothing of the memory that it was received in', () => {
    const { requests, deliver } = planeOnFakeSocket();
    const memory = Buffer.alloc(131_072);
    const length = memory.write('\0\u0001image\0octet\0', 2048, 'latin1');
    deliver(memory.subarray(2048, 2048 + length), CLIENT, 2070);
    memory.fill(0xff);
    const [request] = requests;
    expect(Buffer.from(request!.bytes).toString('latin1')).toBe('\0\u0001image\0octet\0');
    expect(request!.bytes.buffer.byteLength).toBe(length);
    expect(request!.peer).toEqual({ address: 0x0a000001, port: 2070 });
  });

  it('tells its sockets how many transfers wait for an answer', () => {
    const { plane, deliver, peers } = planeOnFakeSocket();
    expect(peers()).toBe(0);
    plane.start([transferOfOneBlock(1, 2070), transferOfOneBlock(2, 2071)]);
    expect(peers()).toBe(2);
    deliver(Uint8Array.of(0, 4, 0, 1), CLIENT, 2070);
    expect(peers()).toBe(1);
  });
});
