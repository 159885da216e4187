import { expect, it } from 'vitest';
import { createLogger } from '../../../src/telemetry/logger.ts';

it('a line says exactly what a machine calls itself, and shows nobody anything else', () => {
  const lines: string[] = [];
  const logger = createLogger('info', { write: (line) => void lines.push(line) });
  const hostname = 'bm1\u202e1mb\u200f\u061c\u2066\u009b2J\u{e0041}';
  logger.child({ hostname }).info({ vendorClass: hostname }, `ACK to ${hostname}`);
  expect(lines.join('')).toMatch(/^[\x20-\x7e]+\n$/);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    hostname,
    vendorClass: hostname,
    message: `ACK to ${hostname}`,
  });
});
