import { join } from 'node:path';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addDeployImages, copyBootRoot } from '../lab/boot-root.ts';
import { openBrowser } from '../lab/browser.ts';
import { PAGE_ADDRESS, pageConfiguration, takeLease, TOKEN, type LeaseOrder } from '../lab/busy-site.ts';
import { Daemon, putMachine } from '../lab/daemon.ts';
import { closeLabs, LabNetwork } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { NamespaceUdpSocket } from '../lab/udp-socket.ts';
import { machineUuid, switchOn, type Machine } from '../lab/virtual-machine.ts';

// The status page as an admin has it in Chromium, beside a machine that boots and a stranger on the wire who would like
// to be more than text.

const able = needs('namespaces', 'virtual-machines', 'browser');
const MACHINE: Machine = { firmware: 'bios', mac: '52:54:00:b0:0c:01' };
const NAME = 'lab-bios-01';
const MARKUP = '<img src=x onerror="window.hacked=1">';
const STRANGER = {
  mac: '52:54:00:b0:0c:66',
  name: MARKUP,
  vendor: '<script>window.hacked=1</script>',
  xid: 66,
};
const OTHER = { mac: '52:54:00:b0:0c:67', name: 'plain-name', vendor: 'plain', xid: 67 };
/** A boot ROM that asks for a file of this name. */
const PXE = [
  { code: 60, value: Buffer.from('PXEClient:Arch:00000:UNDI:002001') },
  { code: 93, value: Uint8Array.of(0, 0) },
];
/** An emulated machine beside a browser on two processors that others use. */
const PATIENCE_MS = 240_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let network: LabNetwork;
let daemon: Daemon;
let browser: Browser;
let wire: NamespaceUdpSocket;
let context: BrowserContext;
let page: Page;
const closers: (() => Promise<void>)[] = [];
/** What no page may do: errors of its scripts, and what its policy had to stop. */
const complaints: string[] = [];

beforeAll(async () => {
  if (!able) return;
  network = await LabNetwork.open(1);
  const tftpRoot = join(network.folder, 'tftpboot');
  await copyBootRoot(tftpRoot);
  await addDeployImages(tftpRoot, machineUuid(MACHINE.mac));
  const configuration = await pageConfiguration(network.folder);
  daemon = await Daemon.start({ namespace: network.server, folder: network.folder, tftpRoot, configuration });
  await putMachine(daemon, MACHINE, 'lab.page=1');
  wire = await NamespaceUdpSocket.open(network.client, 68);
  browser = await openBrowser(network, network.server);
  closers.push(() => browser.close());
  context = await browser.newContext();
  page = await openPage(context);
});

afterAll(async () => {
  for (const close of closers) await close();
  await closeLabs();
});

async function openPage(where: BrowserContext, place = ''): Promise<Page> {
  const opened = await where.newPage();
  opened.setDefaultTimeout(60_000);
  opened.on('pageerror', (error) => complaints.push(String(error)));
  opened.on('console', (line) => {
    // Chromium reports each refused answer as well, which tests here ask for.
    if (line.type() === 'error' && !/status of (?:401|403|404|412)/.test(line.text()))
      complaints.push(line.text());
  });
  await opened.goto(`${PAGE_ADDRESS}${place}`);
  await opened.locator('body.is-read').waitFor();
  return opened;
}

function rowOf(place: Page, view: string, text: string): Locator {
  return place.locator(`#${view}-table tbody tr`).filter({ hasText: text });
}

/** What waits in vitest's own way: with the last thing that was seen. */
async function eventually(look: () => Promise<string | null>, expected: RegExp | string): Promise<void> {
  const poll = expect.poll(look, { timeout: PATIENCE_MS, interval: 200 });
  await (typeof expected === 'string' ? poll.toBe(expected) : poll.toMatch(expected));
}

async function lease(order: LeaseOrder): Promise<string> {
  return takeLease(wire, order);
}

describe('the status page', () => {
  test('shows a boot of a real machine as it goes on, from its first question to its system', async () => {
    const machine = await switchOn(network, MACHINE);
    closers.push(() => machine.switchOff());
    const row = rowOf(page, 'boots', NAME);
    const seen: string[] = [];
    const phase = async (): Promise<string> => {
      // The row may be drawn anew between two looks, so the last look at the track comes after that at the state.
      const state = (await row.count()) === 0 ? '' : await row.first().locator('.state').innerText();
      const track = row.locator('.track');
      const label =
        (await track.count()) === 0 ? '' : ((await track.first().getAttribute('aria-label')) ?? '');
      if (label !== '' && seen.at(-1) !== label) seen.push(label);
      return state;
    };
    await expect.poll(phase, { timeout: PATIENCE_MS, interval: 50 }).toBe('through');
    const numbers = seen.map((label) => Number(/step (\d) of 8/.exec(label)?.[1]));
    expect(numbers, seen.join(', ')).toEqual([...numbers].sort((a, b) => a - b));
    expect(numbers.at(-1)).toBe(8);
    // Not one that appeared when all was over. A step that takes milliseconds may pass between two looks.
    expect(numbers.length).toBeGreaterThanOrEqual(4);
  });

  test('tells every step of it, and where its files came from', async () => {
    const detail = page.locator('#boot-detail');
    await eventually(() => detail.locator('.verdict').innerText(), /^runs: its system asked for an address/);
    const steps = await detail.locator('.steps tbody').innerText();
    expect(steps).toMatch(/DISCOVER from (?:the firmware|iPXE)/);
    expect(steps).toMatch(/pxelinux\.0\s+boot file, sent whole, [\d.]+ kB in/);
    expect(steps).toMatch(
      /pxelinux\.cfg\/01-52-54-00-b0-0c-01\s+configuration, rendered, generation \d+, sent whole/,
    );
    expect(steps).toMatch(/deploy_ramdisk\s+ramdisk, sent whole, [\d.]+ MB in/);
  });

  test('shows a lease as soon as it is given, with its end counting down', async () => {
    await page.getByRole('link', { name: /^Leases/ }).click();
    const row = rowOf(page, 'leases', 'plain-name');
    expect(await row.count()).toBe(0);
    const address = await lease(OTHER);
    await row.waitFor();
    expect(await row.getByRole('rowheader').innerText()).toBe(address);
    const end = async (): Promise<number> => {
      const [minutes = 0, seconds = 0] = (await row.locator('time').innerText()).split(':').map(Number);
      return 60 * minutes + seconds;
    };
    const first = await end();
    expect(first).toBeGreaterThan(480);
    expect(first).toBeLessThanOrEqual(600);
    await expect.poll(end, { timeout: 30_000 }).toBeLessThan(first);
  });

  test('shows what strangers write as the text that it is', async () => {
    await lease(STRANGER);
    const row = rowOf(page, 'leases', STRANGER.mac);
    await row.waitFor();
    expect(await row.innerText()).toContain(MARKUP);
    expect(await row.innerText()).toContain(STRANGER.vendor);
    // The same name as a boot ROM, and a file name of the same kind.
    const option12 = { code: 12, value: Buffer.from(MARKUP) };
    const { encodeClientMessage } = await import('../lab/dhcp-messages.ts');
    const discover = { type: 'discover', mac: '52:54:00:b0:0c:68', xid: 68, broadcast: true } as const;
    await wire.send(
      [encodeClientMessage({ ...discover, options: [...PXE, option12] })],
      '255.255.255.255',
      67,
    );
    await page.getByRole('link', { name: /^Boots/ }).click();
    const boot = rowOf(page, 'boots', '52:54:00:b0:0c:68');
    await boot.waitFor();
    await boot.getByRole('link').click();
    await eventually(() => page.locator('#boot-detail h3').innerText(), MARKUP);
    expect(await page.locator('img:not([src="page/icon.svg"]), main script').count()).toBe(0);
    expect(await page.evaluate('window.hacked')).toBeUndefined();
  });

  test('refuses a change without the token and with a wrong one, in words, and does it with the right one', async () => {
    await page.getByRole('link', { name: /^Leases/ }).click();
    const row = rowOf(page, 'leases', STRANGER.mac);
    const address = await row.getByRole('rowheader').innerText();
    const state = async (): Promise<unknown> =>
      ((await daemon.api('GET', `/v1/leases/${address}`)).body as { state?: string; code?: string }).state;
    const dialog = page.getByRole('dialog');
    const button = dialog.getByRole('button', { name: 'Release' });
    await row.getByRole('button', { name: `Release ${address}` }).click();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await row.getByRole('button', { name: `Release ${address}` }).click();
    await button.click();
    // Nothing was sent along, so it is asked for.
    await dialog.getByLabel('Token').waitFor();
    expect(await state()).toBe('bound');
    await dialog.getByLabel('Token').fill('a-wrong-one');
    await button.click();
    await eventually(() => dialog.getByRole('alert').innerText(), /Refused: this is not the token/);
    expect(await state()).toBe('bound');
    await dialog.getByLabel('Token').fill(TOKEN);
    await button.click();
    await eventually(() => page.locator('#notice').innerText(), `${address} is released.`);
    expect(await state()).not.toBe('bound');
    await eventually(() => row.locator('.state').innerText(), 'released');
    expect(
      await page.evaluate('location.href + JSON.stringify([localStorage, sessionStorage])'),
    ).not.toContain(TOKEN);
  });

  test('asks for the token once, and switches a node to its local disk', async () => {
    await page.getByRole('link', { name: /^Nodes/ }).click();
    await rowOf(page, 'nodes', NAME).getByRole('link').click();
    const before = (await daemon.apiBody('GET', profilePath())) as Record<string, unknown>;
    await page.getByRole('button', { name: 'Boot from local disk …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Boot from local disk' }).click();
    await eventually(() => page.locator('#node-detail').innerText(), /local-disk: it starts its local disk/);
    expect(await daemon.apiBody('GET', profilePath())).toMatchObject({
      policy: 'local-disk',
      kernel: before['kernel'],
      ramdisk: before['ramdisk'],
    });
  });

  test('can be used without a mouse', async () => {
    const keys = await openPage(context, '#leases');
    await keys.keyboard.press('Tab');
    expect(await keys.evaluate('document.activeElement.textContent')).toBe('Skip to what is shown');
    await keys.keyboard.press('Enter');
    await keys.keyboard.press('Tab');
    expect(await keys.evaluate('document.activeElement.id')).toBe('leases-search');
    await keys.keyboard.type('PLAIN-n');
    await eventually(() => keys.locator('#leases-table .found').innerText(), '1 found');
    await eventually(() => keys.locator('#announcer').innerText(), '1 found');
    // The filter, and then the headings, by which the table is sorted.
    await keys.keyboard.press('Tab');
    await keys.keyboard.press('Tab');
    await keys.keyboard.press('Enter');
    expect(await keys.locator('th[aria-sort]').getAttribute('aria-sort')).toBe('descending');
    const outline = 'getComputedStyle(document.activeElement).outlineStyle';
    expect(await keys.evaluate(outline)).toBe('solid');
    // On through the other headings to the button of the one row.
    for (let press = 0; press < 6; press += 1) await keys.keyboard.press('Tab');
    expect(await keys.evaluate('document.activeElement.getAttribute("aria-label")')).toMatch(/^Release 192/);
    await keys.keyboard.press('Enter');
    expect(await keys.evaluate('document.activeElement.textContent')).toBe('Cancel');
    await keys.keyboard.press('Escape');
    expect(await keys.getByRole('dialog').count()).toBe(0);
    expect(await keys.evaluate('document.activeElement.getAttribute("aria-label")')).toMatch(/^Release 192/);
    await keys.close();
  });

  test.each([
    ['light', 1280, 800],
    ['dark', 1280, 800],
    ['light', 360, 740],
    ['dark', 360, 740],
  ] as const)(
    'has nothing that axe calls serious, %s and %d wide, and is as wide as its screen',
    async (colorScheme, width, height) => {
      // axe writes styles into the page, which its policy forbids.
      const judged = await browser.newContext({ colorScheme, viewport: { width, height }, bypassCSP: true });
      const one = await openPage(judged);
      await one.evaluate(AXE);
      for (const place of [
        'boots',
        'leases',
        'nodes',
        'health',
        `nodes/${machineUuid(MACHINE.mac)}`,
        'boots/FIRST',
      ]) {
        if (place === 'boots/FIRST') {
          await one.goto(`${PAGE_ADDRESS}#boots`);
          await one.locator('#boots-table tbody a').first().click();
          await one.locator('#boot-detail .steps').first().waitFor();
        } else await one.goto(`${PAGE_ADDRESS}#${place}`);
        await one.locator(`#${place.split('/')[0] ?? ''}-view:not([hidden])`).waitFor();
        const findings = await seriousFindings(one);
        expect(findings, `${place}: ${JSON.stringify(findings, null, 1)}`).toEqual([]);
        expect(await one.evaluate('document.documentElement.scrollWidth'), place).toBeLessThanOrEqual(width);
      }
      await one.goto(`${PAGE_ADDRESS}#leases`);
      await one
        .getByRole('button', { name: /^Release 192/ })
        .first()
        .click();
      expect(await seriousFindings(one), 'the dialog').toEqual([]);
      await judged.close();
    },
  );

  test('says when the connection is lost, and catches up when it is back', async () => {
    await page.goto(`${PAGE_ADDRESS}#leases`);
    await daemon.kill();
    await eventually(
      () => page.locator('#banner').innerText(),
      /^No connection to bootd: .* as of \d\d:\d\d:\d\d\. Trying again/,
    );
    const configuration = await pageConfiguration(network.folder);
    const tftpRoot = join(network.folder, 'tftpboot');
    daemon = await Daemon.start({
      namespace: network.server,
      folder: network.folder,
      tftpRoot,
      configuration,
    });
    await page.locator('#banner').waitFor({ state: 'hidden' });
    await lease({ mac: '52:54:00:b0:0c:69', name: 'after-the-restart', vendor: 'x', xid: 69 });
    await rowOf(page, 'leases', 'after-the-restart').waitFor();
  });

  test('never made its policy stop anything, and had no error', () => {
    // What a killed daemon leaves behind is not the page's doing.
    expect(
      complaints.filter((text) => !/ERR_CONNECTION|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY/.test(text)),
    ).toEqual([]);
  });
});

function profilePath(): string {
  return `/v1/nodes/${machineUuid(MACHINE.mac)}/boot-profile`;
}

/** What axe says of one rule. */
interface Violation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What axe finds, by rule and element, of the two upper of its four degrees. */
async function seriousFindings(judged: Page): Promise<readonly unknown[]> {
  const { violations } = await judged.evaluate<{ readonly violations: readonly Violation[] }>(
    'axe.run({ resultTypes: ["violations"] })',
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => ({
      id,
      nodes: nodes.slice(0, 3).map(({ html, failureSummary }) => [html, failureSummary]),
    }));
}
