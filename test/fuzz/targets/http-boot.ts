import { parseBootPath } from '../../../src/boot/boot-paths.ts';
import { selectContent } from '../../../src/services/http-boot-conditions.ts';
import { parseHttpBootTarget, type HttpBootTarget } from '../../../src/services/http-boot-target.ts';
import { keptTexts } from '../corpus.ts';
import type { FuzzRandom } from '../fuzz-random.ts';
import { mustHold, textTarget, type FuzzTarget, type FuzzVerdict, type OpenTarget } from '../fuzz-target.ts';
import { mustBeBelow } from './map-file.ts';

const PIECES = [
  '/',
  '//',
  '.',
  '..',
  '%2e',
  '%2E%2e',
  '%2f',
  '%5c',
  '\\',
  '%',
  '%00',
  '%zz',
  '%25',
  '%252e',
  '%252F',
  '?',
  '#',
  ' ',
  '\u00e9',
  'tftpboot',
  'pxelinux.cfg',
  'EFI',
  'grub.cfg',
  'http://h:8080',
];
const NAMES = [
  '01-52-54-00-00-00-01',
  '20-00',
  'C0A80001',
  'C0A8',
  'default',
  'boot.ipxe',
  '52:54:00:00:00:01.conf',
  '192.168.0.1.conf',
  '1f70d3aa-7c1a-4f45-ac1c-dd0e3342553f',
  'grub.cfg-01-52-54-00-00-00-01',
  'config',
];
const HEADERS = [
  ...[
    'range: bytes=0-0',
    'range: bytes=-1',
    'range: bytes=5-',
    'range: bytes=9-2',
    'range: bytes=0-1,2-3',
    'range: bytes=99999999999999999999-',
    'range: lines=1-',
  ],
  ...[
    'if-range: "t"',
    'if-match: "t"',
    'if-match: *',
    'if-none-match: W/"t", "u"',
    'if-modified-since: Sun, 22 Nov 2026 12:00:00 GMT',
    'if-unmodified-since: x',
    'if-range: Sun',
  ],
];

/** What a planted bug stands in for. */
export interface TargetParser {
  readonly parse: (target: string) => HttpBootTarget;
}

function generateRequest(random: FuzzRandom): string {
  const path = Array.from({ length: 1 + random.small(10) }, () =>
    random.pick(random.chance(0.7) ? PIECES : NAMES),
  ).join(random.chance(0.5) ? '/' : '');
  const headers = Array.from({ length: random.small(4) }, () => random.pick(HEADERS));
  return [path, ...headers].join('\n');
}

export function openHttpBoot({ parse }: TargetParser = { parse: parseHttpBootTarget }): OpenTarget {
  return textTarget({
    limitMs: 50,
    seeds: [
      '//grubx64.efi',
      '/tftpboot/pxelinux.cfg/01-52-54-00-00-00-01\nrange: bytes=0-499',
      'http://192.168.0.1:8080/boot.ipxe?x=1',
      ...keptTexts('http-boot'),
    ],
    tokens: [...PIECES, ...NAMES, ...HEADERS.map((line) => `\n${line}`)],
    generate: generateRequest,
    check: (input) => checkRequest(input, parse),
  });
}

function checkRequest(input: string, parse: TargetParser['parse']): FuzzVerdict {
  const [target = '', ...lines] = input.split('\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.split(': ', 1)[0]?.toLowerCase() ?? '', line.slice(line.indexOf(': ') + 2)]),
  );
  for (const size of [0, 1, 1000]) {
    const selection = selectContent(headers, {
      size,
      entityTag: '"t"',
      modifiedAt: Date.UTC(2026, 10, 22, 12),
    });
    if (selection.status !== 206) continue;
    const { start, end } = selection;
    mustHold(
      Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end && end < size,
      () => `octets ${start} to ${end} of ${size}`,
    );
  }
  const parsed = parse(target);
  if (parsed.kind === 'bad') return 'refused';
  mustBeBelow(parsed.name);
  mustHold(!parsed.name.includes('\0'), () => 'a NUL in a name');
  parseBootPath(parsed.name);
  return 'taken';
}

export const HTTP_BOOT_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'http-boot',
    reads: 'request targets, conditions and ranges of HTTP boot, and the names of boot files',
    open: () => openHttpBoot(),
  },
];
