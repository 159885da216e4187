import { describe, expect, it } from 'vitest';
import { findInheritedSocket, readInheritedSockets } from '../../../src/io/inherited-sockets.ts';
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
    expect(findInheritedSocket(SOCKETS, 'dhcp', 'eth0')).toBeUndefined();
    expect(findInheritedSocket(SOCKETS, 'tftp', 'eth1')).toBeUndefined();
    expect(findInheritedSocket([], 'dhcp', 'eth0')).toBeUndefined();
  });

  it('does not take a file descriptor for a socket without asking', ({ skip }) => {
    if (accessLibc().kind === 'unavailable') return skip('koffi cannot be loaded');
    expect(() => findInheritedSocket(SOCKETS, 'dhcp', 'eth1')).toThrow(
      'the socket "dhcp-eth1" that systemd handed over (file descriptor 90004) is not a socket',
    );
  });
});
