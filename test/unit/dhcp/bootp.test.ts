import { describe, expect, it } from 'vitest';
import { formatIpv4 } from '../../../src/addr/ipv4.ts';
import {
  alone,
  addressOption,
  ascii,
  FakeClient,
  FakeServer,
  ip,
  range,
  reservation,
  seedSettings,
  subnet,
  withGlobals,
} from './fake-view.ts';

const closed = seedSettings({
  sharedNetworks: alone(subnet('192.168.0.0/24', [range('192.168.0.128-192.168.0.254')])),
});

describe('BOOTP', () => {
  it('gets an address for ever, at the first request', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const { message, changes, conflictCheck } = server.reply(client.bootp());
    expect(formatIpv4(message.yiaddr)).toBe('192.168.0.128');
    expect(conflictCheck).toBe(message.yiaddr);
    expect(changes).toMatchObject([{ lease: { state: 'bound', bootp: true, expiresAt: undefined } }]);
    server.passSeconds(1e8);
    const again = server.reply(client.bootp());
    expect(again).toMatchObject({
      changes: [],
      conflictCheck: undefined,
      message: { yiaddr: message.yiaddr },
    });
  });

  it.each([true, false])('with cookie %s has boot data, and no option of DHCP', (hasCookie) => {
    const { message } = new FakeServer().reply(new FakeClient().bootp({ hasCookie }));
    expect(message.siaddr).toBe(ip('192.168.0.1'));
    expect(new TextDecoder().decode(message.file).replace(/\0+$/, '')).toBe('/pxelinux.0');
    expect([...message.options.keys()]).toEqual([1, 28, 128, 129]);
  });

  it('has no client identifier echoed, which is an option of DHCP', () => {
    const { message } = new FakeServer().reply(new FakeClient({ clientId: ascii('rom1') }).bootp());
    expect(message.options.has(61)).toBe(false);
  });

  it('fits into the 300 octets of RFC 951', () => {
    const options = new Map([
      [17, ascii('x'.repeat(60))],
      [128, ascii('short')],
    ]);
    const { message, facts } = new FakeServer({ settings: withGlobals({ options }) }).reply(
      new FakeClient().bootp(),
    );
    expect([...message.options.keys()]).toEqual([1, 28, 128]);
    expect(facts.droppedOptions).toEqual([17]);
  });

  it('keeps its address from DHCP clients', () => {
    const server = new FakeServer();
    const { yiaddr } = server.reply(new FakeClient().bootp()).message;
    expect(server.reply(new FakeClient().discover([addressOption(50, yiaddr)])).message.yiaddr).not.toBe(
      yiaddr,
    );
  });

  it('is not answered from a range that is not open to it', () => {
    expect(new FakeServer({ settings: closed }).silence(new FakeClient().bootp()).reason).toBe(
      'no-free-address',
    );
  });

  it('is not answered with allow-bootp off', () => {
    const server = new FakeServer({ settings: withGlobals({ allowBootp: false }) });
    expect(server.silence(new FakeClient().bootp()).reason).toBe('bootp-not-allowed');
  });

  it('gets its reserved address anywhere', () => {
    const client = new FakeClient();
    const reservations = [reservation({ mac: client.mac, fixedAddresses: [ip('192.168.0.20')] })];
    const server = new FakeServer({ settings: { ...closed, reservations } });
    expect(formatIpv4(server.reply(client.bootp()).message.yiaddr)).toBe('192.168.0.20');
  });

  it('and DHCP of one card share an address', () => {
    const server = new FakeServer();
    const client = new FakeClient();
    const { yiaddr } = server.reply(client.bootp()).message;
    expect(client.bind(server)).toBe(yiaddr);
    expect(server.leases.at(yiaddr)?.lease).toMatchObject({ bootp: false, expiresAt: server.now + 600_000 });
    expect(server.reply(client.bootp()).message.yiaddr).toBe(yiaddr);
    expect(server.leases.at(yiaddr)?.lease).toMatchObject({ bootp: true, expiresAt: undefined });
  });
});
