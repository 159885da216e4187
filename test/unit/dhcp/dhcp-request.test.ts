import { describe, expect, it } from 'vitest';
import { describeRequest, type ClientRequest, type DhcpRequest } from '../../../src/dhcp/dhcp-request.ts';
import type { DhcpMessage } from '../../../src/wire/dhcp/dhcp-message.ts';
import { addressOption, ascii, bytes, FakeClient, ip, LINK, type Options } from './fake-view.ts';

const client = new FakeClient({ mac: '52:54:00:aa:00:01', parameterList: undefined });
const SERVER = addressOption(54, LINK.serverAddress);
const WISH = addressOption(50, ip('192.168.0.140'));

function read(type: number | undefined, more: Options = [], header: Partial<DhcpMessage> = {}): DhcpRequest {
  return describeRequest(client.message(type, more, header), LINK);
}

function accepted(
  type: number | undefined,
  more: Options = [],
  header: Partial<DhcpMessage> = {},
): ClientRequest {
  const request = read(type, more, header);
  if (request.kind === 'rejected') throw new Error(request.reason);
  return request;
}

describe('what a client wants', () => {
  it.each<[string, number | undefined, Options, Partial<DhcpMessage>, string]>([
    ['no option 53', undefined, [], {}, 'bootp'],
    ['no cookie', undefined, [], { hasCookie: false }, 'bootp'],
    ['DISCOVER', 1, [], {}, 'discover'],
    ['DISCOVER with a wish', 1, [WISH], {}, 'discover'],
    ['54 and 50', 3, [SERVER, WISH], {}, 'selecting'],
    ['54 and ciaddr', 3, [SERVER], { ciaddr: ip('192.168.0.140') }, 'selecting'],
    ['50 alone', 3, [WISH], {}, 'init-reboot'],
    ['ciaddr alone', 3, [], { ciaddr: ip('192.168.0.140') }, 'renewing'],
    ['ciaddr and 50', 3, [WISH], { ciaddr: ip('192.168.0.141') }, 'renewing'],
    ['a broken 54 counts as none', 3, [[54, bytes('01')], WISH], {}, 'init-reboot'],
    ['DECLINE', 4, [SERVER, WISH], {}, 'decline'],
    ['RELEASE', 7, [SERVER], { ciaddr: ip('192.168.0.140') }, 'release'],
    ['INFORM', 8, [], { ciaddr: ip('192.168.0.140') }, 'inform'],
    ['INFORM without an address', 8, [], {}, 'inform'],
  ])('%s', (_name, type, more, header, kind) => expect(read(type, more, header).kind).toBe(kind));

  it.each<[string, number | undefined, Options, Partial<DhcpMessage>, string]>([
    ['a BOOTREPLY', 1, [], { op: 2 }, 'not-a-request'],
    ['op 0', 1, [], { op: 0 }, 'not-a-request'],
    ['htype 0', 1, [], { htype: 0 }, 'no-hardware-type'],
    ['nobody', 1, [], { hlen: 0 }, 'no-client-identity'],
    [
      'nobody, with an identifier too short to be one',
      1,
      [[61, bytes('01')]],
      { hlen: 0 },
      'no-client-identity',
    ],
    ['an empty 53', undefined, [[53, bytes('')]], {}, 'bad-message-type'],
    ['a long 53', undefined, [[53, bytes('0101')]], {}, 'bad-message-type'],
    ['OFFER', 2, [], {}, 'bad-message-type'],
    ['ACK', 5, [], {}, 'bad-message-type'],
    ['NAK', 6, [], {}, 'bad-message-type'],
    ['type 0', 0, [], {}, 'bad-message-type'],
    ['LEASEQUERY', 10, [], {}, 'unsupported-message-type'],
    ['type 255', 255, [], {}, 'unsupported-message-type'],
    ['REQUEST for nothing', 3, [], {}, 'no-address'],
    ['REQUEST with a broken 50', 3, [[50, bytes('01')]], {}, 'no-address'],
    ['DECLINE of nothing', 4, [SERVER], {}, 'no-address'],
    ['RELEASE of nothing', 7, [SERVER], {}, 'no-address'],
  ])('%s is rejected', (_name, type, more, header, reason) => {
    expect(read(type, more, header)).toMatchObject({ kind: 'rejected', reason });
  });

  it('takes a machine without hardware address by its identifier', () => {
    expect(read(1, [[61, bytes('00abcd')]], { hlen: 0 })).toMatchObject({ clientKey: 'id:00abcd' });
  });
});

describe('who a client is', () => {
  it.each<[string, Options, string]>([
    ['no identifier', [], 'hw:1:525400aa0001'],
    ['its card as identifier', [[61, bytes('01525400aa0001')]], 'hw:1:525400aa0001'],
    ['another card', [[61, bytes('01525400aa0002')]], 'id:01525400aa0002'],
    ['another hardware type', [[61, bytes('06525400aa0001')]], 'id:06525400aa0001'],
    ['a DUID', [[61, bytes('ff00010002')]], 'id:ff00010002'],
    ['an identifier of one octet', [[61, bytes('01')]], 'hw:1:525400aa0001'],
    ['an empty identifier', [[61, bytes('')]], 'hw:1:525400aa0001'],
  ])('%s', (_name, more, key) => expect(accepted(1, more).clientKey).toBe(key));

  it('has a MAC only on Ethernet', () => {
    expect(accepted(1).mac).toBe('52:54:00:aa:00:01');
    expect(accepted(1, [], { htype: 32 }).mac).toBeUndefined();
    expect(accepted(1, [], { hlen: 16 }).mac).toBeUndefined();
  });
});

describe('what it says besides', () => {
  it.each<[string, Options, number]>([
    ['nothing', [], 548],
    ['576', [[57, bytes('0240')]], 548],
    ['less than may be', [[57, bytes('0064')]], 548],
    ['an Ethernet frame', [[57, bytes('05c0')]], 1444],
    ['more than the wire takes (OVMF)', [[57, bytes('ff00')]], 1472],
    ['a broken one', [[57, bytes('05')]], 548],
  ])('maximum size: %s', (_name, more, length) => expect(accepted(1, more).maximumLength).toBe(length));

  it('leaves BOOTP the 300 octets of RFC 951', () => {
    expect(accepted(undefined, [[57, bytes('05c0')]]).maximumLength).toBe(300);
  });

  it.each<[string, Options, object]>([
    ['lease time', [[51, bytes('00000e10')]], { requestedLeaseSeconds: 3600 }],
    ['infinity', [[51, bytes('ffffffff')]], { requestedLeaseSeconds: 0xffffffff }],
    ['a broken lease time', [[51, bytes('0e10')]], { requestedLeaseSeconds: undefined }],
    ['parameter list', [[55, bytes('0103011c03')]], { parameterList: bytes('0103011c03') }],
    ['an empty parameter list is none', [[55, bytes('')]], { parameterList: undefined }],
    ['host name', [[12, ascii('bm1')]], { hostname: 'bm1' }],
    ['host name with a NUL (Windows)', [[12, ascii('bm1\0')]], { hostname: 'bm1' }],
    ['a host name that is none', [[12, bytes('0a0d')]], { hostname: undefined }],
    ['vendor class', [[60, ascii('udhcp 1.35.0')]], { vendorClass: 'udhcp 1.35.0' }],
    [
      'relay information',
      [[82, bytes('010465746837')]],
      { relayAgentInformation: { circuitId: ascii('eth7') } },
    ],
  ])('%s', (_name, more, facts) => expect(accepted(1, more)).toMatchObject(facts));

  it.each<[string, Options, object]>([
    [
      'BIOS',
      [
        [60, ascii('PXEClient:Arch:00000:UNDI:002001')],
        [93, bytes('0000')],
      ],
      { architecture: 'bios', isPxeClient: true },
    ],
    ['UEFI as firmware numbers it', [[93, bytes('0007')]], { architecture: 'uefi-x64', isPxeClient: true }],
    ['UEFI as the list numbers it', [[93, bytes('0009')]], { architecture: 'uefi-x64' }],
    ['arm64', [[93, bytes('000b')]], { architecture: 'uefi-arm64' }],
    ['the first one known of several', [[93, bytes('00630006')]], { architecture: 'uefi-ia32' }],
    ['an unknown one', [[93, bytes('0063')]], { architecture: undefined, isPxeClient: true }],
    [
      'HTTP boot',
      [
        [60, ascii('HTTPClient:Arch:00016:UNDI:003000')],
        [93, bytes('0010')],
      ],
      { architecture: 'uefi-http-x64', isHttpClient: true },
    ],
    [
      'iPXE',
      [
        [77, ascii('iPXE')],
        [93, bytes('0007')],
      ],
      { architecture: 'uefi-x64', isIpxe: true },
    ],
    [
      'Linux',
      [[60, ascii('udhcp 1.35.0')]],
      { architecture: undefined, isPxeClient: false, isIpxe: false, isHttpClient: false },
    ],
  ])('firmware: %s', (_name, more, firmware) => {
    const unsaid = { architecture: undefined, isIpxe: false, isHttpClient: false };
    expect(accepted(1, more).firmware).toMatchObject({ ...unsaid, ...firmware });
  });

  it('sees only the one flag that means something', () => {
    expect(accepted(1, [], { flags: 0x8000 }).wantsBroadcast).toBe(true);
    expect(accepted(1, [], { flags: 0x7fff }).wantsBroadcast).toBe(false);
  });

  it('sees a relay by giaddr', () => {
    expect(accepted(1).relayAddress).toBeUndefined();
    expect(accepted(1, [], { giaddr: ip('10.99.0.1') }).relayAddress).toBe(ip('10.99.0.1'));
  });
});
