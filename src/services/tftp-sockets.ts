import { randomInt } from 'node:crypto';
import { formatIpv4, UNSPECIFIED_IPV4 } from '../addr/ipv4.ts';
import { openKernelTransferSocket, shareAddress } from '../io/batched-transfer-socket.ts';
import { socketName } from '../io/inherited-sockets.ts';
import { ioErrorFrom, IoError } from '../io/io-error.ts';
import { accessLibc, type Libc } from '../io/libc.ts';
import { isLayoutKnown } from '../io/message-layout.ts';
import { adoptPlainTransferSocket, openPlainTransferSocket } from '../io/plain-transfer-socket.ts';
import { describePortHolder } from '../io/port-holder.ts';
import type { SocketKeeper } from '../io/sd-notify.ts';
import type { TransferSocket } from '../io/transfer-socket.ts';
import type { TftpSettings } from '../tftp/tftp-settings.ts';
import type { DataSocketSource } from './tftp-messages.ts';
import type { TftpPlace } from './tftp-places.ts';

/** A rack that powers on at once asks for a thousand files before we are told of the first. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/**
 * Sockets that files are sent from, at each place. Nearly everybody is served from the first one, so that many
 * transfers share a system call; the others are for clients that use their port again at once.
 */
const DATA_SOCKETS = 4;

/** Of a configured range, no place takes more than this share. */
const RANGE_SHARE = 8;

/** The C library, where sockets can be made that Node cannot make, and be used in batches. */
export function kernelSockets(): Libc | undefined {
  const access = accessLibc();
  return access.kind === 'available' && isLayoutKnown() ? access.libc : undefined;
}

/**
 * The socket for requests, in this thread: one datagram a turn, so that DHCP is served in between. Rejects with IoError,
 * which names who holds the port.
 */
export async function openRequestSocket(
  place: TftpPlace,
  port: number,
  keeper: SocketKeeper,
): Promise<TransferSocket> {
  const source = openRequestSource(place, port, keeper);
  if (source.kind === 'descriptor') return adoptPlainTransferSocket(source.fd);
  const { family, address } = source;
  try {
    return await openPlainTransferSocket({ family, address, port, receiveBufferBytes: RECEIVE_BUFFER_BYTES });
  } catch (error) {
    throw explainBindFailure(error, port);
  }
}

/** The same for a data plane that receives the requests itself (single-port mode). Throws IoError. */
export function openRequestSource(place: TftpPlace, port: number, keeper: SocketKeeper): DataSocketSource {
  const libc = kernelSockets();
  const { inherited } = place;
  if (inherited !== undefined) {
    if (libc !== undefined) shareAddress(libc, inherited.fd);
    return { kind: 'descriptor', fd: inherited.fd, forwardRequests: true };
  }
  if (libc === undefined || typeof place.address === 'string') return plainSource(place, [port], true);
  try {
    const fd = openRequestDescriptor(libc, place, port);
    const name = keptName(place);
    if (name !== undefined) keeper.keep(name, fd);
    return { kind: 'descriptor', fd, forwardRequests: true };
  } catch (error) {
    throw explainBindFailure(error, port);
  }
}

/** What the request socket of a place is kept as for our next process; undefined where it is tied to no interface. */
export function keptName({ device, address }: TftpPlace): string | undefined {
  if (device === undefined || typeof address === 'string') return undefined;
  return socketName('tftp', device, address === UNSPECIFIED_IPV4 ? undefined : formatIpv4(address));
}

/**
 * The first socket of an interface must have the port for itself, or another server would share it without a word. Those
 * of single addresses come afterwards, and the kernel prefers them.
 */
function openRequestDescriptor(libc: Libc, place: TftpPlace, port: number): number {
  const fd = openKernelSocket(libc, place, port);
  if (place.device !== undefined) shareAddress(libc, fd);
  return fd;
}

/** The sockets that files are sent from, for a data plane to take over. Throws IoError. */
export function openDataSources(place: TftpPlace, range: TftpSettings['portRange']): DataSocketSource[] {
  const libc = kernelSockets();
  const ports = range === undefined ? new Array<number>(DATA_SOCKETS).fill(0) : shufflePorts(range);
  const wanted = Math.min(
    DATA_SOCKETS,
    range === undefined ? DATA_SOCKETS : Math.ceil(ports.length / RANGE_SHARE),
  );
  if (libc === undefined || typeof place.address === 'string') {
    return Array.from({ length: wanted }, () => plainSource(place, ports, false));
  }
  const sources: DataSocketSource[] = [];
  for (const port of ports) {
    if (sources.length === wanted) break;
    try {
      const fd = openKernelSocket(libc, { ...place, sharesPort: false }, port);
      sources.push({ kind: 'descriptor', fd, forwardRequests: false });
    } catch (error) {
      // One port of the range is enough.
      if (range === undefined || !(error instanceof IoError) || error.code !== 'address-in-use') throw error;
    }
  }
  if (sources.length > 0) return sources;
  throw new IoError(
    'address-in-use',
    `cannot send files: no UDP port from ${range?.first} to ${range?.last} is free`,
  );
}

function openKernelSocket(libc: Libc, { address, device, sharesPort }: TftpPlace, port: number): number {
  return openKernelTransferSocket(libc, {
    address: typeof address === 'string' ? UNSPECIFIED_IPV4 : address,
    port,
    device,
    sharesAddress: sharesPort,
    receiveBufferBytes: RECEIVE_BUFFER_BYTES,
  });
}

function plainSource(
  { family, address }: TftpPlace,
  ports: readonly number[],
  forwardRequests: boolean,
): DataSocketSource & { readonly kind: 'plain' } {
  const text = typeof address === 'string' ? address : formatIpv4(address);
  return { kind: 'plain', family, address: text, ports, forwardRequests };
}

/** As in.tftpd has it: from a random port upwards, and around. */
function shufflePorts({ first, last }: { readonly first: number; readonly last: number }): number[] {
  const count = last - first + 1;
  const start = randomInt(count);
  return Array.from({ length: count }, (_, index) => first + ((start + index) % count));
}

function explainBindFailure(error: unknown, port: number): IoError {
  const failure = ioErrorFrom('cannot listen for TFTP', error);
  switch (failure.code) {
    case 'address-in-use':
      return new IoError(
        failure.code,
        `${failure.message}: ${describePortHolder(port)}`,
        failure.osCode,
        error,
      );
    case 'not-permitted': {
      const hint = 'ports below 1024 need root or CAP_NET_BIND_SERVICE';
      return new IoError(failure.code, `${failure.message}; ${hint}`, failure.osCode, error);
    }
    default:
      return failure;
  }
}
