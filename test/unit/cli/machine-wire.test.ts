import { describe, expect, it } from 'vitest';
import { formatIpv4, parseIpv4 } from '../../../src/addr/ipv4.ts';
import { UsageError } from '../../../src/cli/exit-code.ts';
import { chooseMachineWire, type MachineWire } from '../../../src/cli/machine-wire.ts';
import type { BootdSettings } from '../../../src/config/settings.ts';

const PORTS = { client: 10_068 };

function choose(interfaces: readonly string[], interfaceName?: string): MachineWire {
  return chooseMachineWire({ interfaces } as BootdSettings, PORTS, interfaceName);
}

describe('the wire that a machine is played on', () => {
  it.each([
    [['lo'], undefined],
    [['br-prov', 'lo'], undefined],
    [['lo'], 'lo'],
  ] as const)('is loopback where %j is served and %s is asked for', (interfaces, name) => {
    const wire = choose(interfaces, name);
    expect(wire.title).toBe('loopback');
    expect(wire.forceBroadcast).toBe(false);
    expect(formatIpv4(wire.dhcpTo)).toBe('127.0.0.1');
  });

  it('lets the machine speak from its own address on loopback, and from no other network', () => {
    const wire = choose(['lo']);
    expect(wire.transferAddress(parseIpv4('127.0.0.130')!)).toBe(parseIpv4('127.0.0.130'));
    expect(() => wire.transferAddress(parseIpv4('192.168.0.130')!)).toThrow(UsageError);
  });

  it.each([
    [['br-prov'], 'serves br-prov'],
    [[], 'serves no interface'],
  ])('cannot be that of a server with %j on the same host', (interfaces, text) => {
    expect(() => choose(interfaces)).toThrow(text);
    expect(() => choose(interfaces)).toThrow('--interface');
  });

  it('must be there', () => {
    expect(() => choose(['br-prov'], 'nonesuch0')).toThrow('there is no interface nonesuch0 here');
  });
});
