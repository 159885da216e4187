import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LINUX, encodeUnixAddress, openKernelSocket } from '../../../src/io/kernel-socket.ts';
import { accessLibc, type Libc } from '../../../src/io/libc.ts';
import { openServiceNotifier } from '../../../src/io/sd-notify.ts';

let scratch: string;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'bootd-notify-'));
});

afterEach(() => rmSync(scratch, { recursive: true }));

/** Plays systemd's end of the socket. */
function listen(libc: Libc, path: string): { messages: () => string[]; close: () => void } {
  const fd = openKernelSocket(libc, LINUX.AF_UNIX, LINUX.SOCK_DGRAM, 0);
  const address = encodeUnixAddress(path);
  expect(libc.bind(fd, address, address.length)).toBe(0);
  const buffer = new Uint8Array(4096);
  return {
    messages() {
      const received: string[] = [];
      for (;;) {
        const length = libc.recv(fd, buffer, buffer.length, LINUX.MSG_DONTWAIT);
        if (length < 0) return received;
        received.push(Buffer.from(buffer.subarray(0, length)).toString());
      }
    },
    close: () => void libc.close(fd),
  };
}

describe('a service without a manager', () => {
  it.each([{}, { NOTIFY_SOCKET: '' }])('says nothing and complains about nothing: %j', (environment) => {
    const notifier = openServiceNotifier(environment, 1);
    notifier.ready('serving');
    notifier.watchdog();
    notifier.stopping();
    expect(notifier.problem()).toBeUndefined();
    expect(notifier.watchdogTimeoutMs).toBeUndefined();
  });
});

describe('a service under a manager', () => {
  it.for(['path', 'abstract'] as const)('tells it everything, through a socket by %s', (kind, { skip }) => {
    const access = accessLibc();
    if (access.kind === 'unavailable') return skip(access.reason);
    const path = kind === 'path' ? join(scratch, 'notify') : `@bootd-test-${process.pid}`;
    const manager = listen(access.libc, path);
    const notifier = openServiceNotifier({ NOTIFY_SOCKET: path }, 1);
    notifier.ready('serving br-prov');
    notifier.status('two\nlines\tand  spaces');
    notifier.watchdog();
    notifier.reloading();
    notifier.sockets.keep('dhcp-br-prov', 0);
    notifier.sockets.forget('dhcp-br-prov');
    notifier.stopping();
    expect(manager.messages()).toEqual([
      'READY=1\nSTATUS=serving br-prov',
      'STATUS=two lines and spaces',
      'WATCHDOG=1',
      expect.stringMatching(/^RELOADING=1\nMONOTONIC_USEC=\d{6,}$/),
      'FDSTOREREMOVE=1\nFDNAME=dhcp-br-prov',
      'FDSTORE=1\nFDNAME=dhcp-br-prov\nFDPOLL=0',
      'FDSTOREREMOVE=1\nFDNAME=dhcp-br-prov',
      'STOPPING=1',
    ]);
    expect(notifier.problem()).toBeUndefined();
    manager.close();
  });

  it('does not stop when the manager is gone, or does not read, but tells what is wrong', ({ skip }) => {
    const access = accessLibc();
    if (access.kind === 'unavailable') return skip(access.reason);
    const path = join(scratch, 'notify');
    const notifier = openServiceNotifier({ NOTIFY_SOCKET: path }, 1);
    notifier.ready('serving');
    expect(notifier.problem()).toContain(`cannot talk to the service manager at ${path}`);

    const manager = listen(access.libc, path);
    notifier.watchdog();
    expect(notifier.problem()).toBeUndefined();
    for (let count = 0; count < 10_000 && notifier.problem() === undefined; count += 1) notifier.watchdog();
    expect(notifier.problem()).toContain('EAGAIN');
    manager.messages();
    notifier.watchdog();
    expect(notifier.problem()).toBeUndefined();
    manager.close();
  });
});

describe('the watchdog', () => {
  it.each([
    { environment: { WATCHDOG_USEC: '30000000' }, expected: 30_000 },
    { environment: { WATCHDOG_USEC: '2000000', WATCHDOG_PID: '42' }, expected: 2000 },
    { environment: { WATCHDOG_USEC: '2000000', WATCHDOG_PID: '43' }, expected: undefined },
    { environment: { WATCHDOG_USEC: '0' }, expected: undefined },
    { environment: { WATCHDOG_USEC: 'soon' }, expected: undefined },
    { environment: {}, expected: undefined },
  ])('is $expected ms for $environment', ({ environment, expected }) => {
    expect(openServiceNotifier(environment, 42).watchdogTimeoutMs).toBe(expected);
  });
});
