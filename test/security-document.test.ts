import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** docs/security.md promises things to people who rely on it: each promise has a test, and each dependency a reason. */

const TOP = join(import.meta.dirname, '..');
const document = readFileSync(join(TOP, 'docs/security.md'), 'utf8');

function section(heading: string): string {
  return document.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
}

const promises = [...section('What is promised').matchAll(/^\| (.+?) \| `(test\/[^`]+)`: (.+?) \|$/gm)].map(
  ([, promise = '', file = '', title = '']) => ({ promise, file, title }),
);

describe('docs/security.md', () => {
  it('names a test for each promise', () => {
    const rows = section('What is promised')
      .split('\n')
      .filter((line) => line.startsWith('| ') && !line.startsWith('| promise'));
    expect(promises.length).toBe(rows.length);
    expect(promises.length).toBeGreaterThan(20);
  });

  it.each(promises)('$promise: the test is there', ({ file, title }) => {
    expect(existsSync(join(TOP, file)), file).toBe(true);
    expect(readFileSync(join(TOP, file), 'utf8')).toContain(title);
  });

  it('gives a reason for every package that is needed at run time, and for no other', () => {
    const { dependencies, optionalDependencies } = JSON.parse(
      readFileSync(join(TOP, 'package.json'), 'utf8'),
    ) as Record<'dependencies' | 'optionalDependencies', Record<string, string>>;
    const explained = [...section('Dependencies').matchAll(/^\| (`.+?) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    );
    const needed = [...Object.keys(dependencies), ...Object.keys(optionalDependencies)];
    expect(explained.sort()).toEqual(needed.sort());
  });
});
