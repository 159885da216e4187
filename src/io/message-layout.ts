/**
 * How 64-bit little-endian Linux lays out what sendmmsg and recvmmsg take: sizes and offsets, compared with the glibc headers of
 * x86_64 and aarch64.
 */

/** `struct mmsghdr`. */
export const MMSGHDR = {
  size: 64,
  name: 0,
  nameLength: 8,
  vectors: 16,
  vectorCount: 24,
  control: 32,
  controlLength: 40,
  receivedLength: 56,
} as const;

/** `struct iovec`: an address and a length. */
export const IOVEC_SIZE = 16;

/** Whether this is the layout of the platform at hand. */
export function isLayoutKnown(): boolean {
  return process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64');
}
