import { IoError, ioErrorFromErrno } from './io-error.ts';
import {
  LINUX,
  SOCKADDR_IN_SIZE,
  bindToDevice,
  boundDevice,
  closingOnFailure,
  openKernelSocket,
  setIntegerOption,
  turnOffPathDiscovery,
} from './kernel-socket.ts';
import type { Libc } from './libc.ts';
import { giveAllToFirst } from './packet-filter.ts';

/**
 * Opens a second UDP socket on the port that `fd` is bound to, for sending alone. For each datagram that has left a
 * socket, the kernel wakes whoever waits for that socket, and the event loop waits for `fd` all the time: that takes a twentieth of
 * what sending costs. Nobody waits for this one.
 *
 * It receives nothing: all that comes to the port is given to `fd`. So would be what comes to a third socket; the kernel never gives
 * the port away by itself, and lets only one of our own user in that asks for just this port with SO_REUSEPORT.
 *
 * Undefined where the kernel does not let us: then files go out by `fd` itself.
 */
export function openSendingSocket(libc: Libc, fd: number): number | undefined {
  try {
    const name = new Uint8Array(SOCKADDR_IN_SIZE);
    if (libc.getsockname(fd, name, Uint32Array.of(name.length)) < 0) return undefined;
    const device = boundDevice(libc, fd);
    setIntegerOption(libc, fd, LINUX.SO_REUSEPORT, 1, 'cannot share the port');
    try {
      return openBeside(libc, name, device);
    } finally {
      setIntegerOption(libc, fd, LINUX.SO_REUSEPORT, 0, 'cannot keep the port');
    }
  } catch (error) {
    if (error instanceof IoError) return undefined;
    throw error;
  }
}

function openBeside(libc: Libc, name: Uint8Array, device: string | undefined): number {
  const fd = openKernelSocket(libc, LINUX.AF_INET, LINUX.SOCK_DGRAM, 0);
  return closingOnFailure(libc, fd, () => {
    if (device !== undefined) bindToDevice(libc, fd, device);
    setIntegerOption(libc, fd, LINUX.SO_REUSEPORT, 1, 'cannot share the port');
    turnOffPathDiscovery(libc, fd);
    if (libc.bind(fd, name, name.length) < 0) throw ioErrorFromErrno('cannot share the port', libc.errno());
    giveAllToFirst(libc, fd);
    return fd;
  });
}
