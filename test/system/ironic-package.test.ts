import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { needs } from '../lab/needs.ts';
import { run } from '../lab/processes.ts';

// The Python package with Ironic's own classes, and with a control socket that answers as it is told.

needs('ironic-package');

const PACKAGE = fileURLToPath(new URL('../../integrations/ironic', import.meta.url));

test("the Python package's own tests pass, all of them", async () => {
  // The distribution's Python: Ironic is visible to no other. Its verdict is on standard error.
  const report = await run(
    'sh',
    ['-euc', 'cd "$1"; exec /usr/bin/python3 -B -m unittest 2>&1', 'sh', PACKAGE],
    {
      timeoutMs: 300_000,
    },
  );
  expect(report).toMatch(/^Ran \d+ tests/m);
  expect(Number(/^Ran (\d+) tests/m.exec(report)?.[1])).toBeGreaterThanOrEqual(40);
  expect(report).toMatch(/^OK$/m);
});
