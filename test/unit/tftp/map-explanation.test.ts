import { describe, expect, it } from 'vitest';
import { explainMapping, type MappingExplanation } from '../../../src/tftp/map-explanation.ts';
import { parseMapFile } from '../../../src/tftp/map-file.ts';
import { PEER } from './map-vectors.ts';

const POLICY = { root: '/tftpboot', secure: false, collapseDoubledSlashes: true };

/** The map-file of OpenStack's application note. */
const NOTE = `re ^(/tftpboot/) /tftpboot/\\2
re ^/tftpboot/ /tftpboot/
re ^(^/) /tftpboot/\\1
re ^([^/]) /tftpboot/\\1
`;

function explain(mapFile: string, name: string, direction: 'read' | 'write' = 'read'): MappingExplanation {
  return explainMapping(parseMapFile(mapFile).rules, { name, direction, peer: PEER }, POLICY);
}

describe('an explanation', () => {
  it('shows each rule that had its turn', () => {
    const { lines, report } = explain(NOTE, 'pxelinux.0');
    expect(lines).toEqual([
      'RRQ from 192.168.0.130: "pxelinux.0"',
      '  rule 0, line 1: re ^(/tftpboot/) /tftpboot/\\2  no match',
      '  rule 1, line 2: re ^/tftpboot/ /tftpboot/      no match',
      '  rule 2, line 3: re ^(^/) /tftpboot/\\1          no match',
      '  rule 3, line 4: re ^([^/]) /tftpboot/\\1        matches "p", \\1 = "p"',
      '      rewrite: "/tftpboot/pxelinux.0"',
      '      exit: the name is final',
      'mapped to "/tftpboot/pxelinux.0"',
      'looked for below the root: "pxelinux.0"',
    ]);
    expect(report).toMatchObject({
      request: 'pxelinux.0',
      direction: 'read',
      peer: '192.168.0.130',
      mapped: '/tftpboot/pxelinux.0',
      path: 'pxelinux.0',
      refusal: null,
      retry: null,
      turns_left_out: 0,
    });
    expect(report.rules).toHaveLength(4);
    expect(report.rules[3]).toEqual({
      rule: 3,
      line: 4,
      operations: 're',
      pattern: '^([^/])',
      replacement: '/tftpboot/\\1',
      outcome: 'match',
      groups: ['p', 'p'],
      rounds: 1,
      effects: ['rewrite', 'exit'],
      name: '/tftpboot/pxelinux.0',
    });
  });

  it('names what is tried once more', () => {
    const { lines, report } = explain(NOTE, '//tftpboot/uuid/kernel');
    expect(report.retry).toBe('/tftpboot/uuid/kernel');
    expect(lines.at(-1)).toBe('tried once more, if there is no such file, as "/tftpboot/uuid/kernel"');
    const rules = parseMapFile(NOTE).rules;
    const request = { name: '//tftpboot/uuid/kernel', direction: 'read', peer: PEER } as const;
    const off = explainMapping(rules, request, { ...POLICY, collapseDoubledSlashes: false });
    expect(off.report.retry).toBeNull();
  });

  it('says why rules are passed over, and tells rounds and groups that took no part', () => {
    const { lines, report } = explain('rP a b\nr6 a b\nrg (:)|(;) -\ne~ zz\n', '/tftpboot/a:b:c');
    expect(lines).toEqual([
      'RRQ from 192.168.0.130: "/tftpboot/a:b:c"',
      '  rule 0, line 1: rP a b        skipped: not for this direction',
      '  rule 1, line 2: r6 a b        skipped: not for this address family',
      '  rule 2, line 3: rg (:)|(;) -  matches ":", \\1 = ":", \\2 = nothing',
      '      rewrite, 2 times: "/tftpboot/a-b-c"',
      '  rule 3, line 4: e~ zz         no match',
      '      exit: the name is final',
      'mapped to "/tftpboot/a-b-c"',
      'looked for below the root: "a-b-c"',
    ]);
    expect(report.rules.map(({ outcome, rounds }) => [outcome, rounds])).toEqual([
      ['wrong-direction', 0],
      ['wrong-family', 0],
      ['match', 2],
      ['no-match', 1],
    ]);
  });

  it('shows every turn of a rule that starts again', () => {
    const { report } = explain('e ^NOPE\nrs ^(/tftpboot/x*)y \\1x\n', '/tftpboot/yy');
    expect(report.rules.map(({ rule, effects, name }) => [rule, effects.join(), name])).toEqual([
      [0, '', '/tftpboot/yy'],
      [1, 'rewrite,restart', '/tftpboot/xy'],
      [1, 'rewrite,restart', '/tftpboot/xx'],
      [1, '', '/tftpboot/xx'],
    ]);
  });

  it('tells a refusal by a rule, by the checks, and by the limit', () => {
    expect(explain('a secret Not\\ here\n', '/tftpboot/secret').report).toMatchObject({
      mapped: null,
      path: null,
      refusal: { code: 2, message: '/tftpboot/Not here', reason: 'map-rule' },
    });
    const outside = explain('', '/etc/passwd');
    expect(outside.report.refusal).toMatchObject({ reason: 'forbidden-directory' });
    expect(outside.lines).toEqual([
      'RRQ from 192.168.0.130: "/etc/passwd"',
      'refused: error 2, "Forbidden directory"',
    ]);
    const endless = explain('e zz\nrs a a\n', '/a');
    expect(endless.report.rules).toHaveLength(200);
    expect(endless.report.turns_left_out).toBe(824);
    expect(endless.lines.slice(-6)).toEqual([
      '  ... 824 turns',
      '  rule 1, line 2: rs a a  matches "a"',
      '      rewrite: "/a"',
      '      restart: on with the second rule',
      'remap: Breaking loop, input = /a, last = /a',
      'refused: error 2, "Remap table failure"',
    ]);
  });

  it('writes no control bytes of a name to a terminal', () => {
    const { lines } = explain('r \x07 x\n', '/\x1b[2J\x07', 'write');
    expect(lines.join('\n')).not.toMatch(/[^\n -~]/);
    expect(lines[0]).toBe('WRQ from 192.168.0.130: "/\\x1b[2J\\x07"');
  });
});
