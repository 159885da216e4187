import { readFileSync } from 'node:fs';
import { EreBudget } from '../../../src/tftp/ere-budget.ts';
import { EreError } from '../../../src/tftp/ere-error.ts';
import { compileMapRegex, type MapRegex } from '../../../src/tftp/map-regex.ts';
import { explainMapping } from '../../../src/tftp/map-explanation.ts';
import { parseMapFile } from '../../../src/tftp/map-file.ts';
import { applyMapFile, formatMapStep } from '../../../src/tftp/map-rules.ts';
import { checkRequest } from '../../../src/tftp/request-policy.ts';
import { readVectors } from '../../unit/tftp/map-vectors.ts';
import { keptTexts } from '../corpus.ts';
import type { FuzzRandom } from '../fuzz-random.ts';
import { mustHold, textTarget, type FuzzTarget, type FuzzVerdict, type OpenTarget } from '../fuzz-target.ts';

/** Between the parts of an input. */
const SEPARATOR = '\0';
const PEER = { family: 'ipv4', text: '192.168.0.130', hex: 'C0A80082' } as const;
const STEPS_MAX = 3 * 1024 + 2;

const MAP_TOKENS = [
  'r',
  'g',
  'i',
  'e',
  's',
  'a',
  'G',
  'P',
  '4',
  '6',
  '~',
  're ',
  'rg ',
  '\\0',
  '\\1',
  '\\9',
  '\\i',
  '\\x',
  '\\U',
  '\\L',
  '\\E',
  '\\ ',
  SEPARATOR,
  '#',
];
const PATTERN_PIECES = [
  ...[
    'a',
    'b',
    '.',
    '[ab]',
    '[^/]',
    '[[:alpha:]]',
    '[a-',
    ']',
    '(',
    ')',
    '(a|b)',
    '|',
    '*',
    '+',
    '?',
    '{2}',
    '{,3}',
    '{0,255}',
    '{255}',
  ],
  ...[
    '^',
    '$',
    '\\<',
    '\\>',
    '\\b',
    '\\B',
    '\\w',
    '\\W',
    '\\s',
    '\\`',
    "\\'",
    '\\1',
    '\\2',
    '\\.',
    '()',
    '(.*)*',
    '(a*)*',
    '(a|aa)+',
    '(a?){9}a{9}',
  ],
];
const SUBJECTS = [
  '/tftpboot/pxelinux.0',
  'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab',
  'ab/ab/ab',
  '',
  'a'.repeat(500),
  '\xff\x80a',
];

/** In one octet a character, as map-files and names are read. */
function latin1(text: string): string {
  return text.replace(/[^\0-\xff]/g, '?');
}

function generatePattern(random: FuzzRandom): string {
  return Array.from({ length: 1 + random.small(12) }, () => random.pick(PATTERN_PIECES)).join('');
}

function openMapFile(): OpenTarget {
  const vectors = [
    ...readVectors('vectors.json'),
    ...readVectors('syntax-errors.json'),
    ...readVectors('noreply.json'),
  ];
  return textTarget({
    // Two applications and a compilation, with patterns of up to 65,000 nodes, on a busy machine.
    limitMs: 4000,
    seeds: [
      ...vectors.map(({ mapFile, request }) => `${mapFile ?? ''}${SEPARATOR}${request}`),
      ...keptTexts('map-file'),
    ],
    tokens: MAP_TOKENS,
    generate: (random) => {
      const rules = Array.from({ length: 1 + random.below(5) }, () => {
        const letters = Array.from({ length: 1 + random.below(3) }, () =>
          random.pick(MAP_TOKENS.slice(0, 11)),
        ).join('');
        return `${letters} ${generatePattern(random)} ${random.pick(['/tftpboot/\\0', '\\1\\1', '', 'x\\i', '\\0\\0\\0'])}\n`;
      });
      return `${rules.join('')}${SEPARATOR}${random.pick(SUBJECTS)}`;
    },
    check: checkMapFile,
  });
}

function checkMapFile(input: string): FuzzVerdict {
  const [text = '', ...names] = latin1(input).split(SEPARATOR);
  const { rules, problems } = parseMapFile(text);
  const lines = [...rules, ...problems].map(({ line }) => line);
  mustHold(
    Math.max(0, ...lines) <= text.split('\n').length,
    () => 'a problem lies behind the end of the file',
  );
  for (const name of names.slice(0, 2)) {
    const request = { name, direction: 'read', peer: PEER } as const;
    const result = applyMapFile(rules, request);
    mustHold(result.steps.length <= STEPS_MAX, () => `${result.steps.length} steps`);
    mustHold(
      !result.steps.map(formatMapStep).join('').includes('\n'),
      () => 'a step makes two lines of a log',
    );
    const { report } = explainMapping(rules, request, {
      root: '/tftpboot',
      secure: false,
      collapseDoubledSlashes: true,
    });
    const mapped = result.kind === 'path' ? result.name : null;
    mustHold(
      report.mapped === mapped,
      () => `explained as ${report.mapped ?? 'refused'}, applied as ${mapped ?? 'refused'}`,
    );
    const checked = checkRequest(mapped ?? name, { root: '/tftpboot', secure: name.length % 2 === 0 });
    if (checked.kind === 'allowed') mustBeBelow(checked.relativePath);
  }
  return rules.length > 0 ? 'taken' : 'refused';
}

/** A path that is let through stays below the root. */
export function mustBeBelow(path: string): void {
  const isBelow = !path.startsWith('/') && !path.split('/').includes('..') && !path.includes('//');
  mustHold(isBelow, () => `${JSON.stringify(path)} may lie outside of the root`);
}

/** What a planted bug stands in for. */
export interface RegexEngine {
  readonly compile: (pattern: string, ignoreCase: boolean) => MapRegex;
}

/** What a request may cost (MATCH_STEP_LIMIT of src/tftp/map-rules.ts). */
const STEP_LIMIT = 5_000_000;

export function openRegex({ compile }: RegexEngine = { compile: compileMapRegex }): OpenTarget {
  const recorded = ['ere-fuzz.json', 'ere-libc.json'].flatMap(
    (file) =>
      JSON.parse(readFileSync(new URL(`../../data/mapfile/${file}`, import.meta.url), 'utf8')) as {
        pattern: string;
        subject: string;
      }[],
  );
  return textTarget({
    limitMs: 2500,
    seeds: [
      ...recorded.map(({ pattern, subject }) => `${pattern}${SEPARATOR}${subject}`),
      ...keptTexts('regex'),
    ],
    tokens: [...PATTERN_PIECES, SEPARATOR],
    generate: (random) => `${generatePattern(random)}${SEPARATOR}${random.pick(SUBJECTS)}`,
    check: (input) => checkRegex(input, compile),
  });
}

function checkRegex(input: string, compile: RegexEngine['compile']): FuzzVerdict {
  const [pattern = '', subject = ''] = latin1(input).split(SEPARATOR);
  let regex: MapRegex;
  try {
    regex = compile(pattern, pattern.length % 2 === 0);
  } catch (error) {
    if (error instanceof EreError) return 'refused';
    throw error;
  }
  // Most inputs get a tenth of it, so that there are more of them.
  const steps = pattern.length % 8 === 0 ? STEP_LIMIT : STEP_LIMIT / 10;
  const outcome = regex.match(subject, new EreBudget(steps));
  if (outcome.kind === 'out-of-steps') return 'taken';
  const again = regex.match(subject, new EreBudget(steps));
  mustHold(
    JSON.stringify(again) === JSON.stringify(outcome),
    () => 'the same pattern and subject give something else the second time',
  );
  if (outcome.kind !== 'match') return 'taken';
  for (const [group, { start, end }] of outcome.spans.entries()) {
    const tookNoPart = group > 0 && start === -1 && end === -1;
    const isInside = start >= 0 && start <= end && end <= subject.length;
    mustHold(tookNoPart || isInside, () => `group ${group} is from ${start} to ${end}`);
  }
  return 'taken';
}

export const MAP_FILE_TARGETS: readonly FuzzTarget[] = [
  { name: 'map-file', reads: 'map-files, and names that are rewritten by their rules', open: openMapFile },
  {
    name: 'regex',
    reads: 'POSIX extended regular expressions and what they are matched against, ReDoS among them',
    open: () => openRegex(),
  },
];
