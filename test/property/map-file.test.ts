import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainMapping } from '../../src/tftp/map-explanation.ts';
import { parseMapFile } from '../../src/tftp/map-file.ts';
import { applyMapFile, formatMapStep } from '../../src/tftp/map-rules.ts';
import { checkRequest } from '../../src/tftp/request-policy.ts';
import { junkPattern, richPattern } from './ere-patterns.ts';

const PEER = { family: 'ipv4', text: '192.168.0.130', hex: 'C0A80082' } as const;

/** Latin-1 text, as a file or a packet holds it. */
const bytes = fc
  .array(fc.integer({ min: 0, max: 255 }), { maxLength: 60 })
  .map((octets) => String.fromCharCode(...octets));

/** A rule that mostly is one. Blanks and comment signs of the pattern would end it. */
const rule = fc
  .tuple(
    fc.array(fc.constantFrom('r', 'g', 'i', 'e', 's', 'a', 'G', 'P', '4', '6', '~'), {
      minLength: 1,
      maxLength: 4,
    }),
    fc.oneof(richPattern, junkPattern).map((pattern) => pattern.replace(/[\s#]/g, '')),
    fc.array(fc.constantFrom('a', '/', '\\0', '\\1', '\\i', '\\U', '\\x', '\\ ', '\\\\'), { maxLength: 5 }),
  )
  .map(([letters, pattern, replacement]) => `${letters.join('')} ${pattern} ${replacement.join('')}\n`);

const mapFile = fc.oneof(
  fc.array(rule, { maxLength: 6 }).map((rules) => rules.join('')),
  bytes,
);

const name = fc.oneof(
  bytes,
  fc
    .array(fc.constantFrom('/', '..', '.', 'tftpboot', 'a', 'b', ':', '//'), { maxLength: 12 })
    .map((parts) => parts.join('')),
);

describe('a map-file', () => {
  it('is read without trouble, whatever it holds, and every line of it is a rule, a problem or nothing', () => {
    fc.assert(
      fc.property(mapFile, (text) => {
        const { rules, problems } = parseMapFile(text);
        const lines = [...rules, ...problems].map(({ line }) => line);
        expect(new Set(lines).size).toBe(lines.length);
        expect(Math.max(0, ...lines)).toBeLessThanOrEqual(text.split('\n').length);
        expect(rules.map(({ number }) => number)).toEqual(rules.map((_, index) => index));
      }),
      { numRuns: 1000 },
    );
  });

  it('comes to an end for every name, in steps that tell how', () => {
    fc.assert(
      fc.property(
        mapFile,
        name,
        fc.constantFrom('read' as const, 'write' as const),
        (text, asked, direction) => {
          const { rules } = parseMapFile(text);
          const result = applyMapFile(rules, { name: asked, direction, peer: PEER });
          expect(result.steps.length).toBeLessThanOrEqual(3 * 1024 + 2);
          expect(result.steps.map(formatMapStep).join('')).not.toMatch(/\n/);
          if (result.kind !== 'path') return;
          expect(result.name).toBe(result.steps.at(-1)?.name ?? asked);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('is explained as it is applied', () => {
    fc.assert(
      fc.property(mapFile, name, (text, asked) => {
        const { rules } = parseMapFile(text);
        const request = { name: asked, direction: 'read', peer: PEER } as const;
        const policy = { root: '/tftpboot', secure: false, collapseDoubledSlashes: true };
        const result = applyMapFile(rules, request);
        const { report } = explainMapping(rules, request, policy);
        expect(report.mapped).toBe(result.kind === 'path' ? result.name : null);
        expect(report.rules.at(-1)?.name ?? asked).toBe(result.steps.at(-1)?.name ?? asked);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a name that is let through', () => {
  it('lies below the root, whatever it holds', () => {
    fc.assert(
      fc.property(name, fc.boolean(), (asked, secure) => {
        const checked = checkRequest(asked, { root: '/tftpboot', secure });
        if (checked.kind !== 'allowed') return;
        const components = checked.relativePath.split('/');
        expect(components).not.toContain('..');
        expect(components).not.toContain('.');
        expect(checked.relativePath.startsWith('/')).toBe(false);
        expect(checked.relativePath).not.toMatch(/\/\//);
      }),
      { numRuns: 2000 },
    );
  });
});
