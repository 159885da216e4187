import { sendDescriptor } from './descriptor-message.ts';
import { ioErrorFromErrno } from './io-error.ts';
import { LINUX, encodeUnixAddress } from './kernel-socket.ts';
import { accessLibc, type Libc } from './libc.ts';
import { isLayoutKnown } from './message-layout.ts';

/**
 * Keeps sockets beyond the life of this process (FDSTORE=1 of sd_notify(3)): the next process of the service is handed
 * them, with what clients have sent meanwhile. Where no service manager listens, nothing is kept.
 */
export interface SocketKeeper {
  /** Under this name, ASCII without `:`, and instead of what was kept under it; the descriptor stays ours too. */
  keep(name: string, fd: number): void;
  /** The manager closes its copies of all sockets of this name. */
  forget(name: string): void;
}

/** For whoever has no service manager. */
export const NO_KEEPER: SocketKeeper = { keep: () => undefined, forget: () => undefined };

/** Tells systemd how the service is doing (sd_notify(3)); says nothing where no service manager listens. */
export interface ServiceNotifier {
  /** The service is ready to serve (READY=1); `status` is what `systemctl status` shows from now on. */
  ready(status: string): void;
  status(text: string): void;
  /** A reload has begun (RELOADING=1); `ready` says that it is over, whether it was of any use or not. */
  reloading(): void;
  stopping(): void;
  /** The event loop is alive (WATCHDOG=1). */
  watchdog(): void;
  /** After how long without `watchdog()` systemd kills us; undefined: it does not watch. Send at half of it. */
  readonly watchdogTimeoutMs: number | undefined;
  /** Why messages do not get through; undefined while all is well, or nobody listens. */
  problem(): string | undefined;
  readonly sockets: SocketKeeper;
}

/**
 * Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID of the environment. Never throws: a daemon that cannot talk to
 * its manager goes on serving; `problem` tells what to log.
 */
export function openServiceNotifier(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): ServiceNotifier {
  const path = environment['NOTIFY_SOCKET'];
  const channel: Channel =
    path === undefined || path === ''
      ? { send: () => undefined, sendDescriptor: () => undefined, problem: () => undefined }
      : openChannel(path);
  return {
    // Of these the manager must hear, so they wait until its queue has room, as sd_notify(3) itself does.
    ready: (status) => channel.send(`READY=1\nSTATUS=${oneLine(status)}`, 'wait'),
    // systemd 253 and later want the time of CLOCK_MONOTONIC with it, which is what hrtime counts on Linux.
    reloading: () =>
      channel.send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / MICROSECOND_NS}`, 'wait'),
    stopping: () => channel.send('STOPPING=1', 'wait'),
    status: (text) => channel.send(`STATUS=${oneLine(text)}`, 'skip'),
    watchdog: () => channel.send('WATCHDOG=1', 'skip'),
    watchdogTimeoutMs: watchdogTimeout(environment, pid),
    problem: () => channel.problem(),
    sockets: {
      keep: (name, fd) => {
        channel.send(`FDSTOREREMOVE=1\nFDNAME=${name}`, 'wait');
        // FDPOLL=0: else the manager drops a socket as soon as an ICMP error is pending on it.
        channel.sendDescriptor(`FDSTORE=1\nFDNAME=${name}\nFDPOLL=0`, fd);
      },
      forget: (name) => channel.send(`FDSTOREREMOVE=1\nFDNAME=${name}`, 'wait'),
    },
  };
}

const MICROSECOND_NS = 1000n;

interface Channel {
  /** `skip`: when the manager's queue is full the message is dropped rather than the event loop stopped. */
  send(message: string, whenFull: 'wait' | 'skip'): void;
  /** Waits while the manager's queue is full. Where we cannot send descriptors, nothing is sent. */
  sendDescriptor(message: string, descriptor: number): void;
  problem(): string | undefined;
}

function openChannel(path: string): Channel {
  const access = accessLibc();
  if (access.kind === 'unavailable') {
    const problem = `cannot talk to the service manager: ${access.reason}`;
    return { send: () => undefined, sendDescriptor: () => undefined, problem: () => problem };
  }
  return openDatagramChannel(access.libc, path);
}

function openDatagramChannel(libc: Libc, path: string): Channel {
  const address = encodeUnixAddress(path);
  const what = `cannot talk to the service manager at ${path}`;
  // Not openKernelSocket: this one may block, see `wait`.
  const fd = libc.socket(LINUX.AF_UNIX, LINUX.SOCK_DGRAM | LINUX.SOCK_CLOEXEC, 0);
  let problem = fd < 0 ? ioErrorFromErrno(what, libc.errno()).message : undefined;
  return {
    send(message, whenFull) {
      if (fd < 0) return;
      const bytes = new TextEncoder().encode(message);
      const flags = LINUX.MSG_NOSIGNAL | (whenFull === 'skip' ? LINUX.MSG_DONTWAIT : 0);
      const sent = libc.sendto(fd, bytes, bytes.length, flags, address, address.length);
      problem = sent < 0 ? ioErrorFromErrno(what, libc.errno()).message : undefined;
    },
    sendDescriptor(message, descriptor) {
      if (fd < 0 || !isLayoutKnown()) return;
      const sent = sendDescriptor(libc, fd, address, new TextEncoder().encode(message), descriptor);
      problem = sent < 0 ? ioErrorFromErrno(what, libc.errno()).message : undefined;
    },
    problem: () => problem,
  };
}

/** A line feed would begin the next assignment of the message. */
function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

/** WATCHDOG_PID tells for which process of a service the watchdog is meant; absent: for whoever reads it. */
function watchdogTimeout(
  environment: Readonly<Record<string, string | undefined>>,
  pid: number,
): number | undefined {
  const meantFor = environment['WATCHDOG_PID'];
  if (meantFor !== undefined && meantFor !== String(pid)) return undefined;
  const microseconds = Number(environment['WATCHDOG_USEC']);
  return Number.isSafeInteger(microseconds) && microseconds > 0 ? microseconds / 1000 : undefined;
}
