import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/parse-config.ts';
import type { DhcpSettings } from '../../../src/dhcp/dhcp-settings.ts';
import { warmUpDhcp } from '../../../src/services/dhcp-warm-up.ts';

function settingsOf(dhcp: string): DhcpSettings {
  const parsed = parseConfig(`interfaces: [prov0]\ndhcp:\n${dhcp}`, {
    file: 'bootd.yaml',
    folder: '/etc/bootd',
    shippedTemplates: '/usr/share/bootd/templates',
  });
  if (parsed.settings?.dhcp === undefined) throw new Error('the test configuration is wrong');
  return parsed.settings.dhcp;
}

const SUBNET =
  '  subnets: [{ subnet: 192.168.0.0/16, ranges: [{ range: 192.168.128.0-192.168.129.255 }] }]\n';
const NOTHING = { boots: 0, bound: 0 };
const LIMITS = { budgetMs: 10_000, boots: 320 };

describe('warmUpDhcp', () => {
  it.each([
    ['a server', SUBNET, 320],
    ['a server that checks for conflicts', `  ping-check: true\n${SUBNET}`, 320],
    ['silence for strangers', `  answer: known-machines\n${SUBNET}`, 0],
    ['a proxy, which gives no address', `  mode: proxy\n${SUBNET}`, 0],
  ])('plays as many boots as it may with %s', async (_, dhcp, bound) => {
    expect(await warmUpDhcp(settingsOf(dhcp), 'info', LIMITS)).toEqual({ boots: 320, bound });
  });

  it('plays on when the pool is smaller than the play', async () => {
    const small = SUBNET.replace('129.255', '128.3');
    const { boots, bound } = await warmUpDhcp(settingsOf(small), 'info', LIMITS);
    expect(boots).toBe(320);
    expect(bound).toBeLessThan(320);
  });

  it('stops when its time is up', async () => {
    expect(await warmUpDhcp(settingsOf(SUBNET), 'info', { budgetMs: 0, boots: 320 })).toEqual(NOTHING);
  });

  it('has nothing to play where no address is given', async () => {
    expect(await warmUpDhcp(settingsOf('  subnets: [{ subnet: 192.168.0.0/24 }]\n'), 'info', LIMITS)).toEqual(
      NOTHING,
    );
  });
});
