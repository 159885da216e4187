import { createRequire } from 'node:module';
import type * as Koffi from 'koffi';

/**
 * The C library's socket calls, for what node:dgram cannot do. Numbers and buffers go through unchanged; a
 * negative result means failure and `errno()`, asked at once, says why. Addresses (`size_t`) are plain numbers:
 * user space ends below 2^53 on every platform that Node runs on.
 *
 * Whoever hands over the address of a buffer keeps the buffer referenced until the call has returned.
 */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, addressLength: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, valueLength: number): number;
  /** `valueLength` holds the room before the call and what was used after it. */
  getsockopt(fd: number, level: number, name: number, value: Uint8Array, valueLength: Uint32Array): number;
  /** As `getsockopt`. */
  getsockname(fd: number, address: Uint8Array, addressLength: Uint32Array): number;
  sendto(
    fd: number,
    bytes: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array | null,
    addressLength: number,
  ): number;
  recv(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  /** `messages` is the address of an array of `struct mmsghdr`, `timeout` that of a `struct timespec`, or 0. */
  recvmmsg(fd: number, messages: number, count: number, flags: number, timeout: number): number;
  /** `messages` is the address of an array of `struct mmsghdr`. */
  sendmmsg(fd: number, messages: number, count: number, flags: number): number;
  /** `vectors` is the address of an array of `struct iovec`. Undefined where the C library does not have it. */
  readonly preadv2:
    ((fd: number, vectors: number, count: number, offset: number, flags: number) => number) | undefined;
  fcntl(fd: number, command: number, type: 'int', argument: number): number;
  ioctl(fd: number, request: number, type: 'void *', argument: Uint8Array): number;
  close(fd: number): number;
  /** Of the last call on this thread; only valid before the next one. */
  errno(): number;
  /** Where the first octet of the view lies in memory. */
  addressOf(bytes: Uint8Array): number;
}

/** The C library, or the reason why it cannot be called here. */
export type LibcAccess =
  | { readonly kind: 'available'; readonly libc: Libc }
  | { readonly kind: 'unavailable'; readonly reason: string };

let access: LibcAccess | undefined;

/**
 * Loads koffi, which calls C functions, on first use. It is an optional dependency with prebuilt binaries: on a
 * platform that has none the reason comes back, and each caller has its own way of doing without.
 */
export function accessLibc(): LibcAccess {
  access ??= loadLibc();
  return access;
}

function loadLibc(): LibcAccess {
  try {
    // `require`, since loading must happen inside synchronous set-up code, and only when it is wanted.
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
    // null: the symbols of this process, so that glibc and musl serve alike.
    const library = koffi.load(null);
    const libc: Libc = {
      socket: library.func('int socket(int domain, int type, int protocol)'),
      bind: library.func('int bind(int fd, const void *address, uint32_t length)'),
      setsockopt: library.func(
        'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
      ),
      getsockopt: library.func('int getsockopt(int fd, int level, int name, void *value, void *length)'),
      getsockname: library.func('int getsockname(int fd, void *address, void *length)'),
      sendto: library.func(
        'intptr_t sendto(int fd, const void *bytes, size_t length, int flags, const void *address, uint32_t addressLength)',
      ),
      recv: library.func('intptr_t recv(int fd, void *bytes, size_t length, int flags)'),
      recvmmsg: library.func(
        'int recvmmsg(int fd, size_t messages, unsigned int count, int flags, size_t timeout)',
      ),
      sendmmsg: library.func('int sendmmsg(int fd, size_t messages, unsigned int count, int flags)'),
      preadv2: ifThere(() =>
        library.func('intptr_t preadv2(int fd, size_t vectors, int count, int64_t offset, int flags)'),
      ),
      fcntl: library.func('int fcntl(int fd, int command, ...)'),
      ioctl: library.func('int ioctl(int fd, unsigned long request, ...)'),
      close: library.func('int close(int fd)'),
      errno: () => koffi.errno(),
      addressOf: (bytes) => Number(koffi.address(bytes)),
    };
    return { kind: 'available', libc };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? error.name) : String(error);
    return { kind: 'unavailable', reason: `the optional package koffi cannot be loaded: ${reason}` };
  }
}

/** A function that older C libraries do not have. */
function ifThere<Call>(find: () => Call): Call | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}
