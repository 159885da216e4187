import { describe, expect, it } from 'vitest';
import { parseMapFile } from '../../../src/tftp/map-file.ts';
import { applyMapFile, formatMapStep, type MapResult } from '../../../src/tftp/map-rules.ts';
import { printable } from '../../../src/wire/visible-text.ts';
import { PEER, peerOf, readVectors, type MapVector } from './map-vectors.ts';

function apply(mapFile: string, name: string, direction: 'read' | 'write' = 'read'): MapResult {
  const { rules, problems } = parseMapFile(mapFile);
  expect(problems).toEqual([]);
  return applyMapFile(rules, { name, direction, peer: PEER });
}

function applyVector({ mapFile, request, mode }: MapVector, vector: MapVector): MapResult {
  const { rules } = parseMapFile(mapFile ?? '');
  const direction = mode === 'rrq' ? 'read' : 'write';
  return applyMapFile(rules, { name: request, direction, peer: peerOf(vector) });
}

/** What a rule of the vector's file refused, as opposed to what other checks did. */
const REACHED_MAPPING = readVectors('vectors.json').filter(
  ({ request, transferMode = 'octet' }) => request !== '' && /^(octet|netascii)$/i.test(transferMode),
);

describe('what in.tftpd was recorded to make of a name', () => {
  it.each(REACHED_MAPPING)('$name', (vector) => {
    const result = applyVector(vector, vector);
    if (vector.mapped !== null) {
      expect(result).toMatchObject({ kind: 'path', name: vector.mapped });
    } else {
      expect(result).toMatchObject({ kind: 'refused', ...vector.expected.error });
    }
  });

  it.each(REACHED_MAPPING.filter(({ log }) => !log.includes('...')))('and to log: $name', (vector) => {
    const recorded = vector.log.filter((line) => line.startsWith('remap: '));
    const lines = applyVector(vector, vector).steps.map(formatMapStep);
    // syslog took away a line feed at the end of a name.
    expect(lines.map((line) => line.replace(/\\x0a$/, ''))).toEqual(recorded.map(printable));
  });
});

describe('what in.tftpd never answers', () => {
  it.each(readVectors('noreply.json').filter(({ mapped }) => mapped === null))(
    'is refused: $name',
    (vector) => {
      const result = applyVector(vector, vector);
      if (result.kind !== 'refused') throw new Error('not refused');
      expect(result.code).toBe(2);
      const isCrash = vector.expected.noReply === 'silent';
      expect(result.message).toBe(isCrash ? 'Not allowed' : 'Remap table failure');
      expect(result.reason).toBe(isCrash ? 'map-rule' : 'map-limit');
      expect(result.warning === undefined).toBe(isCrash);
      expect(result.steps.length).toBeLessThan(2000);
    },
  );

  it('names input and last name in a warning, control bytes escaped', () => {
    const result = apply('rg $ \\\x07\n', 'x\n');
    if (result.kind !== 'refused') throw new Error('not refused');
    expect(result.warning).toMatch(/^remap: Breaking loop, input = x\\x0a, last = x\\x0a(\\x07){253}\.\.\.$/);
    expect(result.steps.at(-1)).toMatchObject({ kind: 'loop' });
  });
});

describe('the limits of a run', () => {
  const rules = (count: number): string => 'r zz yy\n'.repeat(count);

  it('are 1024 trials, of which rules for others take none', () => {
    expect(apply(rules(1024), 'x').kind).toBe('path');
    expect(apply(rules(1025), 'x')).toMatchObject({ kind: 'refused', message: 'Remap table failure' });
    expect(apply('rP zz yy\n'.repeat(2000) + rules(1024), 'x').kind).toBe('path');
  });

  it('count the rounds of g as trials', () => {
    const rewrites = (count: number): MapResult => apply('rg a b\n', 'a'.repeat(count));
    expect(rewrites(1024)).toMatchObject({ kind: 'path', name: 'b'.repeat(1024) });
    expect(rewrites(1025).kind).toBe('refused');
  });

  it('end a rule that makes the name longer and longer', () => {
    const result = apply(`rg a a${'b'.repeat(1000)}\n`, 'a');
    expect(result).toMatchObject({ kind: 'refused', reason: 'map-limit' });
    expect(result.steps.length).toBeLessThan(20);
    expect(result.steps.at(-1)?.name).toHaveLength(1 + 16 * 1000);
  });

  it('end regexes that take too long, wherever they stand', () => {
    const slow = 'r ^(a*)*(a*)*(a*)*\\1\\2\\3b$ x\n';
    expect(apply(slow, 'a'.repeat(200))).toMatchObject({ kind: 'refused', reason: 'map-limit' });
    expect(apply(`e ^aaaa\n${slow}`, 'a'.repeat(200)).kind).toBe('path');
  });
});

describe('a step', () => {
  it('says what the rule did and what became of the name', () => {
    expect(apply('r a b\nrs b c\ne c\n', 'xa').steps).toEqual([
      { kind: 'input', name: 'xa' },
      { kind: 'rewrite', rule: 0, name: 'xb' },
      { kind: 'rewrite', rule: 1, name: 'xc' },
      { kind: 'restart', rule: 0, name: 'xc' },
      { kind: 'exit', rule: 2, name: 'xc' },
    ]);
  });

  it('is none without rules', () => {
    expect(apply('# nothing\n', '/x')).toEqual({ kind: 'path', name: '/x', steps: [] });
  });

  it('is logged without the control bytes of a name', () => {
    expect(apply('r x \\\n\n', '/x\x1b[2J').steps.map(formatMapStep)).toEqual([
      'remap: input: /x\\x1b[2J',
      'remap: rule 0: rewrite: /\\x0a\\x1b[2J',
      'remap: done',
    ]);
  });
});

describe('a text for the client', () => {
  it('is the expanded one alone when a rule with ~ refuses', () => {
    expect(apply('a~ ^/ok \\0\\1no:\\ \\i\n', '/x')).toMatchObject({ code: 2, message: 'no: 192.168.0.130' });
  });

  it('keeps what did not match around it', () => {
    expect(apply('aP . Read\\ only\n', '/x', 'write')).toMatchObject({ message: 'Read onlyx' });
    expect(apply('aP . Read\\ only\n', '/x', 'read').kind).toBe('path');
  });
});
