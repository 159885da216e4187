import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import type { LabNetwork, Namespace } from './namespaces.ts';

/**
 * Headless Chromium inside a namespace of a lab, so that it reaches what listens on the loopback of that namespace. Each
 * `newContext` is a browser without memory.
 */
export async function openBrowser(network: LabNetwork, namespace: Namespace): Promise<Browser> {
  // Playwright starts one program; that one becomes Chromium in the namespace.
  const program = join(network.folder, `chromium-${namespace.name}`);
  await writeFile(program, `#!/bin/sh\nexec ip netns exec ${namespace.name} chromium "$@"\n`);
  await chmod(program, 0o755);
  return chromium.launch({
    executablePath: program,
    // Tests are root, whom Chromium's own sandbox does not take; the namespace has no way out.
    chromiumSandbox: false,
    args: ['--disable-gpu', '--disable-dev-shm-usage', '--force-color-profile=srgb', '--hide-scrollbars'],
    timeout: 120_000,
  });
}
