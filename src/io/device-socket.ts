import { formatIpv4, UNSPECIFIED_IPV4, type Ipv4 } from '../addr/ipv4.ts';
import { IoError, ioErrorFromErrno } from './io-error.ts';
import {
  LINUX,
  bindToDevice,
  closingOnFailure,
  encodeInetAddress,
  openKernelSocket,
  setIntegerOption,
  setReceiveBuffer,
} from './kernel-socket.ts';
import { accessLibc, type Libc } from './libc.ts';
import { describePortHolder } from './port-holder.ts';

/** One UDP socket that hears and speaks on one interface only. */
export interface DeviceSocketOptions {
  readonly device: string;
  readonly port: number;
  /** Default: any, so that broadcasts are heard. */
  readonly address?: Ipv4;
  /** Beyond net.core.rmem_max where CAP_NET_ADMIN allows it, else capped there. */
  readonly receiveBufferBytes?: number;
  readonly broadcast: boolean;
}

/**
 * Opens a UDP socket bound to an interface (SO_BINDTODEVICE) and returns its file descriptor, for adoptUdpPort.
 * node:dgram offers no such thing, and a socket that is not bound to its interface would answer DHCP on the wrong
 * wire. Throws IoError: `unsupported` when koffi cannot be loaded, `address-in-use` naming who holds the port.
 *
 * SO_REUSEADDR stays off on purpose: with it a second DHCP server would start beside us without a word.
 */
export function openDeviceSocket(options: DeviceSocketOptions): number {
  const access = accessLibc();
  if (access.kind === 'unavailable') {
    throw new IoError('unsupported', `cannot open a socket on interface ${options.device}: ${access.reason}`);
  }
  const { libc } = access;
  const fd = openKernelSocket(libc, LINUX.AF_INET, LINUX.SOCK_DGRAM, 0);
  return closingOnFailure(libc, fd, () => {
    bindToDevice(libc, fd, options.device);
    if (options.broadcast) setIntegerOption(libc, fd, LINUX.SO_BROADCAST, 1, 'cannot allow broadcasts');
    if (options.receiveBufferBytes !== undefined) setReceiveBuffer(libc, fd, options.receiveBufferBytes);
    bindToPort(libc, fd, options);
    return fd;
  });
}

function bindToPort(
  libc: Libc,
  fd: number,
  { device, port, address = UNSPECIFIED_IPV4 }: DeviceSocketOptions,
): void {
  const sockaddr = encodeInetAddress(address, port);
  if (libc.bind(fd, sockaddr, sockaddr.length) === 0) return;
  const errno = libc.errno();
  const at = address === UNSPECIFIED_IPV4 ? '' : ` ${formatIpv4(address)}`;
  const what = `cannot bind UDP${at} port ${port} on ${device}`;
  const failure = ioErrorFromErrno(what, errno);
  switch (failure.code) {
    case 'address-in-use':
      throw new IoError(failure.code, `${what}: ${describePortHolder(port)}`, failure.osCode);
    case 'not-permitted':
      throw new IoError(
        failure.code,
        `${failure.message}; ports below 1024 need root or CAP_NET_BIND_SERVICE`,
        failure.osCode,
      );
    default:
      throw failure;
  }
}
