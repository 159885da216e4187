import { IoError } from './io-error.ts';
import { LINUX, boundDevice } from './kernel-socket.ts';
import { accessLibc, type Libc } from './libc.ts';

/** A socket that the service manager opened for us. */
export interface InheritedSocket {
  /** FileDescriptorName= of its unit, else the unit's own name. */
  readonly name: string;
  readonly fd: number;
}

/** Which conversation a socket is meant for. */
export type SocketPurpose = 'dhcp' | 'tftp';

/** SD_LISTEN_FDS_START of sd_listen_fds(3). */
const FIRST_DESCRIPTOR = 3;

/**
 * The sockets that systemd hands over (sd_listen_fds(3)): LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES of the
 * environment. Empty when there are none, or when they are meant for another process. Throws IoError for numbers
 * that make no sense. Children do not inherit them any further.
 */
export function readInheritedSockets(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): readonly InheritedSocket[] {
  const listed = environment['LISTEN_FDS'];
  if (listed === undefined || environment['LISTEN_PID'] !== String(pid)) return [];
  if (!/^\d{1,4}$/.test(listed)) {
    throw new IoError('failed', `cannot take over sockets: LISTEN_FDS is "${listed}", which is no number`);
  }
  const names = environment['LISTEN_FDNAMES']?.split(':') ?? [];
  const sockets = Array.from({ length: Number(listed) }, (_, position) => ({
    name: names[position] ?? 'unknown',
    fd: FIRST_DESCRIPTOR + position,
  }));
  const access = accessLibc();
  if (access.kind === 'available') {
    for (const { fd } of sockets) access.libc.fcntl(fd, LINUX.F_SETFD, 'int', LINUX.FD_CLOEXEC);
  }
  return sockets;
}

/**
 * The socket for one conversation on one interface, or undefined. It is found by name, `dhcp-br-prov` or
 * `bootd-dhcp@br-prov.socket`, and never by its place, since systemd hands sockets over in an order of its own.
 * Throws IoError when it is bound to another interface, or to none: bootd would then answer on the wrong wire.
 */
export function findInheritedSocket(
  sockets: readonly InheritedSocket[],
  purpose: SocketPurpose,
  device: string,
): InheritedSocket | undefined {
  const names = [`${purpose}-${device}`, `bootd-${purpose}@${device}.socket`];
  const found = sockets.find(({ name }) => names.includes(name));
  if (found === undefined) return undefined;
  const access = accessLibc();
  if (access.kind === 'available') checkSocket(access.libc, found, device);
  return found;
}

function checkSocket(libc: Libc, { name, fd }: InheritedSocket, device: string): void {
  const handedOver = `the socket "${name}" that systemd handed over`;
  const type = new Uint8Array(4);
  if (libc.getsockopt(fd, LINUX.SOL_SOCKET, LINUX.SO_TYPE, type, Uint32Array.of(type.length)) < 0) {
    throw new IoError('failed', `${handedOver} (file descriptor ${fd}) is not a socket`);
  }
  if (new Int32Array(type.buffer)[0] !== LINUX.SOCK_DGRAM) {
    throw new IoError('failed', `${handedOver} is not a UDP socket: its unit needs ListenDatagram=`);
  }
  const actual = boundDevice(libc, fd);
  if (actual === device) return;
  const bound = actual === undefined ? 'not bound to an interface' : `bound to interface ${actual}`;
  throw new IoError('failed', `${handedOver} is ${bound}: its unit needs BindToDevice=${device}`);
}
