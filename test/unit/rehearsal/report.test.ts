import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { find, EXPLANATIONS, type Explanation, type Finding } from '../../../src/rehearsal/finding.ts';
import { Ledger } from '../../../src/rehearsal/ledger.ts';
import { explain, formatReport, type RehearsalReport } from '../../../src/rehearsal/report.ts';
import { ip } from '../dhcp/fake-view.ts';

const SIADDR = find('discover', 'siaddr (next-server)', '10.0.0.1', '10.0.0.2');
const TIMES = find('selecting', 'option 58 (dhcp-renewal-time)', 'none', '300', 'renewal-times');
const OLDER = find('renewing', 'answer to renewing', 'ack', 'silence', 'lease-from-before');

function reportOf(ledger: Ledger, changes: Partial<RehearsalReport> = {}): RehearsalReport {
  return {
    ...ledger.totals,
    startedAt: 0,
    servers: [ip('10.0.0.1')],
    otherServers: [],
    unpaired: 0,
    framesLost: 0,
    problems: [],
    entries: ledger.entries,
    ...changes,
  };
}

function enter(ledger: Ledger, machine: string, findings: readonly Finding[], now = 1): void {
  ledger.enter({ machine, wireName: 'br-prov', findings }, now);
}

describe('Ledger', () => {
  it('enters each thing once for each machine, and counts', () => {
    const ledger = new Ledger();
    const first = ledger.enter({ machine: 'a', wireName: 'br-prov', findings: [SIADDR, TIMES] }, 1);
    expect(first).toHaveLength(2);
    const again = ledger.enter(
      { machine: 'a', wireName: 'br-prov', findings: [{ ...SIADDR, question: 'selecting' }] },
      9,
    );
    expect(again).toEqual([]);
    expect(ledger.enter({ machine: 'b', wireName: 'br-prov', findings: [SIADDR] }, 9)).toHaveLength(1);
    enter(ledger, 'c', []);
    expect(ledger.entries[0]).toMatchObject({
      count: 2,
      questions: ['discover', 'selecting'],
      firstAt: 1,
      lastAt: 9,
    });
    expect(ledger.totals).toEqual({
      machines: 3,
      compared: 4,
      results: { alike: 1, differs: 3, 'by-design': 0, unknowable: 0 },
      unlisted: 0,
    });
  });

  it('takes what is explained for one thing whatever its values, and other values for another difference', () => {
    const ledger = new Ledger();
    enter(ledger, 'a', [TIMES]);
    enter(ledger, 'a', [{ ...TIMES, ours: '299' }]);
    enter(ledger, 'a', [SIADDR]);
    enter(ledger, 'a', [{ ...SIADDR, theirs: '10.0.0.3' }]);
    expect(ledger.entries.map(({ finding, count }) => [finding.aspect, count])).toEqual([
      [TIMES.aspect, 2],
      [SIADDR.aspect, 1],
      [SIADDR.aspect, 1],
    ]);
  });

  it('counts what it has no room for', () => {
    const ledger = new Ledger();
    for (let at = 0; at < 10_003; at += 1) enter(ledger, `m${at}`, [SIADDR]);
    expect(ledger.entries).toHaveLength(10_000);
    expect(ledger.totals.unlisted).toBe(3);
  });
});

describe('formatReport', () => {
  it('says each difference once, with its machines, and explains the rest', () => {
    const ledger = new Ledger();
    for (const machine of ['a', 'b', 'c', 'd', 'e']) enter(ledger, machine, [SIADDR, TIMES]);
    enter(ledger, 'f', [OLDER]);
    const more = {
      otherServers: [ip('10.0.0.9')],
      unpaired: 2,
      framesLost: 3,
      problems: ['eth9 cannot be listened to'],
    };
    expect(formatReport(reportOf(ledger, more))).toEqual([
      'Rehearsal beside 10.0.0.1: 6 answers to 6 machines compared. 0 are alike, 0 differ on purpose, 1 cannot be judged, 5 differ.',
      'eth9 cannot be listened to',
      'Passed over: the answers of 10.0.0.9 on the same wires.',
      '2 replies belong to no request that was heard.',
      '3 frames were lost before they could be looked at.',
      '1 difference:',
      '  siaddr (next-server): the server says 10.0.0.1, bootd would say 10.0.0.2 (discover; a, b, c, d and 1 more)',
      'On purpose (docs/deviations.md):',
      `  option 58 (dhcp-renewal-time): ${explain('renewal-times')} (5 machines)`,
      'Not to be judged from the wire:',
      `  answer to renewing: ${explain('lease-from-before')} (1 machine)`,
    ]);
  });

  it('says so when nothing was heard, and when nothing differs', () => {
    expect(formatReport(reportOf(new Ledger(), { servers: [] }))).toEqual([
      'Rehearsal beside a server that was not heard: 0 answers to 0 machines compared. 0 are alike, 0 differ on purpose, 0 cannot be judged, 0 differ.',
      'No differences.',
    ]);
  });
});

describe('docs/migrating.md', () => {
  it('explains every explanation, and no other', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/migrating.md'), 'utf8');
    const section = text.split(/^## /m).find((part) => part.startsWith('The rehearsal')) ?? '';
    const documented = [...section.matchAll(/^\| `([a-z-]+)`/gm)].map(([, name]) => name);
    expect(documented.sort()).toEqual((Object.keys(EXPLANATIONS) as Explanation[]).sort());
  });
});
