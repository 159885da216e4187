import { describe, expect, it } from 'vitest';
import { describeStep, phaseNumber } from '../../../status-page/boot-text.js';

const at = '2026-01-01T00:00:00.000Z';
type Step = Parameters<typeof describeStep>[0];
const file = {
  kind: 'file',
  at,
  count: 1,
  via: 'tftp',
  role: 'kernel',
  path: 'vmlinuz',
  source: 'disk',
} as const;

describe('a step', () => {
  it.each<[Step, string, string, string]>([
    [
      {
        kind: 'dhcp',
        at,
        count: 1,
        stage: 'firmware',
        question: 'discover',
        reply: 'offer',
        address: '192.168.0.130',
        boot_file: 'a.efi',
      },
      'DHCP DISCOVER from the firmware',
      'OFFER 192.168.0.130, boot file a.efi from this server',
      'good',
    ],
    [
      {
        kind: 'dhcp',
        at,
        count: 3,
        stage: 'system',
        question: 'selecting',
        reply: null,
        silence: 'unknown-machine',
      },
      'DHCP REQUEST from the system',
      'no answer: unknown-machine (3 times)',
      'bad',
    ],
    [
      { ...file, ending: 'done', bytes: 9_434_112, size: 9_434_112, duration_ms: 812, retransmissions: 2 },
      'TFTP vmlinuz',
      'kernel, sent whole, 9.4 MB in 812 ms, 2 packets sent again',
      'good',
    ],
    [
      { ...file, ending: null, bytes: 50, size: 200, duration_ms: 1 },
      'TFTP vmlinuz',
      'kernel, on its way 25 %',
      'running',
    ],
    [
      { ...file, ending: 'timeout', bytes: 512, duration_ms: 30_000 },
      'TFTP vmlinuz',
      'kernel, the client fell silent, 512 B in 30.0 s',
      'bad',
    ],
    [
      {
        ...file,
        role: 'configuration',
        source: 'rendered',
        generation: 7,
        ending: 'done',
        bytes: 300,
        duration_ms: 2,
      },
      'TFTP vmlinuz',
      'configuration, rendered, generation 7, sent whole, 300 B in 2 ms',
      'good',
    ],
    [
      {
        kind: 'refusal',
        at,
        count: 1,
        via: 'http',
        role: 'boot-file',
        requested: 'x\u202e',
        path: '/t/x',
        rule: 4,
        reason: 'not-found',
        message: 'File not found',
      },
      'HTTP x\\u{202e}',
      'rule 4 made it /t/x; File not found',
      'bad',
    ],
    [
      { kind: 'foreign-reply', at, count: 1, server: '192.168.0.7', message: 'offer' },
      'DHCP another server, 192.168.0.7',
      'sent OFFER',
      'bad',
    ],
    [
      { kind: 'conflict', at, count: 1, address: '192.168.0.9', holder: '0c:c4:7a:0e:2b:6b' },
      'DHCP 192.168.0.9',
      'is in use by 0c:c4:7a:0e:2b:6b',
      'bad',
    ],
    [
      { kind: 'rendering-failed', at, count: 1, path: 'grub.cfg', reason: 'no kernel' },
      'FILE grub.cfg',
      'cannot be rendered: no kernel',
      'bad',
    ],
    [
      { kind: 'power', at, count: 1, action: 'cycle', attempt: 2, attempts: 3 },
      'BMC switched off and on again',
      'to boot from the network, start 2 of 3',
      'good',
    ],
  ])('%j', (step, what, outcome, tone) => {
    const text = describeStep(step);
    expect([`${text.via} ${text.what}`, text.outcome, text.tone]).toEqual([what, outcome, tone]);
  });
});

it('knows every phase that the API has, in its order', async () => {
  const { BOOT_PHASES } = await import('../../../src/boot/boot-trace.ts');
  expect(BOOT_PHASES.map(phaseNumber)).toEqual(BOOT_PHASES.map((_, index) => index));
});
