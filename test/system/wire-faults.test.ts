import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { closeLabs } from '../lab/namespaces.ts';
import { needs } from '../lab/needs.ts';
import { BESIDE, BRIDGE, TwoWires } from '../lab/two-wires.ts';
import { WIDE_SERVER_ADDRESS } from '../lab/wide-configuration.ts';

/*
 * One daemon and one crowd for all of these: what one fault left behind would be seen by the next.
 */
const able = needs('namespaces');
const OTHER_ADDRESS = '10.20.0.9';

let wires: TwoWires;
let logStart = 0;
let besideBefore: ReadonlyMap<string, string>;

beforeAll(async () => {
  if (!able) return;
  wires = await TwoWires.open();
  besideBefore = new Map(wires.beside.leases());
  wires.keepBooting();
});

beforeEach(() => {
  if (able) logStart = wires.daemon.log().length;
});

/** What holds after each fault, whatever it was. */
afterEach(async () => {
  if (!able) return;
  await expect.poll(() => wires.problems(), { timeout: 30_000 }).toEqual([]);
  await expectNoLeaseLost();
  // The wire beside it: nobody refused, nobody moved, and no word of its sockets.
  expect(new Map(wires.beside.leases())).toEqual(besideBefore);
  expect(wires.beside.events().filter(({ kind }) => kind === 'nak')).toEqual([]);
  expect(wires.socketLines(logStart).filter((line) => line.includes(`on ${BESIDE}`))).toEqual([]);
  expect(errors()).toEqual([]);
});

afterAll(async () => {
  if (able) await wires.close();
  await closeLabs();
});

/** But for those of the store: a disk that is late is late for everybody. */
function errors(): readonly unknown[] {
  const lines = wires.daemon.log().filter(({ level }) => level === 'error' || level === 'fatal');
  return lines.filter(({ event }) => event?.startsWith('store.') !== true);
}

/** Whoever was acknowledged, on either wire, is in the table with its address, and nobody has another one's. */
async function expectNoLeaseLost(): Promise<void> {
  const acknowledged = new Map(wires.beside.leases());
  for (const { mac, address } of wires.booted()) acknowledged.set(mac, address);
  const { leases } = (await wires.daemon.apiBody('GET', '/v1/leases?state=bound')) as {
    leases: { mac: string; address: string }[];
  };
  const kept = new Map(leases.map(({ mac, address }) => [mac, address]));
  expect([...acknowledged].filter(([mac, address]) => kept.get(mac) !== address)).toEqual([]);
  expect(new Set(acknowledged.values()).size).toBe(acknowledged.size);
}

/** Lines of this test that tell of the sockets of the bridge, and say this. */
function told(what: string): readonly string[] {
  return wires.socketLines(logStart).filter((line) => line.includes(what) && line.includes(BRIDGE));
}

/** While a wire is broken: the process is alive and says what is wrong, and the other wire is served as ever. */
async function expectTruth(...reasons: readonly RegExp[]): Promise<void> {
  const matching = reasons.map((reason): unknown => expect.stringMatching(reason));
  await expect.poll(() => wires.problems(), { timeout: 30_000 }).toEqual(matching);
  expect((await wires.daemon.api('GET', '/healthz')).status).toBe(200);
  await wires.beside.waitForMoreAcks(100, 30_000);
  await wires.fetchBeside();
}

test('an interface that comes late: machines that ask already are served as soon as it is there', async () => {
  await expectTruth(/^dhcp: there is no interface br-prov/, /^tftp: there is no interface br-prov/);
  await wires.makeBridge();
  expect(await wires.waitUntilServed()).toEqual(new Set([WIDE_SERVER_ADDRESS]));
  expect(told('.socket.closed')).toEqual([]);
});

test('another address: offers and files are from the new one, back and forth', async () => {
  for (const [from, to] of [
    [WIDE_SERVER_ADDRESS, OTHER_ADDRESS],
    [OTHER_ADDRESS, WIDE_SERVER_ADDRESS],
  ] as const) {
    await wires.changeAddress(from, to);
    await expect.poll(async () => [...(await wires.waitUntilServed(to))], { timeout: 60_000 }).toEqual([to]);
  }
});

test('an address that is removed and added: nothing is answered without it, and all are afterwards', async () => {
  await wires.ip(`addr flush dev ${BRIDGE}`);
  await expectTruth(/^dhcp: interface br-prov has no IPv4 address yet$/);
  await wires.ip(`addr add ${WIDE_SERVER_ADDRESS}/16 brd + dev ${BRIDGE}`);
  expect(await wires.waitUntilServed()).toEqual(new Set([WIDE_SERVER_ADDRESS]));
  expect(told('.socket.awaited')).toHaveLength(1);
  expect(told('.socket.closed')).toEqual([]);
});

test('down and up again: /readyz says so, the sockets stay, and transfers go on', async () => {
  await wires.ip(`link set ${BRIDGE} down`);
  await expectTruth(/^dhcp: interface br-prov is down$/, /^tftp: interface br-prov is down$/);
  await wires.ip(`link set ${BRIDGE} up`);
  expect(await wires.waitUntilServed()).toEqual(new Set([WIDE_SERVER_ADDRESS]));
  expect(told('.socket.awaited')).toHaveLength(2);
  expect(told('.socket.closed')).toEqual([]);
});

test('deleted, and made again with another index: it is served again by itself', async () => {
  await wires.ip(`link del ${BRIDGE}`);
  await expectTruth(/^dhcp: there is no interface br-prov/, /^tftp: there is no interface br-prov/);
  await wires.makeBridge();
  expect(await wires.waitUntilServed()).toEqual(new Set([WIDE_SERVER_ADDRESS]));
  expect(told('.socket.closed')).toHaveLength(2);
  expect(told('there is no interface')).toHaveLength(2);
});

test('exchanged for another one at once: the sockets are not left on the one that is gone', async () => {
  await wires.ip(`link del ${BRIDGE}`);
  await wires.makeBridge();
  expect(await wires.waitUntilServed()).toEqual(new Set([WIDE_SERVER_ADDRESS]));
  expect(told('.socket.closed')).toHaveLength(2);
});

test('all machines come to their end, and no transfer stays behind', async () => {
  wires.stopBooting();
  await expect.poll(() => wires.underWay(), { timeout: 60_000, interval: 200 }).toBeLessThanOrEqual(0);
  // Those that were under way at a fault may give up; none is refused anything.
  for (const report of wires.reports()) {
    if (report.kind === 'failed')
      expect(report.why).toMatch(/nothing came after|^no .* after|not answered for/);
  }
  await expect.poll(() => wires.daemon.metric('bootd_tftp_transfers_active'), { timeout: 30_000 }).toBe(0);
});
