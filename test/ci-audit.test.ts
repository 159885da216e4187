import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const AUDIT = join(import.meta.dirname, '../.ci/audit');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootd-audit-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs the check with an npm that prints this and ends so. */
function auditWith(printed: string, status: number): { status: number | null; out: string; err: string } {
  writeFileSync(join(folder, 'report'), printed);
  const npm = `#!/bin/sh\ncat "${join(folder, 'report')}"\nexit ${status}\n`;
  writeFileSync(join(folder, 'npm'), npm, { mode: 0o755 });
  const path = `${folder}:${process.env['PATH'] ?? ''}`;
  const run = spawnSync(AUDIT, { env: { ...process.env, PATH: path }, encoding: 'utf8' });
  return { status: run.status, out: run.stdout, err: run.stderr };
}

describe('.ci/audit', () => {
  it('passes what has no known weakness', () => {
    const { status, out } = auditWith('{ "auditReportVersion": 2, "vulnerabilities": {} }', 0);
    expect({ status, out }).toEqual({
      status: 0,
      out: expect.stringContaining('no known weakness') as string,
    });
  });

  it('fails for a weakness, and shows it', () => {
    const report = '{ "auditReportVersion": 2, "vulnerabilities": { "left-pad": { "severity": "high" } } }';
    const { status, err } = auditWith(report, 1);
    expect(status).toBe(1);
    expect(err).toContain('left-pad');
  });

  it.each([
    ['a registry without that service', '{ "message": "405 Method Not Allowed", "error": {} }'],
    ['no answer at all', ''],
  ])('neither passes nor fails silently with %s', (_, printed) => {
    const { status, out, err } = auditWith(printed, 1);
    expect(status).toBe(0);
    expect(out).toBe('');
    expect(err).toContain('NOT AUDITED');
  });
});
