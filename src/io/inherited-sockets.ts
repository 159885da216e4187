import { closeSync } from 'node:fs';
import { IoError } from './io-error.ts';
import { LINUX, bindToDevice, boundDevice, boundPort, setIntegerOption } from './kernel-socket.ts';
import { accessLibc, type Libc } from './libc.ts';
import type { SocketKeeper } from './sd-notify.ts';

/** A socket that the service manager opened for us. */
export interface InheritedSocket {
  /** FileDescriptorName= of its unit, else the unit's own name. */
  readonly name: string;
  readonly fd: number;
}

/** Which conversation a socket is meant for; `boot-server` is the second port of PXE's menus and of proxy mode. */
export type SocketPurpose = 'dhcp' | 'boot-server' | 'tftp';

/** What the socket of a conversation on an interface is called; `address` for one that is bound to that address alone. */
export function socketName(purpose: SocketPurpose, device: string, address?: string): string {
  return address === undefined ? `${purpose}-${device}` : `${purpose}-${device}@${address}`;
}

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

/** The socket that is looked for. */
export interface WantedSocket {
  readonly purpose: SocketPurpose;
  readonly device: string;
  /** The one that is bound to this address alone; undefined: the one for any. */
  readonly address?: string;
  readonly port: number;
}

/**
 * The socket for one conversation on one interface, or undefined. It is found by name, `dhcp-br-prov` or
 * `bootd-dhcp@br-prov.socket`, and never by its place, since systemd hands sockets over in an order of its own. One with
 * another port was kept from an earlier configuration, and is passed over. One whose interface was made anew meanwhile is
 * tied to the new one, where CAP_NET_RAW allows it. Throws IoError when it is bound to another interface, or to none:
 * bootd would then answer on the wrong wire.
 */
export function findInheritedSocket(
  sockets: readonly InheritedSocket[],
  { purpose, device, address, port }: WantedSocket,
): InheritedSocket | undefined {
  const found = sockets.filter(({ name }) => namesOf(purpose, device, address).includes(name));
  const access = accessLibc();
  if (access.kind === 'unavailable') return found[0];
  const { libc } = access;
  for (const socket of found) checkType(libc, socket);
  const tied = found.filter((socket) => isTied(libc, socket, device));
  const fits = ({ fd }: InheritedSocket): boolean => boundPort(libc, fd) === port;
  return tied.find(fits) ?? found.find((one) => !tied.includes(one) && fits(one) && tie(libc, one, device));
}

/**
 * What is left when this socket was claimed. Others of its name are closed: a socket unit that started late has bound a
 * second one beside ours, and what came to a socket that nobody reads would be lost.
 */
export function withoutClaimed(
  sockets: readonly InheritedSocket[],
  claimed: InheritedSocket | undefined,
  keeper: SocketKeeper,
): readonly InheritedSocket[] {
  if (claimed === undefined) return sockets;
  const surplus = sockets.filter((socket) => socket !== claimed && socket.name === claimed.name);
  for (const { fd } of surplus) closeSync(fd);
  if (surplus.length > 0) keeper.keep(claimed.name, claimed.fd);
  return sockets.filter(({ name }) => name !== claimed.name);
}

/** Those that belong to one of the interfaces and conversations, and those that nobody will ask for. */
export function sortInheritedSockets(
  sockets: readonly InheritedSocket[],
  devices: readonly string[],
  purposes: readonly SocketPurpose[],
): { readonly wanted: readonly InheritedSocket[]; readonly strays: readonly InheritedSocket[] } {
  const isWanted = ({ name }: InheritedSocket): boolean =>
    devices.some((device) =>
      purposes.some(
        (purpose) =>
          namesOf(purpose, device).includes(name) || name.startsWith(`${socketName(purpose, device)}@`),
      ),
    );
  return { wanted: sockets.filter(isWanted), strays: sockets.filter((socket) => !isWanted(socket)) };
}

function namesOf(purpose: SocketPurpose, device: string, address?: string): readonly string[] {
  const name = socketName(purpose, device, address);
  return address === undefined ? [name, `bootd-${purpose}@${device}.socket`] : [name];
}

/** Whether the socket is bound to the interface as it is now; false for one that is gone. Throws IoError. */
function isTied(libc: Libc, socket: InheritedSocket, device: string): boolean {
  const handedOver = describe(socket);
  let actual: string | undefined;
  try {
    actual = boundDevice(libc, socket.fd);
  } catch (error) {
    if (error instanceof IoError && error.code === 'no-such-device') return false;
    throw error;
  }
  if (actual !== device) {
    const bound = actual === undefined ? 'not bound to an interface' : `bound to interface ${actual}`;
    throw new IoError('failed', `${handedOver} is ${bound}: its unit needs BindToDevice=${device}`);
  }
  // systemd sets it on every socket; with it a second server would start beside us without a word.
  setIntegerOption(libc, socket.fd, LINUX.SO_REUSEADDR, 0, `cannot keep the port of ${handedOver}`);
  return true;
}

function tie(libc: Libc, socket: InheritedSocket, device: string): boolean {
  try {
    bindToDevice(libc, socket.fd, device);
  } catch {
    return false;
  }
  return isTied(libc, socket, device);
}

function describe({ name }: InheritedSocket): string {
  return `the socket "${name}" that systemd handed over`;
}

function checkType(libc: Libc, socket: InheritedSocket): void {
  const type = new Uint8Array(4);
  if (libc.getsockopt(socket.fd, LINUX.SOL_SOCKET, LINUX.SO_TYPE, type, Uint32Array.of(type.length)) < 0) {
    throw new IoError('failed', `${describe(socket)} (file descriptor ${socket.fd}) is not a socket`);
  }
  if (new Int32Array(type.buffer)[0] !== LINUX.SOCK_DGRAM) {
    throw new IoError('failed', `${describe(socket)} is not a UDP socket: its unit needs ListenDatagram=`);
  }
}
