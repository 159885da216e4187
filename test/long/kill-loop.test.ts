import { afterAll, expect, test } from 'vitest';
import { killAgainAndAgain } from '../lab/kill-loop.ts';
import { closeLabs } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';

needs('namespaces');
afterAll(closeLabs);

test('no acknowledged lease is missing or given to another after kill -9 under load, 200 times', async () => {
  const { acks, machines } = await killAgainAndAgain(200);
  // There was a load: most of what was acknowledged was asked for again.
  expect(acks).toBeGreaterThan(2 * machines);
});
