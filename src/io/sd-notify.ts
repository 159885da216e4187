import { ioErrorFromErrno } from './io-error.ts';
import { LINUX, encodeUnixAddress } from './kernel-socket.ts';
import { accessLibc, type Libc } from './libc.ts';

/** Tells systemd how the service is doing (sd_notify(3)); says nothing where no service manager listens. */
export interface ServiceNotifier {
  /** The service is ready to serve (READY=1); `status` is what `systemctl status` shows from now on. */
  ready(status: string): void;
  status(text: string): void;
  stopping(): void;
  /** The event loop is alive (WATCHDOG=1). */
  watchdog(): void;
  /** After how long without `watchdog()` systemd kills us; undefined: it does not watch. Send at half of it. */
  readonly watchdogTimeoutMs: number | undefined;
  /** Why messages do not get through; undefined while all is well, or nobody listens. */
  problem(): string | undefined;
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
      ? { send: () => undefined, problem: () => undefined }
      : openChannel(path);
  return {
    // Of these two the manager must hear, so they wait until its queue has room, as sd_notify(3) itself does.
    ready: (status) => channel.send(`READY=1\nSTATUS=${oneLine(status)}`, 'wait'),
    stopping: () => channel.send('STOPPING=1', 'wait'),
    status: (text) => channel.send(`STATUS=${oneLine(text)}`, 'skip'),
    watchdog: () => channel.send('WATCHDOG=1', 'skip'),
    watchdogTimeoutMs: watchdogTimeout(environment, pid),
    problem: () => channel.problem(),
  };
}

interface Channel {
  /** `skip`: when the manager's queue is full the message is dropped rather than the event loop stopped. */
  send(message: string, whenFull: 'wait' | 'skip'): void;
  problem(): string | undefined;
}

function openChannel(path: string): Channel {
  const access = accessLibc();
  if (access.kind === 'unavailable') {
    const problem = `cannot talk to the service manager: ${access.reason}`;
    return { send: () => undefined, problem: () => problem };
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
