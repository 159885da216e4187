import { writeSync } from 'node:fs';
import { openLevelStore } from '../../../src/store/level-store.ts';

/**
 * Writes records into the store of the folder named on the command line, many at once, until it is killed. Prints
 * the number of each record when it is acknowledged, straight to the pipe, so that nothing is lost in a buffer.
 */
const IN_FLIGHT = 16;
const [folder = '', first = '0'] = process.argv.slice(2);
const { store, report } = await openLevelStore(folder);
for (const line of report) writeSync(1, `report ${line}\n`);

let next = Number(first);
await Promise.all(
  Array.from({ length: IN_FLIGHT }, async () => {
    for (;;) {
      const number = next;
      next += 1;
      const value = new TextEncoder().encode(`value of ${number} `.repeat(8));
      await store.commit([{ kind: 'put', key: `lease/${number}`, value }]);
      writeSync(1, `${number}\n`);
    }
  }),
);
