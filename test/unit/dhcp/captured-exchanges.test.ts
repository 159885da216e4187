import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { formatIpv4 } from '../../../src/addr/ipv4.ts';
import { parseClassExpression } from '../../../src/dhcp/class-expression-parser.ts';
import type { ClassSettings, DhcpSettings } from '../../../src/dhcp/dhcp-settings.ts';
import { OptionCatalogue } from '../../../src/dhcp/option-catalogue.ts';
import type { Reply } from '../../../src/dhcp/outcome.ts';
import { decodeDhcpMessage, fieldText, type DhcpMessage } from '../../../src/wire/dhcp/dhcp-message.ts';
import { optionByCode } from '../../../src/wire/dhcp/option-codes.ts';
import { formatOptionValue } from '../../../src/wire/dhcp/option-values.ts';
import { readCapture, type CapturedDatagram } from './captured-frames.ts';
import { FakeServer, scope, withGlobals } from './fake-view.ts';

/**
 * Boots of real firmware against dhcpd 4.4.3, replayed against our responder. Beside each capture stands what we say, packet by
 * packet, and how that differs from what dhcpd said; `UPDATE_GOLDEN=1` writes these files anew.
 */
const FOLDER = fileURLToPath(new URL('../../golden/dhcp/', import.meta.url));

function classOf(name: string, match: string, filename: string): ClassSettings {
  const parsed = parseClassExpression(match, new OptionCatalogue());
  if (parsed.kind === 'problem') throw new Error(parsed.problem.message);
  return { name, match: parsed.expression, parameters: scope({ filename }) };
}

const CHAINS = 'substring(hardware, 1, 4) = 52:54:00:1b';

/** What dhcpd was told when the captures were made. */
const SETTINGS: DhcpSettings = withGlobals(
  {
    options: new Map(),
    filenameByFirmware: { 'uefi-x64': 'bootx64.efi', 'uefi-http-x64': 'http://192.168.0.1/http/bootx64.efi' },
  },
  {
    classes: [
      classOf('script', `${CHAINS} and option user-class = "iPXE"`, 'boot.ipxe'),
      classOf(
        'chain-http',
        `${CHAINS} and substring(option vendor-class-identifier, 0, 10) = "HTTPClient"`,
        'http://192.168.0.1/ipxe.efi',
      ),
      classOf('chain-uefi', `${CHAINS} and option pxe-system-type = 00:07`, 'ipxe.efi'),
      classOf('signed', 'substring(hardware, 1, 4) = 52:54:00:51', 'signed/bootx64.efi'),
    ],
  },
);

/** The class that broke the boot of this capture: iPXE was given to iPXE, for ever. */
const LOOPING = withGlobals({ options: new Map(), filename: 'undionly.kpxe' });

/**
 * The differences to dhcpd that are meant. dhcpd
 * - repeats `secs`, where RFC 2131 table 3 has 0
 * - echoes no client identifier, which RFC 6842 wants, and no machine identifier, which PXE 2.1 wants
 * - sends no T1 and T2 to clients that ask for them
 * - says of a lease that is less than a quarter old what is left of it; we begin it anew
 */
const MEANT = new Set(['secs', 'option 61', 'option 97', 'option 58', 'option 59', 'young lease']);

interface Exchange {
  readonly request: CapturedDatagram;
  readonly dhcpd: CapturedDatagram | undefined;
}

function exchangesIn(datagrams: readonly CapturedDatagram[]): readonly Exchange[] {
  return datagrams.flatMap((request, index) => {
    if (request.destinationPort !== 67) return [];
    const asked = decodeDhcpMessage(request.payload);
    const next = datagrams.slice(index + 1).find((each) => each.destinationPort === 67);
    const dhcpd = datagrams
      .slice(index + 1, next === undefined ? undefined : datagrams.indexOf(next))
      .find((each) => each.destinationPort === 68 && decodeDhcpMessage(each.payload).xid === asked.xid);
    return [{ request, dhcpd }];
  });
}

function differences(ours: Reply, dhcpd: CapturedDatagram): string[] {
  const theirs = decodeDhcpMessage(dhcpd.payload);
  const found: string[] = [];
  const compare = (what: string, a: string, b: string): void => {
    if (a !== b) found.push(what);
  };
  for (const field of [
    'op',
    'htype',
    'hlen',
    'hops',
    'xid',
    'secs',
    'flags',
    'ciaddr',
    'yiaddr',
    'siaddr',
    'giaddr',
  ] as const) {
    compare(field, String(ours.message[field]), String(theirs[field]));
  }
  for (const field of ['chaddr', 'sname', 'file'] as const) {
    compare(field, ours.message[field].join(), theirs[field].join());
  }
  for (const code of new Set([...ours.message.options.keys(), ...theirs.options.keys()])) {
    const isYoung = code === 51 && isYoungLease(ours.message, theirs);
    compare(
      isYoung ? 'young lease' : `option ${code}`,
      String(ours.message.options.get(code)),
      String(theirs.options.get(code)),
    );
  }
  compare('order', commonCodes(ours.message, theirs), commonCodes(theirs, ours.message));
  compare('way', wayOf(ours), `${formatIpv4(dhcpd.destination)} ${dhcpd.destinationMac}`);
  return found;
}

/** Whether dhcpd told the rest of a lease, of 600 s when it was new. */
function isYoungLease(ours: DhcpMessage, theirs: DhcpMessage): boolean {
  const [ourSeconds, theirSeconds] = [ours, theirs].map(({ options }) =>
    options.get(51)?.reduce((sum, octet) => sum * 256 + octet, 0),
  );
  return ourSeconds === 600 && theirSeconds !== undefined && theirSeconds >= 450;
}

function commonCodes(message: DhcpMessage, other: DhcpMessage): string {
  return [...message.options.keys()].filter((code) => other.options.has(code)).join();
}

function wayOf({ route }: Reply): string {
  if (route.kind === 'broadcast') return '255.255.255.255 ff:ff:ff:ff:ff:ff';
  return route.kind === 'unicast-hardware' ? `${formatIpv4(route.address)} ${route.mac}` : route.kind;
}

function lineOf(message: DhcpMessage): string {
  const options = Array.from(message.options, ([code, value]) => {
    const { name, type } = optionByCode(code);
    return `${name}=${formatOptionValue(type, value)}`;
  });
  const { yiaddr, siaddr, flags } = message;
  return `yiaddr=${formatIpv4(yiaddr)} siaddr=${formatIpv4(siaddr)} flags=${flags.toString(16)} file=${fieldText(message.file)} ${options.join(' ')}`;
}

/** What we say to the requests of a capture, in text, and every difference to dhcpd's words. */
function replay(
  name: string,
  settings: DhcpSettings,
): { readonly text: string; readonly unmeant: readonly string[] } {
  const server = new FakeServer({ settings });
  const lines: string[] = [];
  const unmeant: string[] = [];
  const exchanges = exchangesIn(readCapture(readFileSync(`${FOLDER}${name}.pcap`)));
  const first = exchanges.find(({ dhcpd }) => dhcpd !== undefined)?.dhcpd;
  for (const { request, dhcpd } of exchanges) {
    server.now = request.at;
    // dhcpd had given addresses before some captures began; we start with the one that it gave.
    const given = first && decodeDhcpMessage(first.payload).yiaddr;
    const asked = decodeDhcpMessage(request.payload);
    const type = asked.options.get(53)?.[0];
    const wish =
      given !== undefined && type === 1 ? new Map([...asked.options, [50, octetsOf(given)]]) : asked.options;
    const reply = server.reply({ ...asked, options: wish });
    const found = dhcpd === undefined ? [] : differences(reply, dhcpd);
    unmeant.push(...found.filter((each) => !MEANT.has(each)));
    lines.push(
      `${reply.facts.requestKind} -> ${reply.facts.replyType ?? ''}, ${reply.route.kind}`,
      `  ${lineOf(reply.message)}`,
      dhcpd === undefined
        ? '  dhcpd said nothing: its ping was under way'
        : `  other than dhcpd: ${found.join(', ') || 'nothing'}`,
    );
  }
  return { text: `${lines.join('\n')}\n`, unmeant };
}

function octetsOf(address: number): Uint8Array {
  return Uint8Array.of(address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255);
}

function matchesGolden(name: string, text: string): void {
  const file = `${FOLDER}${name}.txt`;
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, text);
  expect(text).toBe(readFileSync(file, 'utf8'));
}

const NAMES = readdirSync(FOLDER).flatMap((file) => (file.endsWith('.pcap') ? [file.slice(0, -5)] : []));

describe('recorded boots', () => {
  it.each(NAMES.filter((name) => name !== 'bios-undionly-loop'))(
    '%s: we say what dhcpd said, but for what is meant',
    (name) => {
      const { text, unmeant } = replay(name, SETTINGS);
      expect(unmeant).toEqual([]);
      matchesGolden(name, text);
    },
  );

  it('bios-undionly-loop: iPXE is not given to iPXE, so that nothing loops', () => {
    const { text, unmeant } = replay('bios-undionly-loop', LOOPING);
    // Without a boot file there is no server to get it from.
    expect(new Set(unmeant)).toEqual(new Set(['file']));
    matchesGolden('bios-undionly-loop', text);
  });

  it('is not about nothing', () => {
    expect(NAMES).toHaveLength(10);
  });
});
