import { describe, expect, it } from 'vitest';
import { blockSizeForMtu, negotiate, parseTransferMode } from '../../../src/tftp/negotiation.ts';

const LIMITS = {
  mode: 'octet',
  size: 100_000,
  blockSizeMax: 1468,
  windowSizeMax: 64,
  retransmitMs: 1000,
} as const;

const options = (text: string): { name: string; value: string }[] =>
  text === ''
    ? []
    : text.split(' ').map((pair) => {
        const [name = '', value = ''] = pair.split('=');
        return { name, value };
      });

/** The OACK as `name=value` pairs. */
function acknowledged(oack: Uint8Array | undefined): string | undefined {
  if (oack === undefined) return undefined;
  const strings = Buffer.from(oack.subarray(2)).toString('latin1').split('\0').slice(0, -1);
  return strings
    .flatMap((text, index) => (index % 2 === 0 ? [`${text}=${strings[index + 1]}`] : []))
    .join(' ');
}

describe('what is agreed', () => {
  it.each([
    ['', undefined, {}],
    ['blksize=1408', 'blksize=1408', { blockSize: 1408 }],
    ['BLKSIZE=8', 'BLKSIZE=8', { blockSize: 8 }],
    ['blksize=65464', 'blksize=1468', { blockSize: 1468 }],
    ['blksize=-1', 'blksize=1468', { blockSize: 1468 }],
    ['blksize2=1408', 'blksize2=1024', { blockSize: 1024 }],
    ['blksize2=1024', 'blksize2=1024', { blockSize: 1024 }],
    ['blksize2=4096', 'blksize2=1468', { blockSize: 1468 }],
    ['tsize=0', 'tsize=100000', {}],
    ['tsize=77', 'tsize=77', {}],
    ['timeout=3', 'timeout=3', { retransmitMs: 3000 }],
    ['timeout=255', 'timeout=255', { retransmitMs: 255_000 }],
    ['utimeout=10000', 'utimeout=10000', { retransmitMs: 10 }],
    ['utimeout=255000000', 'utimeout=255000000', { retransmitMs: 255_000 }],
    ['rollover=0', 'rollover=0', { rollover: 0 }],
    ['rollover=65535', 'rollover=65535', { rollover: 65_535 }],
    ['windowsize=16', 'windowsize=16', { windowSize: 16 }],
    ['windowsize=65535', 'windowsize=64', { windowSize: 64 }],
    ['windowsize=0', undefined, { windowSize: 1 }],
    ['windowsize=65536', undefined, { windowSize: 1 }],
    ['multicast=', undefined, {}],
    ['multicast=0', undefined, {}],
    ['blksize=12a', undefined, {}],
    ['tsize=0 blksize=1468 windowsize=4', 'tsize=100000 blksize=1468 windowsize=4', { windowSize: 4 }],
    ['TSIZE=0 x=1 BlkSize=01408', 'TSIZE=100000 BlkSize=1408', { blockSize: 1408 }],
    ['blksize=1000 blksize=600', 'blksize=1000 blksize=600', { blockSize: 600 }],
  ])('%j is answered by %j', (asked, answer, agreed) => {
    const outcome = negotiate(options(asked), LIMITS);
    if (outcome.kind !== 'agreed') throw new Error(outcome.reason);
    expect(acknowledged(outcome.oack)).toBe(answer);
    const defaults = { blockSize: 512, windowSize: 1, retransmitMs: 1000, rollover: 0 };
    const expected = { ...defaults, ...agreed };
    const blockSize = asked.toLowerCase().includes('blksize') ? outcome.agreed.blockSize : 512;
    expect(outcome.agreed).toEqual({ ...expected, blockSize });
    if ('blockSize' in agreed) expect(outcome.agreed.blockSize).toBe(agreed.blockSize);
  });

  it.each([
    'blksize=7',
    'blksize=0',
    'blksize2=7',
    'timeout=0',
    'timeout=256',
    'timeout=-1',
    'utimeout=9999',
    'utimeout=255000001',
    'rollover=65536',
    'tsize=0 timeout=0',
  ])('%s is refused', (asked) => {
    expect(negotiate(options(asked), LIMITS)).toEqual({ kind: 'refused', reason: 'bad-option' });
  });

  it('refuses tsize in netascii, whose length nobody knows yet', () => {
    expect(negotiate(options('tsize=0'), { ...LIMITS, mode: 'netascii' })).toMatchObject({ kind: 'refused' });
  });

  it('sends netascii block by block', () => {
    const outcome = negotiate(options('windowsize=16 blksize=1000'), { ...LIMITS, mode: 'netascii' });
    expect(outcome).toMatchObject({ agreed: { windowSize: 1 } });
    expect(acknowledged(outcome.kind === 'agreed' ? outcome.oack : undefined)).toBe('blksize=1000');
  });

  it.each([
    [1467, 'windowsize=4 blksize=1468', 'blksize=1468', 1],
    [1468, 'windowsize=4 blksize=1468', 'windowsize=4 blksize=1468', 4],
    [26, 'windowsize=4', undefined, 1],
  ])('leaves the window out when %d octets fit one block', (size, asked, answer, windowSize) => {
    const outcome = negotiate(options(asked), { ...LIMITS, size });
    if (outcome.kind !== 'agreed') throw new Error(outcome.reason);
    expect(acknowledged(outcome.oack)).toBe(answer);
    expect(outcome.agreed.windowSize).toBe(windowSize);
  });

  it('refuses an OACK that would not fit into a packet', () => {
    const many = Array.from({ length: 5100 }, () => ({ name: 'blksize', value: '1408' }));
    expect(negotiate(many, LIMITS)).toEqual({ kind: 'refused', reason: 'options-too-long' });
  });

  it('sends at most the configured block size to clients that ask for nothing', () => {
    expect(negotiate([], { ...LIMITS, blockSizeMax: 512 })).toMatchObject({ agreed: { blockSize: 512 } });
  });
});

describe('the block size of a wire', () => {
  it.each([
    [1500, 'ipv4', 1468],
    [1500, 'ipv6', 1448],
    [9000, 'ipv4', 8968],
    [65_536, 'ipv4', 65_464],
    [300, 'ipv4', 512],
  ] as const)('MTU %d over %s: %d', (mtu, family, size) => {
    expect(blockSizeForMtu(mtu, family)).toBe(size);
  });
});

describe('modes', () => {
  it.each([
    ['octet', 'octet'],
    ['OCTET', 'octet'],
    ['NetASCII', 'netascii'],
    ['mail', undefined],
    ['binary', undefined],
    ['', undefined],
  ])('%j is %j', (text, mode) => {
    expect(parseTransferMode(text)).toBe(mode);
  });
});
