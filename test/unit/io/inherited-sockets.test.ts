import { describe, expect, it } from 'vitest';
import {
  findInheritedSocket,
  readInheritedSockets,
  sortInheritedSockets,
} from '../../../src/io/inherited-sockets.ts';
import { accessLibc } from '../../../src/io/libc.ts';

const PID = 4711;

// File descriptors of these tests are never touched: LISTEN_PID is another process, or the number is out of range.
describe('readInheritedSockets', () => {
  it.each([
    { name: 'no environment', environment: {} },
    { name: 'no process', environment: { LISTEN_FDS: '2', LISTEN_FDNAMES: 'a:b' } },
    { name: 'another process', environment: { LISTEN_FDS: '2', LISTEN_PID: '4712', LISTEN_FDNAMES: 'a:b' } },
    { name: 'an empty list', environment: { LISTEN_FDS: '0', LISTEN_PID: '4711' } },
  ])('finds nothing for $name', ({ environment }) => {
    expect(readInheritedSockets(environment, PID)).toEqual([]);
  });

  it.each(['x', '-1', '', '1e3', '99999'])('refuses LISTEN_FDS=%j', (listed) => {
    expect(() => readInheritedSockets({ LISTEN_FDS: listed, LISTEN_PID: '4711' }, PID)).toThrow(
      `LISTEN_FDS is "${listed}"`,
    );
  });
});

describe('findInheritedSocket', () => {
  const SOCKETS = [
    { name: 'tftp-eth0', fd: 90_003 },
    { name: 'dhcp-eth1', fd: 90_004 },
  ];

  it('goes by name, and finds nothing for a name that is not there', () => {
    expect(findInheritedSocket(SOCKETS, { purpose: 'dhcp', device: 'eth0', port: 67 })).toBeUndefined();
    expect(findInheritedSocket(SOCKETS, { purpose: 'tftp', device: 'eth1', port: 67 })).toBeUndefined();
    expect(findInheritedSocket([], { purpose: 'dhcp', device: 'eth0', port: 67 })).toBeUndefined();
  });

  it('does not take a file descriptor for a socket without asking', ({ skip }) => {
    if (accessLibc().kind === 'unavailable') return skip('koffi cannot be loaded');
    expect(() => findInheritedSocket(SOCKETS, { purpose: 'dhcp', device: 'eth1', port: 67 })).toThrow(
      'the socket "dhcp-eth1" that systemd handed over (file descriptor 90004) is not a socket',
    );
  });
});

describe('sortInheritedSockets', () => {
  it('tells those of this configuration from those of an earlier one', () => {
    const names = [
      'dhcp-eth0',
      'bootd-dhcp@eth0.socket',
      'boot-server-eth0',
      'tftp-eth0@192.168.0.5',
      'tftp-eth01',
      'dhcp-eth1',
      'something',
    ];
    const sockets = names.map((name, index) => ({ name, fd: 90_000 + index }));
    const { wanted, strays } = sortInheritedSockets(sockets, ['eth0'], ['dhcp', 'tftp']);
    expect(wanted.map(({ name }) => name)).toEqual([
      'dhcp-eth0',
      'bootd-dhcp@eth0.socket',
      'tftp-eth0@192.168.0.5',
    ]);
    expect(strays.map(({ name }) => name)).toEqual([
      'boot-server-eth0',
      'tftp-eth01',
      'dhcp-eth1',
      'something',
    ]);
  });
});
