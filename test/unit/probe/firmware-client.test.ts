import { describe, expect, it } from 'vitest';
import { parseIpv4 } from '../../../src/addr/ipv4.ts';
import { macFromBytes, parseMac } from '../../../src/addr/mac.ts';
import {
  FirmwareClient,
  releaseMessage,
  briskTimes,
  type FirmwareStep,
} from '../../../src/probe/firmware-client.ts';
import {
  FIRMWARE_SHAPES,
  PROBE_ARCHITECTURES,
  type FirmwareShapeName,
  type FirmwareTimes,
  type ProbeMachine,
} from '../../../src/probe/firmware-shapes.ts';
import {
  BOOTREPLY,
  decodeDhcpMessage,
  encodeDhcpMessage,
  textField,
  type DhcpMessage,
} from '../../../src/wire/dhcp/dhcp-message.ts';
import { OPTION } from '../../../src/wire/dhcp/option-codes.ts';
import { dhcpReplies, dhcpRequests, readCapture } from './captures.ts';

const MACHINE: ProbeMachine = { mac: parseMac('52:54:00:aa:00:01')!, uuid: new Uint8Array(16).fill(7) };
const SERVER = parseIpv4('192.168.0.1')!;
const ADDRESS = parseIpv4('192.168.0.130')!;
const XID = 0x1234abcd;

/** What was sent by these steps. */
function sent(steps: readonly FirmwareStep[]): readonly DhcpMessage[] {
  return steps.flatMap((step) => (step.kind === 'send' ? [step.message] : []));
}

function kinds(steps: readonly FirmwareStep[]): readonly string[] {
  return steps.map((step) => (step.kind === 'send' ? step.what : step.kind));
}

function client(name: FirmwareShapeName, times?: FirmwareTimes): FirmwareClient {
  const shape = FIRMWARE_SHAPES[name];
  return new FirmwareClient({ shape, machine: MACHINE, times: times ?? shape.times, xid: XID });
}

/** A server's answer to a message of the client. */
function reply(to: DhcpMessage, type: number | undefined, overrides: Partial<DhcpMessage> = {}): DhcpMessage {
  const options = new Map<number, Uint8Array>([
    [OPTION.serverIdentifier, Uint8Array.of(192, 168, 0, 1)],
    [OPTION.leaseTime, Uint8Array.of(0, 0, 2, 88)],
  ]);
  if (type !== undefined) options.set(OPTION.messageType, Uint8Array.of(type));
  return {
    ...to,
    op: BOOTREPLY,
    yiaddr: ADDRESS,
    siaddr: SERVER,
    file: textField('/pxelinux.0', 'file')!,
    options,
    ...overrides,
  };
}

const OFFER = 2;
const ACK = 5;
const NAK = 6;

describe('the packets of a firmware', () => {
  const recorded: readonly (readonly [capture: string, first: number, shape: FirmwareShapeName])[] = [
    ['bios-pxelinux-01mac', 0, 'bios'],
    ['bios-pxelinux-01mac', 3, 'linux'],
    ['bios-pxelinux-absolute-path', 0, 'bios'],
    ['bios-undionly-loop', 0, 'bios'],
    ['bios-undionly-loop', 3, 'ipxe'],
    ['uefi-shim-grub', 0, 'uefi-x64'],
    ['uefi-grub-01mac', 0, 'uefi-x64'],
    ['uefi-ipxe-efi', 0, 'uefi-x64'],
    ['uefi-ipxe-efi', 2, 'ipxe-efi'],
    ['uefi-http-ipxe', 0, 'uefi-http-x64'],
    ['uefi-http-ipxe', 2, 'ipxe-efi'],
  ];

  it.each(recorded)('of %s from message %i on are those of %s, octet for octet', (capture, first, name) => {
    const packets = readCapture(capture);
    const requests = dhcpRequests(packets)
      .slice(first)
      .map(({ payload }) => new Uint8Array(payload));
    const start = decodeDhcpMessage(requests[0]!);
    const offer = dhcpReplies(packets)
      .map(({ payload }) => decodeDhcpMessage(payload))
      .find(({ xid, options }) => xid === start.xid && options.get(OPTION.messageType)?.[0] === OFFER)!;
    const machine: ProbeMachine = {
      mac: macFromBytes(start.chaddr.subarray(0, 6))!,
      uuid: start.options.get(OPTION.clientMachineIdentifier)?.slice(1) ?? new Uint8Array(16),
    };
    const shape = FIRMWARE_SHAPES[name];
    const played = new FirmwareClient({ shape, machine, times: shape.times, xid: start.xid });
    const messages = [...sent(played.start(0)), ...sent(played.receive(offer, 1))];
    while (!messages.some(({ options }) => options.get(OPTION.messageType)?.[0] === 3)) {
      messages.push(...sent(played.wake(played.wakeAt!)));
    }
    const expected = requests.slice(0, messages.length);
    const octets = messages.map((message, at) => {
      // Linux counts the seconds that really passed; the firmware's figures are its own.
      const secs = name === 'linux' ? decodeDhcpMessage(expected[at]!).secs : message.secs;
      return Buffer.from(encodeDhcpMessage({ ...message, secs }, 1500)).toString('hex');
    });
    expect(octets).toEqual(expected.map((request) => Buffer.from(request).toString('hex')));
  });

  it.each([
    ['bios', 'PXEClient:Arch:00000:UNDI:002001', 0, false],
    ['bios-undi', 'PXEClient:Arch:00000:UNDI:002001', 0, true],
    ['uefi-x64', 'PXEClient:Arch:00007:UNDI:003000', 7, true],
    ['uefi-ia32', 'PXEClient:Arch:00006:UNDI:003000', 6, true],
    ['uefi-arm64', 'PXEClient:Arch:00011:UNDI:003000', 11, true],
    ['uefi-http-x64', 'HTTPClient:Arch:00016:UNDI:003000', 16, true],
    ['ipxe', 'PXEClient:Arch:00000:UNDI:002001', 0, true],
  ] as const)(
    '%s says %s and architecture %i, broadcast %s',
    (name, vendorClass, architecture, broadcast) => {
      const [discover] = sent(client(name).start(0));
      const text = (code: number): string => new TextDecoder().decode(discover!.options.get(code));
      expect(text(OPTION.vendorClassIdentifier)).toBe(vendorClass);
      expect(discover!.options.get(OPTION.clientSystemArchitecture)).toEqual(Uint8Array.of(0, architecture));
      expect(discover!.flags).toBe(broadcast ? 0x8000 : 0);
    },
  );

  it('of BOOTP hold no option at all, and 300 octets', () => {
    const [request] = sent(client('bootp').start(0));
    expect(request!.options.size).toBe(0);
    expect(encodeDhcpMessage(request!)).toHaveLength(300);
  });

  it('ask for broadcast replies where the player has no card of that address', () => {
    const shape = FIRMWARE_SHAPES.bios;
    const options = { shape, machine: MACHINE, times: shape.times, xid: XID, forceBroadcast: true };
    expect(sent(new FirmwareClient(options).start(0))[0]!.flags).toBe(0x8000);
  });

  it.each(PROBE_ARCHITECTURES)('of %s are for the machine that is played', (name) => {
    const [first] = sent(client(name).start(0));
    expect(macFromBytes(first!.chaddr.subarray(0, 6))).toBe(MACHINE.mac);
    expect(first!.xid).toBe(XID);
  });
});

describe('the course of DHCP', () => {
  it('at the pace of iPXE: a second DISCOVER after 1 s although an offer is here, the REQUEST at 3 s', () => {
    const played = client('bios');
    const [discover] = sent(played.start(0));
    expect(kinds(played.receive(reply(discover!, OFFER), 1))).toEqual(['offered']);
    expect(played.wakeAt).toBe(1000);
    expect(kinds(played.wake(1000))).toEqual(['discover']);
    expect(kinds(played.receive(reply(discover!, OFFER), 1001))).toEqual(['offered']);
    expect(played.wakeAt).toBe(3000);
    const request = played.wake(3000);
    expect(kinds(request)).toEqual(['request']);
    const [bound] = played.receive(reply(sent(request)[0]!, ACK), 3001);
    expect(bound).toMatchObject({
      kind: 'bound',
      lease: {
        address: ADDRESS,
        serverIdentifier: SERVER,
        nextServer: SERVER,
        bootFile: '/pxelinux.0',
        leaseSeconds: 600,
      },
    });
    expect(played.wakeAt).toBeUndefined();
  });

  it('briskly: the same messages in the same order, at once', () => {
    const played = client('bios', briskTimes(FIRMWARE_SHAPES.bios.times));
    const [discover] = sent(played.start(0));
    played.receive(reply(discover!, OFFER), 2);
    expect(played.wakeAt).toBe(2);
    expect(kinds(played.wake(2))).toEqual(['discover']);
    played.receive(reply(discover!, OFFER), 4);
    expect(played.wakeAt).toBe(4);
    expect(kinds(played.wake(4))).toEqual(['request']);
  });

  it('of OVMF: one DISCOVER, offers collected for 3 s', () => {
    const played = client('uefi-x64');
    const [discover] = sent(played.start(100));
    played.receive(reply(discover!, OFFER), 150);
    expect(played.wakeAt).toBe(3100);
    expect(kinds(played.wake(3100))).toEqual(['request']);
  });

  it('sends again at the given times, and gives up after the last', () => {
    const played = client('uefi-x64');
    const times = [0];
    let steps = played.start(0);
    while (steps.every(({ kind }) => kind === 'send')) {
      const at = played.wakeAt!;
      steps = played.wake(at);
      times.push(at);
    }
    expect(times).toEqual([0, 4000, 12_000, 28_000, 60_000]);
    expect(steps).toEqual([{ kind: 'failed', reason: 'nobody answered 4 DISCOVERs' }]);
    expect(played.wakeAt).toBeUndefined();
  });

  it('sends a lost REQUEST again and then gives up', () => {
    const played = client('linux');
    const [discover] = sent(played.start(0));
    played.receive(reply(discover!, OFFER), 1);
    const said = [kinds(played.wake(played.wakeAt!))];
    while (played.wakeAt !== undefined) said.push(kinds(played.wake(played.wakeAt)));
    expect(said).toEqual([['request'], ['request'], ['request'], ['failed']]);
  });

  it('begins again after a NAK, and gives up on a server that refuses what it offers', () => {
    const played = client('linux');
    let [discover] = sent(played.start(0));
    const course: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      played.receive(reply(discover!, OFFER), round);
      const [request] = sent(played.wake(round));
      const after = played.receive(reply(request!, NAK), round);
      course.push(...kinds(after));
      [discover] = sent(after);
    }
    expect(course).toEqual(['refused', 'discover', 'refused', 'discover', 'refused', 'failed']);
  });

  it.each<[string, Partial<DhcpMessage>]>([
    ['another transaction', { xid: XID + 1 }],
    ['another machine', { chaddr: new Uint8Array(16) }],
    ['a request', { op: 1 }],
  ])('is not disturbed by the message of %s', (_, overrides) => {
    const played = client('linux');
    const [discover] = sent(played.start(0));
    expect(played.receive(reply(discover!, OFFER, overrides), 1)).toEqual([]);
  });

  it.each<[FirmwareShapeName, Partial<DhcpMessage>, string | undefined]>([
    ['uefi-x64', { file: new Uint8Array(128) }, 'PXE-E16'],
    ['bios-undi', { file: new Uint8Array(128) }, 'PXE-E16'],
    ['bios', { file: new Uint8Array(128) }, undefined],
    ['uefi-http-x64', {}, 'HTTPClient'],
    ['linux', { yiaddr: parseIpv4('0.0.0.0')! }, 'no address'],
  ])('%s judges offers as it must', (name, overrides, objection) => {
    const played = client(name);
    const [discover] = sent(played.start(0));
    const [step] = played.receive(reply(discover!, OFFER, overrides), 1);
    if (objection === undefined) expect(step).toMatchObject({ kind: 'offered' });
    else
      expect(step).toMatchObject({ kind: 'ignored', reason: expect.stringContaining(objection) as string });
  });

  it('says why no offer was taken', () => {
    const played = client('uefi-x64', { retransmitMs: [1000], leastDiscovers: 1, collectMs: 0 });
    const [discover] = sent(played.start(0));
    played.receive(reply(discover!, OFFER, { file: new Uint8Array(128) }), 1);
    expect(played.wake(1000)).toEqual([
      {
        kind: 'failed',
        reason:
          '192.168.0.1 offers 192.168.0.130, but it names no boot file, and the firmware ignores it (PXE-E16)',
      },
    ]);
  });

  it('of HTTP boot takes an offer with a URL', () => {
    const played = client('uefi-http-x64');
    const [discover] = sent(played.start(0));
    const options = new Map([
      [OPTION.messageType, Uint8Array.of(OFFER)],
      [OPTION.serverIdentifier, Uint8Array.of(192, 168, 0, 1)],
      [OPTION.vendorClassIdentifier, new TextEncoder().encode('HTTPClient')],
    ]);
    const file = textField('http://192.168.0.1/ipxe.efi', 'file')!;
    expect(played.receive(reply(discover!, OFFER, { options, file }), 1)).toMatchObject([
      { kind: 'offered' },
    ]);
  });

  it('of BOOTP is one request and one reply, for ever', () => {
    const played = client('bootp');
    const [request] = sent(played.start(0));
    const [step] = played.receive(reply(request!, undefined, { options: new Map() }), 1);
    expect(step).toMatchObject({
      kind: 'bound',
      lease: { address: ADDRESS, serverIdentifier: SERVER, leaseSeconds: undefined },
    });
  });
});

describe('giving a lease back', () => {
  const lease = { address: ADDRESS, serverIdentifier: SERVER };

  it.each<[FirmwareShapeName, readonly number[]]>([
    ['bios', [53, 61, 54]],
    ['uefi-x64', [53, 54]],
    ['linux', [53, 54, 61]],
  ])('as %s names the client as it named itself before', (name, codes) => {
    const release = releaseMessage({ shape: FIRMWARE_SHAPES[name], machine: MACHINE, lease, xid: XID });
    expect([...release.options.keys()].sort((a, b) => a - b)).toEqual([...codes].sort((a, b) => a - b));
    expect(release.options.get(53)).toEqual(Uint8Array.of(7));
    expect(release.ciaddr).toBe(ADDRESS);
    expect(release.flags).toBe(0);
  });
});
