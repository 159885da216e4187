import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { openBrowser } from '../lab/browser.ts';
import { BusySite, PAGE_ADDRESS } from '../lab/busy-site.ts';
import { closeLabs, LabNetwork } from '../lab/namespaces.ts';
import { whyNot } from '../lab/tools.ts';

/**
 * `npm run pictures [-- FOLDER]`: the pictures of the README, of a real bootd on wires of its own. Needs root and Chromium.
 */
const FOLDER = fileURLToPath(new URL('../../docs/images', import.meta.url));

interface Picture {
  readonly name: string;
  readonly scheme: 'light' | 'dark';
  readonly width: number;
  readonly height: number;
  /** Behind `#`; `STUCK` is the boot on top. */
  readonly place: string;
}

const PICTURES: readonly Picture[] = [
  { name: 'status-page-light', scheme: 'light', width: 1240, height: 760, place: 'boots' },
  { name: 'status-page-dark', scheme: 'dark', width: 1240, height: 760, place: 'leases' },
  { name: 'status-page-phone', scheme: 'light', width: 390, height: 844, place: 'STUCK' },
];

/** More, for whoever works on the page. */
const EVERYTHING: readonly Picture[] = (['light', 'dark'] as const).flatMap((scheme) =>
  (
    [
      ['wide', 1360, 900],
      ['phone', 360, 760],
    ] as const
  ).flatMap(([size, width, height]) =>
    ['boots', 'STUCK', 'leases', 'nodes', 'nodes/1be26c08-03f2-4d2e-ae87-c02d7f33c108', 'health'].map(
      (place) => ({
        name: [size, scheme, place.replace(/\/.*/, '-one')].join('-'),
        ...{ scheme, width, height, place },
      }),
    ),
  ),
);

async function takePicture(browser: Browser, picture: Picture, folder: string): Promise<void> {
  const { name, scheme, width, height, place } = picture;
  const page = await browser.newPage({ colorScheme: scheme, viewport: { width, height } });
  await page.goto(`${PAGE_ADDRESS}#${place === 'STUCK' ? 'boots' : place}`);
  await page.locator('body.is-read').waitFor();
  if (place === 'STUCK') await page.locator('#boots-table tbody a').first().click();
  if (place === 'boots' && width > 1000) await page.locator('#boot-detail .steps').first().waitFor();
  await page.waitForTimeout(700);
  await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled' });
  await page.close();
  console.log(`${name}.png`);
}

async function takePictures(folder: string, pictures: readonly Picture[]): Promise<void> {
  try {
    const network = await LabNetwork.open();
    const site = await BusySite.open(network);
    await site.fill();
    // A verdict of `stuck` takes as long as the machine is given to go on.
    await new Promise((resolve) => setTimeout(resolve, 35_000));
    const browser = await openBrowser(network, network.server);
    await mkdir(folder, { recursive: true });
    for (const picture of pictures) await takePicture(browser, picture, folder);
    await browser.close();
    await site.close();
  } finally {
    await closeLabs();
  }
}

const missing = whyNot(['namespaces', 'browser']);
if (missing === undefined) {
  const [folder] = process.argv.slice(2);
  await takePictures(folder ?? FOLDER, folder === undefined ? PICTURES : EVERYTHING);
} else {
  console.error(`pictures: cannot be taken here: ${missing}`);
  process.exitCode = 2;
}
