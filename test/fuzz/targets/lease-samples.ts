import type { Lease } from '../../../src/dhcp/lease.ts';
import { clientKeyOf } from '../../../src/dhcp/lease.ts';
import { ascii, ip, mac, NOW } from '../../unit/dhcp/fake-view.ts';

/** Leases with and without everything that a lease may have. */
export function leaseSamples(): readonly Lease[] {
  const hardwareAddress = Uint8Array.of(0x52, 0x54, 0, 0, 0, 1);
  const plain: Lease = {
    address: ip('192.168.0.128'),
    state: 'bound',
    client: clientKeyOf(undefined, 1, hardwareAddress),
    clientId: undefined,
    htype: 1,
    hardwareAddress,
    mac: mac('52:54:00:00:00:01'),
    startsAt: NOW,
    expiresAt: NOW + 600_000,
    lastSeenAt: NOW,
    bootp: false,
    hostname: undefined,
    vendorClass: undefined,
    relayAgentInfo: undefined,
    offeredVia: undefined,
  };
  const clientId = ascii('\xff\0a client');
  return [
    plain,
    { ...plain, expiresAt: undefined, bootp: true },
    { ...plain, state: 'declined', client: undefined, mac: undefined, hardwareAddress: new Uint8Array(0) },
    {
      ...plain,
      state: 'released',
      clientId,
      client: clientKeyOf(clientId, 1, hardwareAddress),
      hostname: 'bm1',
      vendorClass: 'PXEClient:Arch:00007:UNDI:003016',
      relayAgentInfo: Uint8Array.of(1, 2, 3, 4),
    },
  ];
}
