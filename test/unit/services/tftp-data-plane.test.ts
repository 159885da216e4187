import { describe, expect, it } from 'vitest';
import { ipv4FromNumber } from '../../../src/addr/ipv4.ts';
import { ReadAhead } from '../../../src/io/read-ahead.ts';
import type { DatagramListener, TransferSocket } from '../../../src/io/transfer-socket.ts';
import { DataPlane } from '../../../src/services/tftp-data-plane.ts';
import type { ForwardedRequest } from '../../../src/services/tftp-messages.ts';

describe('DataPlane', () => {
  it('hands on a request as a copy, and nothing of the memory that it was received in', () => {
    let deliver: DatagramListener = () => undefined;
    const socket: TransferSocket = {
      localPort: 69,
      batched: true,
      onDatagram: (listener) => (deliver = listener),
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
    const memory = Buffer.alloc(131_072);
    const length = memory.write('\0\u0001image\0octet\0', 2048, 'latin1');
    deliver(memory.subarray(2048, 2048 + length), ipv4FromNumber(0x0a000001), 2070);
    memory.fill(0xff);
    const [request] = requests;
    expect(Buffer.from(request!.bytes).toString('latin1')).toBe('\0\u0001image\0octet\0');
    expect(request!.bytes.buffer.byteLength).toBe(length);
    expect(request!.peer).toEqual({ address: 0x0a000001, port: 2070 });
  });
});
