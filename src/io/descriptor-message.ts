import { LINUX } from './kernel-socket.ts';
import type { Libc } from './libc.ts';
import { allocatePinned } from './memory-pool.ts';
import { IOVEC_SIZE, MMSGHDR } from './message-layout.ts';

/** Room of a control message that carries one 32-bit number, and its length without the padding behind it. */
const CMSG_SPACE = 24;
const CMSG_LENGTH = 20;
const SCM_RIGHTS = 1;

/**
 * Sends a datagram on a Unix socket together with a file descriptor, of which the receiver gets a copy (SCM_RIGHTS,
 * unix(7)). Returns 1 when it was sent; otherwise `libc.errno()`, asked at once, says why not. Only where the layout of
 * `struct mmsghdr` is known.
 */
export function sendDescriptor(
  libc: Libc,
  socket: number,
  to: Uint8Array,
  bytes: Uint8Array,
  descriptor: number,
): number {
  const vector = MMSGHDR.size;
  const control = vector + IOVEC_SIZE;
  const name = control + CMSG_SPACE;
  const content = name + to.length;
  const memory = allocatePinned(content + bytes.length);
  const view = new DataView(memory.bytes.buffer, memory.bytes.byteOffset, memory.bytes.length);
  const setPointer = (at: number, target: number): void =>
    view.setBigUint64(at, BigInt(memory.address + target), true);
  memory.bytes.fill(0);
  setPointer(MMSGHDR.name, name);
  view.setUint32(MMSGHDR.nameLength, to.length, true);
  setPointer(MMSGHDR.vectors, vector);
  view.setBigUint64(MMSGHDR.vectorCount, 1n, true);
  setPointer(MMSGHDR.control, control);
  view.setBigUint64(MMSGHDR.controlLength, BigInt(CMSG_SPACE), true);
  setPointer(vector, content);
  view.setBigUint64(vector + 8, BigInt(bytes.length), true);
  view.setBigUint64(control, BigInt(CMSG_LENGTH), true);
  view.setInt32(control + 8, LINUX.SOL_SOCKET, true);
  view.setInt32(control + 12, SCM_RIGHTS, true);
  view.setInt32(control + 16, descriptor, true);
  memory.bytes.set(to, name);
  memory.bytes.set(bytes, content);
  return libc.sendmmsg(socket, memory.address, 1, LINUX.MSG_NOSIGNAL);
}
