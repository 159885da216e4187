import { getSystemErrorMap, getSystemErrorName } from 'node:util';
import { zoneOfIpv6 } from '../addr/ipv6.ts';

/**
 * What went wrong at the border to the operating system, in words that do not depend on it.
 *
 * - `address-in-use`: somebody else holds the port
 * - `address-not-available`: no interface of this host has the address
 * - `no-such-device`: the interface is not there, or went away
 * - `not-permitted`: a right or a capability is missing
 * - `unreachable`: no route, or the link is down
 * - `too-large`: the datagram does not fit the link
 * - `busy`: the kernel has no room just now; trying again later is sensible
 * - `not-found`: no such file or folder
 * - `disk-full`: no room on the file system, or its quota is used up
 * - `unsupported`: this platform, or this kind of interface, cannot do it
 * - `failed`: anything else; `osCode` says what
 */
export type IoErrorCode =
  | 'address-in-use'
  | 'address-not-available'
  | 'no-such-device'
  | 'not-permitted'
  | 'unreachable'
  | 'too-large'
  | 'busy'
  | 'not-found'
  | 'disk-full'
  | 'unsupported'
  | 'failed';

/** A failure of the outside world. The message is a whole sentence for people, without a full stop. */
export class IoError extends Error {
  override readonly name = 'IoError';
  readonly code: IoErrorCode;
  /** The operating system's own name for it, `EADDRINUSE`; undefined when it did not come from there. */
  readonly osCode: string | undefined;

  constructor(code: IoErrorCode, message: string, osCode?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.osCode = osCode;
  }
}

/** The only place that knows the operating system's codes; those that are missing here mean `failed`. */
const MEANINGS: Readonly<Record<string, IoErrorCode>> = {
  EADDRINUSE: 'address-in-use',
  EADDRNOTAVAIL: 'address-not-available',
  ENODEV: 'no-such-device',
  ENXIO: 'no-such-device',
  EACCES: 'not-permitted',
  EPERM: 'not-permitted',
  EROFS: 'not-permitted',
  ENETUNREACH: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETDOWN: 'unreachable',
  EHOSTDOWN: 'unreachable',
  EMSGSIZE: 'too-large',
  ENOBUFS: 'busy',
  ENOMEM: 'busy',
  EAGAIN: 'busy',
  EMFILE: 'busy',
  ENFILE: 'busy',
  ENOENT: 'not-found',
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EAFNOSUPPORT: 'unsupported',
  EPROTONOSUPPORT: 'unsupported',
  EOPNOTSUPP: 'unsupported',
};

/** The error for an operating system's code such as `EACCES`; `what` tells what was tried: "cannot open a socket". */
export function ioErrorFromOsCode(what: string, osCode: string, cause?: unknown): IoError {
  return new IoError(MEANINGS[osCode] ?? 'failed', `${what}: ${describeOsCode(osCode)}`, osCode, cause);
}

/** The error for a positive errno, as system calls leave it behind. */
export function ioErrorFromErrno(what: string, errno: number): IoError {
  return ioErrorFromOsCode(what, getSystemErrorName(-errno));
}

/**
 * The error for an address that a socket could not be bound to. The kernel says EINVAL of a link-local IPv6 address while
 * the interface of its zone (`%br-prov`) does not exist: to bootd that is an interface that is not there yet.
 */
export function bindErrorFromOsCode(what: string, host: string, osCode: string, cause?: unknown): IoError {
  const zone = zoneOfIpv6(host);
  if (osCode !== 'EINVAL' || zone === undefined) return ioErrorFromOsCode(what, osCode, cause);
  return new IoError('no-such-device', `${what}: there is no interface ${zone}`, osCode, cause);
}

/** Whether an address cannot be listened on now, but may be later: it, or its interface, is not there yet. */
export function isAwaitedAddress(error: unknown): error is IoError {
  return (
    error instanceof IoError && (error.code === 'address-not-available' || error.code === 'no-such-device')
  );
}

/** The error for whatever Node threw or handed to a callback; an IoError stays as it is. */
export function ioErrorFrom(what: string, error: unknown): IoError {
  if (error instanceof IoError) return error;
  const osCode = osCodeOf(error);
  if (osCode !== undefined) return ioErrorFromOsCode(what, osCode, error);
  return new IoError(
    'failed',
    `${what}: ${error instanceof Error ? error.message : String(error)}`,
    undefined,
    error,
  );
}

/** The error for whatever Node threw when it could not bind a socket to this address. */
export function bindErrorFrom(what: string, host: string, error: unknown): IoError {
  const osCode = osCodeOf(error);
  return osCode === undefined ? ioErrorFrom(what, error) : bindErrorFromOsCode(what, host, osCode, error);
}

function osCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  // Node's own codes (ERR_SOCKET_DGRAM_NOT_RUNNING) begin with ERR_; their message says more than the code.
  return error.code.startsWith('ERR_') ? undefined : error.code;
}

function describeOsCode(osCode: string): string {
  for (const [name, words] of getSystemErrorMap().values()) {
    if (name === osCode) return `${words} (${osCode})`;
  }
  return osCode;
}
