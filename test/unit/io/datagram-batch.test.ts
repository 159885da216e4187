import { describe, expect, it } from 'vitest';
import { ipv4FromNumber } from '../../../src/addr/ipv4.ts';
import { SendBatch } from '../../../src/io/datagram-batch.ts';
import type { Libc } from '../../../src/io/libc.ts';
import { allocatePinned } from '../../../src/io/memory-pool.ts';
import type { PacketRun, TransferPeer } from '../../../src/io/transfer-socket.ts';

const EINTR = 4;
const EIO = 5;
const EAGAIN = 11;
const EINVAL = 22;
const EMSGSIZE = 90;
const ECONNREFUSED = 111;

/** What a call of sendmmsg is answered with: so many messages taken, or the errno of the first one. */
type Answer = { readonly sent: number } | { readonly errno: number };

/** A kernel that answers as it is told, and takes everything afterwards. Returns the counts of the calls. */
function batch(answers: Answer[], segmentLengthMax = 1472): { batch: SendBatch; calls: number[] } {
  const calls: number[] = [];
  let errno = 0;
  const libc = {
    sendmmsg: (_fd: number, _messages: number, count: number) => {
      calls.push(count);
      const answer = answers.shift() ?? { sent: count };
      if ('sent' in answer) return answer.sent;
      errno = answer.errno;
      return -1;
    },
    errno: () => errno,
  } as unknown as Libc;
  return { batch: new SendBatch(libc, 3, segmentLengthMax), calls };
}

const peer = (): TransferPeer => ({ address: ipv4FromNumber(0x7f000001), port: 2000, segmentable: true });
const run = (count: number, packetLength = 1412): PacketRun => ({
  memory: allocatePinned(1),
  offset: 0,
  count,
  packetLength,
  lastLength: packetLength,
});

describe('a batch of datagrams', () => {
  it('sends a window as one message, several peers by one call', () => {
    const { batch: sending, calls } = batch([]);
    sending.queueRun(peer(), run(16));
    sending.queueRun(peer(), run(1));
    sending.queuePacket(peer(), new Uint8Array(20));
    sending.flush();
    sending.flush();
    expect(calls).toEqual([3]);
  });

  it.each([
    [16, 1472, 1],
    // 65,507 octets are the limit of a message: 44 packets of 1,472.
    [64, 1472, 2],
    // 64 segments are the limit of older kernels.
    [128, 516, 2],
    // Segments beyond the MTU are refused, so that each packet goes by itself, and the kernel makes fragments of it.
    [16, 1473, 16],
    [4, 8196, 4],
  ])('%d packets of %d octets are %d messages on a wire of 1,500', (count, packetLength, messages) => {
    const { batch: sending, calls } = batch([]);
    sending.queueRun(peer(), run(count, packetLength));
    sending.flush();
    expect(calls).toEqual([messages]);
  });

  it('goes on behind what was taken', () => {
    const { batch: sending, calls } = batch([{ sent: 2 }, { sent: 1 }]);
    for (let index = 0; index < 5; index++) sending.queueRun(peer(), run(1));
    sending.flush();
    expect(calls).toEqual([5, 3, 2]);
  });

  it('tries again when a signal came', () => {
    const { batch: sending, calls } = batch([{ errno: EINTR }]);
    sending.queueRun(peer(), run(1));
    sending.flush();
    expect(calls).toEqual([1, 1]);
  });

  it('gives up what is left when the socket is full: timers will send it again', () => {
    const { batch: sending, calls } = batch([{ sent: 1 }, { errno: EAGAIN }]);
    for (let index = 0; index < 5; index++) sending.queueRun(peer(), run(1));
    sending.flush();
    sending.flush();
    expect(calls).toEqual([5, 4]);
  });

  it('passes over a message that is refused for itself', () => {
    const { batch: sending, calls } = batch([{ sent: 2 }, { errno: ECONNREFUSED }]);
    for (let index = 0; index < 5; index++) sending.queueRun(peer(), run(1));
    sending.flush();
    expect(calls).toEqual([5, 3, 2]);
  });

  it.each([EIO, EINVAL])(
    'sends a window in pieces where the kernel cannot segment (errno %d), for good',
    (errno) => {
      const { batch: sending, calls } = batch([{ sent: 1 }, { errno }]);
      sending.queueRun(peer(), run(1));
      sending.queueRun(peer(), run(4));
      sending.queueRun(peer(), run(1));
      sending.flush();
      expect(calls).toEqual([3, 2, 1, 1, 1, 1, 1]);
      calls.length = 0;
      sending.queueRun(peer(), run(4));
      sending.flush();
      expect(calls).toEqual([4]);
    },
  );

  it('sends a window in pieces to a peer behind a smaller MTU, and in one to the others', () => {
    const { batch: sending, calls } = batch([{ errno: EMSGSIZE }]);
    const far = peer();
    sending.queueRun(far, run(4));
    sending.flush();
    expect(calls).toEqual([1, 1, 1, 1, 1]);
    expect(far.segmentable).toBe(false);
    calls.length = 0;
    sending.queueRun(far, run(4));
    sending.queueRun(peer(), run(4));
    sending.flush();
    expect(calls).toEqual([5]);
  });

  it('sends by itself when it is full, and drops what is longer than any datagram', () => {
    const { batch: sending, calls } = batch([]);
    for (let index = 0; index < 300; index++) sending.queueRun(peer(), run(1));
    for (let index = 0; index < 10; index++) sending.queuePacket(peer(), new Uint8Array(10_000));
    sending.queuePacket(peer(), new Uint8Array(70_000));
    sending.flush();
    expect(calls.reduce((sum, count) => sum + count)).toBe(310);
    expect(Math.max(...calls)).toBeLessThanOrEqual(128);
  });
});
