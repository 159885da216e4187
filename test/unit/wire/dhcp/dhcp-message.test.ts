import { describe, expect, it } from 'vitest';
import { ipv4FromNumber } from '../../../../src/addr/ipv4.ts';
import {
  decodeDhcpMessage,
  EMPTY_MESSAGE,
  encodeDhcpMessage,
  fieldText,
  optionsThatDoNotFit,
  textField,
  type DhcpMessage,
} from '../../../../src/wire/dhcp/dhcp-message.ts';
import { WireError } from '../../../../src/wire/wire-error.ts';

const HEADER = 240;

function message(
  options: readonly (readonly [number, number | Uint8Array])[],
  rest: Partial<DhcpMessage> = {},
): DhcpMessage {
  const filled = options.map(
    ([code, value]) => [code, typeof value === 'number' ? new Uint8Array(value).fill(code) : value] as const,
  );
  return { ...EMPTY_MESSAGE, options: new Map(filled), ...rest };
}

/** A DISCOVER with these octets in the options area. */
function datagram(
  area: readonly number[],
  change: (octets: Uint8Array) => void = () => undefined,
): Uint8Array {
  const head = encodeDhcpMessage(EMPTY_MESSAGE).subarray(0, HEADER);
  const octets = Uint8Array.of(...head, ...area);
  change(octets);
  return octets;
}

function reasonOf(octets: Uint8Array): string {
  try {
    decodeDhcpMessage(octets);
  } catch (error) {
    if (error instanceof WireError) return error.reason;
    throw error;
  }
  return 'none';
}

/** Codes in the order in which they stand in an area. */
function codesIn(area: Uint8Array): number[] {
  const codes: number[] = [];
  for (let at = 0; at < area.length && area[at] !== 255;) {
    if (area[at] !== 0) codes.push(area[at]!);
    at += area[at] === 0 ? 1 : 2 + area[at + 1]!;
  }
  return codes;
}

describe('the fixed fields', () => {
  it('stand where RFC 2131 figure 1 has them', () => {
    const octets = encodeDhcpMessage({
      ...EMPTY_MESSAGE,
      op: 2,
      htype: 3,
      hlen: 4,
      hops: 5,
      xid: 0x01020304,
      secs: 0x0506,
      flags: 0x8000,
      ciaddr: ipv4FromNumber(0x0a000001),
      yiaddr: ipv4FromNumber(0x0a000002),
      siaddr: ipv4FromNumber(0x0a000003),
      giaddr: ipv4FromNumber(0xc0a80004),
      chaddr: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16),
      sname: textField('server', 'sname')!,
      file: textField('/pxelinux.0', 'file')!,
    });
    const hex = Buffer.from(octets).toString('hex');
    expect(hex.slice(0, 56)).toBe(
      '02030405' + '01020304' + '05068000' + '0a000001' + '0a000002' + '0a000003' + 'c0a80004',
    );
    expect(hex.slice(56, 88)).toBe('0102030405060708090a0b0c0d0e0f10');
    expect(fieldText(octets.subarray(44, 108))).toBe('server');
    expect(fieldText(octets.subarray(108, 236))).toBe('/pxelinux.0');
    expect(hex.slice(472, 482)).toBe('63825363ff');
    expect(octets).toHaveLength(300);
    expect(decodeDhcpMessage(octets)).toMatchObject({ xid: 0x01020304, giaddr: 0xc0a80004, hasCookie: true });
  });

  it('are views of the datagram, wherever it lies in its memory', () => {
    const octets = datagram([12, 1, 65, 255]);
    const memory = Buffer.concat([Buffer.of(1, 2, 3), octets]);
    const { chaddr, options } = decodeDhcpMessage(memory.subarray(3));
    expect([...options.get(12)!]).toEqual([65]);
    expect([chaddr.buffer, chaddr.byteOffset]).toEqual([memory.buffer, memory.byteOffset + 3 + 28]);
  });
});

describe('decodeDhcpMessage', () => {
  it.each([
    ['nothing', new Uint8Array(0)],
    ['a cut header', encodeDhcpMessage(EMPTY_MESSAGE).subarray(0, 235)],
  ])('refuses %s', (_name, octets) => expect(reasonOf(octets)).toBe('truncated'));

  it.each([17, 255])('refuses hlen %i: chaddr holds 16 octets', (hlen) => {
    expect(reasonOf(datagram([255], (octets) => (octets[2] = hlen)))).toBe('bad-hardware-address');
  });

  it.each([
    ['a length that runs past the end', [12, 200, 1, 2]],
    ['a code without a length', [53, 1, 1, 61]],
    ['a long option cut short', [53, 1, 1, 61, 7, 1]],
  ])('refuses %s', (_name, area) => expect(reasonOf(datagram(area))).toBe('broken-options'));

  it.each([
    ['another cookie', datagram([53, 1, 1, 255], (octets) => (octets[239] = 0x64))],
    ['no room for a cookie', encodeDhcpMessage(EMPTY_MESSAGE).subarray(0, 236)],
    ['half a cookie', encodeDhcpMessage(EMPTY_MESSAGE).subarray(0, 238)],
  ])('takes %s for BOOTP without options', (_name, octets) => {
    expect(decodeDhcpMessage(octets)).toMatchObject({ hasCookie: false, options: new Map() });
  });

  it('needs no END, skips PAD, and reads nothing behind END', () => {
    expect([...decodeDhcpMessage(datagram([0, 0, 53, 1, 1, 0])).options.keys()]).toEqual([53]);
    const twice = decodeDhcpMessage(datagram([53, 1, 1, 255, 53, 1, 7]));
    expect([...twice.options.get(53)!]).toEqual([1]);
  });

  it('joins the instances of one option in order (RFC 3396)', () => {
    const { options } = decodeDhcpMessage(datagram([61, 2, 0, 1, 53, 1, 1, 61, 2, 2, 3, 61, 1, 4, 255]));
    expect([...options]).toEqual([
      [61, Uint8Array.of(0, 1, 2, 3, 4)],
      [53, Uint8Array.of(1)],
    ]);
  });

  it('keeps empty options: judging them is not the codec’s', () => {
    expect(decodeDhcpMessage(datagram([82, 0, 53, 1, 1, 255])).options.get(82)).toEqual(new Uint8Array(0));
  });

  describe('option 52', () => {
    const inFile = [50, 4, 10, 0, 0, 9, 255];
    const inSname = [12, 2, 110, 49, 255];
    const withFields = (overload: number): DhcpMessage =>
      decodeDhcpMessage(
        datagram([53, 1, 1, 52, 1, overload, 255], (octets) => {
          octets.set(inFile, 108);
          octets.set(inSname, 44);
        }),
      );

    it.each([
      [1, [53, 50]],
      [2, [53, 12]],
      [3, [53, 50, 12]],
    ])('%i: options %j, and those fields hold nothing else', (overload, codes) => {
      const decoded = withFields(overload);
      expect([...decoded.options.keys()]).toEqual(codes);
      expect(decoded.file.every((octet) => octet === 0)).toBe((overload & 1) !== 0);
      expect(decoded.sname.every((octet) => octet === 0)).toBe((overload & 2) !== 0);
    });

    it.each([0, 4, 255])('%i means nothing', (overload) => {
      expect([...withFields(overload).options.keys()]).toEqual([53, 52]);
    });

    it('refuses broken options in a field', () => {
      const octets = datagram([53, 1, 1, 52, 1, 1, 255], (all) => all.set([12, 255, 65], 108));
      expect(reasonOf(octets)).toBe('broken-options');
    });
  });
});

describe('encodeDhcpMessage', () => {
  it('pads to 300 octets, and not beyond what there is', () => {
    expect(encodeDhcpMessage(message([[53, 1]]))).toHaveLength(300);
    expect(encodeDhcpMessage(message([[43, 200]]))).toHaveLength(HEADER + 202 + 1);
  });

  it('splits an option over 255 octets', () => {
    const octets = encodeDhcpMessage(message([[43, 600]]), 1472);
    expect(codesIn(octets.subarray(HEADER))).toEqual([43, 43, 43]);
    expect(decodeDhcpMessage(octets).options.get(43)).toHaveLength(600);
  });

  it('writes option 82 last, wherever it stands', () => {
    const octets = encodeDhcpMessage(
      message([
        [53, 1],
        [82, 4],
        [1, 4],
        [61, 7],
      ]),
    );
    expect(codesIn(octets.subarray(HEADER))).toEqual([53, 1, 61, 82]);
  });

  it('writes a vendor area of zeros without a cookie', () => {
    const octets = encodeDhcpMessage(message([[53, 1]], { hasCookie: false }));
    expect(octets).toHaveLength(300);
    expect(octets.subarray(236).every((octet) => octet === 0)).toBe(true);
  });

  it('uses file, then sname, when the options area is full', () => {
    const full = message([
      [53, 1],
      [54, 4],
      [43, 240],
      [128, 90],
      [129, 100],
      [130, 60],
      [82, 6],
    ]);
    const octets = encodeDhcpMessage(full, 548);
    expect(octets.length).toBeLessThanOrEqual(548);
    expect(codesIn(octets.subarray(HEADER))).toEqual([53, 54, 43, 52, 82]);
    expect(codesIn(octets.subarray(108, 236))).toEqual([128]);
    expect(codesIn(octets.subarray(44, 108))).toEqual([130]);
    expect(optionsThatDoNotFit(full, 548)).toEqual([129]);
  });

  it('keeps room for option 52 itself', () => {
    // 308 octets less END, option 53 and option 128 leave 102; option 129 takes 101 of them.
    const full = message([
      [53, 1],
      [128, 200],
      [129, 99],
      [130, 10],
    ]);
    const octets = encodeDhcpMessage(full, 548);
    expect(octets.length).toBeLessThanOrEqual(548);
    expect(codesIn(octets.subarray(HEADER))).toEqual([53, 128, 130, 52]);
    expect(codesIn(octets.subarray(108, 236))).toEqual([129]);
  });

  it('leaves a boot file and a server name where they are', () => {
    const full = message(
      [
        [53, 1],
        [43, 250],
        [128, 100],
      ],
      { file: textField('x', 'file')!, sname: textField('y', 'sname')! },
    );
    const decoded = decodeDhcpMessage(encodeDhcpMessage(full, 548));
    expect([...decoded.options.keys()]).toEqual([53, 43]);
    expect([fieldText(decoded.file), fieldText(decoded.sname)]).toEqual(['x', 'y']);
    expect(optionsThatDoNotFit(full, 548)).toEqual([128]);
  });

  it('never overloads a BOOTP reply', () => {
    const full = message([
      [1, 4],
      [128, 50],
      [129, 50],
    ]);
    const octets = encodeDhcpMessage(full, 300);
    expect(octets).toHaveLength(300);
    expect(codesIn(octets.subarray(HEADER))).toEqual([1, 128]);
    expect(octets.subarray(44, 236).every((octet) => octet === 0)).toBe(true);
  });

  it.each([53, 54, 51, 61, 82])('never leaves out option %i', (code) => {
    const full = message(
      [
        [43, 250],
        [128, 250],
        [code, 200],
      ],
      { file: textField('x', 'file')!, sname: textField('y', 'sname')! },
    );
    expect(optionsThatDoNotFit(full, 548)).not.toContain(code);
    expect(decodeDhcpMessage(encodeDhcpMessage(full, 548)).options.get(code)).toHaveLength(200);
  });

  it('sends an identifier that is larger than the whole message rather than none', () => {
    const full = message(
      [
        [53, 1],
        [61, 400],
        [1, 4],
      ],
      { file: textField('x', 'file')! },
    );
    const decoded = decodeDhcpMessage(encodeDhcpMessage(full, 548));
    expect(decoded.options.get(61)).toHaveLength(400);
  });

  it('refuses a field of a wrong length', () => {
    expect(() => encodeDhcpMessage({ ...EMPTY_MESSAGE, chaddr: new Uint8Array(6) })).toThrow(WireError);
  });
});

describe('textField', () => {
  it.each([
    ['sname', 63, true],
    ['sname', 64, false],
    ['file', 127, true],
    ['file', 128, false],
  ] as const)('%s takes %i octets: %s', (field, length, fits) => {
    const octets = textField('x'.repeat(length), field);
    expect(octets !== undefined).toBe(fits);
    if (octets !== undefined) expect(fieldText(octets)).toHaveLength(length);
  });

  it('counts octets, not letters', () => {
    expect(textField('é'.repeat(64), 'file')).toBeUndefined();
    expect(fieldText(textField('é'.repeat(63), 'file')!)).toBe('é'.repeat(63));
  });

  it('refuses a NUL, which would end the text early', () => {
    expect(textField('a\0b', 'file')).toBeUndefined();
  });
});
