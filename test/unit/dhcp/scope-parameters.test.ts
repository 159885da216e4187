import { describe, expect, it } from 'vitest';
import { parseIpv4, type Ipv4 } from '../../../src/addr/ipv4.ts';
import { parseSubnet, type Subnet } from '../../../src/addr/subnet.ts';
import { DHCP_DEFAULTS, type ClassSettings, type DhcpSettings } from '../../../src/dhcp/dhcp-settings.ts';
import { scopeChain } from '../../../src/dhcp/scope-parameters.ts';

const NOTHING = { options: new Map(), encapsulated: new Map() };
const STRANGER = { nodePort: undefined, reservation: undefined, isKnown: false, fixedAddresses: [] };

const address = (text: string): Ipv4 => parseIpv4(text)!;
const subnet = (text: string): Subnet => parseSubnet(text)!;

const wire = {
  name: 'wire',
  subnets: ['10.8.0.0/24', '10.8.1.0/24'].map((text) => ({
    subnet: subnet(text),
    ranges: [],
    parameters: { ...NOTHING, filename: 'subnet' },
  })),
  parameters: NOTHING,
};

const settings: DhcpSettings = {
  mode: 'server',
  answer: 'all',
  serverPort: 67,
  clientPort: 68,
  parameters: { ...NOTHING, filename: 'global' },
  sharedNetworks: [wire],
  classes: [],
  reservations: [],
  spaceCarriers: new Map(),
  offerHoldSeconds: DHCP_DEFAULTS.offerHoldSeconds,
  declineHoldSeconds: DHCP_DEFAULTS.declineHoldSeconds,
};

function classOn(onlyOn: readonly string[] | undefined): ClassSettings {
  return {
    name: 'a',
    match: { kind: 'known' },
    onlyOn: onlyOn?.map(subnet),
    parameters: { ...NOTHING, filename: 'class' },
  };
}

describe('a class', () => {
  it.each([
    ['everywhere, on the selected subnet', undefined, 0, undefined, 'class'],
    ['on the selected subnet', ['10.8.0.0/24'], 0, undefined, 'class'],
    ['on the other subnet', ['10.8.1.0/24'], 0, undefined, 'subnet'],
    ['on the subnet of the address', ['10.8.1.0/24'], 0, '10.8.1.5', 'class'],
    ['on the selected subnet, but not that of the address', ['10.8.0.0/24'], 0, '10.8.1.5', 'subnet'],
    ['on either', ['10.8.1.0/24', '10.8.0.0/24'], 0, '10.8.1.5', 'class'],
    ['on a network around the subnet', ['10.8.0.0/16'], 1, undefined, 'class'],
    ['on a part of the subnet', ['10.8.0.0/25'], 0, undefined, 'subnet'],
  ] as const)('that is bound %s', (_, onlyOn, selected, at, expected) => {
    const chain = scopeChain(
      settings,
      { network: wire, subnet: wire.subnets[selected]! },
      STRANGER,
      [classOn(onlyOn)],
      false,
      at === undefined ? undefined : address(at),
    );
    expect(chain.map(({ filename }) => filename).find((filename) => filename !== undefined)).toBe(expected);
  });

  it.each([
    [undefined, 'class'],
    [['10.8.0.0/24'], 'global'],
  ])('bound to %s says where no subnet was recognised: %s', (onlyOn, expected) => {
    const chain = scopeChain(settings, undefined, STRANGER, [classOn(onlyOn)], false);
    expect(chain.map(({ filename }) => filename).find((filename) => filename !== undefined)).toBe(expected);
  });
});
