import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describePortHolder, processCommand } from '../../../src/io/port-holder.ts';

let proc: string;

beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'bootd-proc-'));
  mkdirSync(join(proc, 'self/net'), { recursive: true });
});

afterEach(() => rmSync(proc, { recursive: true }));

const HEADER =
  '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops';

function table(name: 'udp' | 'udp6', rows: readonly (readonly [local: string, inode: number])[]): void {
  const lines = rows.map(
    ([local, inode], index) =>
      `  ${1000 + index}: ${local} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 ${inode} 2 0000000000000000 0`,
  );
  writeFileSync(join(proc, 'self/net', name), [HEADER, ...lines, ''].join('\n'));
}

function program(pid: number, command: string, links: readonly string[]): void {
  mkdirSync(join(proc, String(pid), 'fd'), { recursive: true });
  writeFileSync(join(proc, String(pid), 'comm'), `${command}\n`);
  links.forEach((link, fd) => symlinkSync(link, join(proc, String(pid), 'fd', String(fd))));
}

describe('describePortHolder', () => {
  it('names the program and its pid', () => {
    table('udp', [
      ['00000000:0045', 111],
      ['00000000:0043', 222],
    ]);
    program(1, 'systemd', ['/dev/null', 'socket:[111]']);
    program(812, 'dnsmasq', ['/dev/null', 'pipe:[222]', 'socket:[222]']);
    expect(describePortHolder(67, proc)).toBe('port 67 is held by dnsmasq, pid 812');
  });

  it('names a process of Node 24, whose main thread is called so, by its program', () => {
    table('udp', [['00000000:0043', 5]]);
    program(77, 'MainThread', ['socket:[5]']);
    writeFileSync(join(proc, '77/cmdline'), '/usr/bin/node\0/opt/bootd/bin/bootd\0serve\0');
    expect(describePortHolder(67, proc)).toBe('port 67 is held by node, pid 77');
  });

  it('finds sockets of IPv6 that take the port for IPv4 too', () => {
    table('udp', []);
    table('udp6', [['00000000000000000000000000000000:0045', 333]]);
    program(900, 'in.tftpd', ['socket:[333]']);
    expect(describePortHolder(69, proc)).toBe('port 69 is held by in.tftpd, pid 900');
  });

  it('names everybody who shares the port', () => {
    table('udp', [
      ['0100007F:0043', 1],
      ['00000000:0043', 2],
    ]);
    program(10, 'dhcpd', ['socket:[1]']);
    program(11, 'kea-dhcp4', ['socket:[2]']);
    expect(describePortHolder(67, proc)).toBe('port 67 is held by dhcpd, pid 10, and kea-dhcp4, pid 11');
  });

  it('says so when the holder may not be seen', () => {
    table('udp', [['00000000:0043', 222]]);
    program(812, 'dnsmasq', []);
    expect(describePortHolder(67, proc)).toBe(
      'port 67 is held by another process (not visible to this user)',
    );
  });

  it('says so when the holder has gone meanwhile', () => {
    table('udp', []);
    expect(describePortHolder(67, proc)).toBe('port 67 is held by a socket that is gone by now');
  });

  it('is not misled by processes that end while it looks', () => {
    table('udp', [['00000000:0043', 222]]);
    mkdirSync(join(proc, '500'));
    program(812, 'dnsmasq', ['socket:[222]']);
    rmSync(join(proc, '812/comm'));
    expect(describePortHolder(67, proc)).toBe('port 67 is held by a process, pid 812');
  });
});

describe('processCommand', () => {
  it('is the name that ps shows', () => {
    program(7, 'dnsmasq', []);
    expect(processCommand(7, proc)).toBe('dnsmasq');
    expect(processCommand(8, proc)).toBeUndefined();
  });
});
