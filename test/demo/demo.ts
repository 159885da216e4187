import { buildIfNeeded } from './build.ts';
import { playOnLoopback } from './loopback-demo.ts';
import { bootRealMachine, whyNoMachine } from './machine-demo.ts';

/**
 * `npm run demo`: a whole boot on loopback, without root. `npm run demo -- --vm`: a virtual machine (root, QEMU). Exit
 * code 0 when everything was served, 1 with the daemon's log when not, 2 when it cannot be tried here.
 */
const say = (line: string): void => console.log(line);

async function demo(words: readonly string[]): Promise<number> {
  const wantsMachine = words.includes('--vm');
  const unknown = words.find((word) => word !== '--vm');
  if (unknown !== undefined) {
    console.error(`demo: unknown argument ${unknown}; usage: npm run demo [-- --vm]`);
    return 2;
  }
  const missing = wantsMachine ? whyNoMachine() : undefined;
  if (missing !== undefined) {
    console.error(`demo: no virtual machine can be booted here: ${missing}`);
    return 2;
  }
  const startedAt = Date.now();
  buildIfNeeded(say);
  await (wantsMachine ? bootRealMachine(say) : playOnLoopback(say));
  say(`Done in ${((Date.now() - startedAt) / 1000).toFixed(1)} s: every step was served.`);
  return 0;
}

try {
  process.exitCode = await demo(process.argv.slice(2));
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
