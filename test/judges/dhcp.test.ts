import { test } from 'vitest';
import { needs } from '../lab/needs.ts';
import { expectProberPasses } from './prober.ts';

needs('namespaces', 'judge-tools');

test('the DHCP prober finds nothing wrong: every must and every should', async () => {
  await expectProberPasses('$DHCP_REF/run-bootd.sh');
});
