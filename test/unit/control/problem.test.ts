import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { problemDocument, ProblemError, PROBLEMS } from '../../../src/control/problem.ts';

describe('problemDocument', () => {
  it('is a problem document with a code', () => {
    expect(problemDocument(new ProblemError('mac-taken', 'x belongs to y'))).toEqual({
      type: 'about:blank',
      title: 'The MAC belongs to another node',
      status: 409,
      code: 'mac-taken',
      detail: 'x belongs to y',
    });
  });

  it('points at what is wrong', () => {
    const errors = [{ pointer: '/ports/0', detail: 'is wrong' }];
    expect(problemDocument(new ProblemError('invalid-value', 'no', errors))).toMatchObject({ errors });
  });
});

describe('docs/control-api.md', () => {
  it('describes every problem, and no other', () => {
    const file = resolve(import.meta.dirname, '../../../docs/control-api.md');
    const [, section = ''] = readFileSync(file, 'utf8').split('## Problems');
    const rows = [...section.matchAll(/^\| (\d{3}) \| `([a-z-]+)` \|/gm)].map(([, status, code]) => [
      code,
      Number(status),
    ]);
    expect(rows).toEqual(Object.entries(PROBLEMS).map(([code, { status }]) => [code, status]));
  });
});
