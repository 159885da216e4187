import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { FaultSite } from './fault-site.ts';
import type { Namespace } from './namespaces.ts';
import type { BackgroundProcess } from './processes.ts';
import { readVitals } from './vitals.ts';
import { WIDE_SERVER_ADDRESS } from './wide-configuration.ts';

const REMOTE_END = fileURLToPath(new URL('./flood-process.ts', import.meta.url));

/** What is poured out: DISCOVERs from cards that nobody has, or read requests for one name. */
export type FloodKind =
  { readonly kind: 'discover' } | { readonly kind: 'read'; readonly server: string; readonly name: string };

/** Datagrams as fast as the kernel takes them from one process, from a namespace of clients. */
export class Flood {
  readonly #process: BackgroundProcess;
  readonly #seconds: number;

  private constructor(process: BackgroundProcess, seconds: number) {
    this.#process = process;
    this.#seconds = seconds;
  }

  /** Resolves when it pours. */
  static async start(namespace: Namespace, seconds: number, flood: FloodKind): Promise<Flood> {
    const rest = flood.kind === 'read' ? [flood.server, flood.name] : [];
    const child = namespace.start('flood', process.execPath, [
      ...['--import', 'tsx', REMOTE_END, flood.kind, String(seconds), ...rest],
    ]);
    await child.waitForLine(/"begun"/, 60_000);
    return new Flood(child, seconds);
  }

  /** Resolves with how many datagrams were sent in a second, once it is over. */
  async over(): Promise<number> {
    const line = await this.#process.waitForLine(/"sent"/, this.#seconds * 1000 + 30_000);
    const { sent } = JSON.parse(line) as { sent: number };
    return Math.round(sent / this.#seconds);
  }
}

const LARGE = 'large';

/** What a stranger on the wire can pour out, by a name for it. */
export const FLOODS: readonly (readonly [string, FloodKind])[] = [
  ['DISCOVERs from cards that nobody has', { kind: 'discover' }],
  [
    'read requests for a large file',
    { kind: 'read', server: WIDE_SERVER_ADDRESS, name: `/tftpboot/${LARGE}` },
  ],
  [
    'read requests for what is not there',
    { kind: 'read', server: WIDE_SERVER_ADDRESS, name: `/tftpboot/${'x'.repeat(400)}` },
  ],
];

/**
 * Pours for so many seconds on a site whose machines ask for their leases again and again, and checks that they are served
 * meanwhile, keep what they have, and that nothing of it stays, nor fills the log.
 */
export async function surviveFlood(site: FaultSite, kind: FloodKind, seconds: number): Promise<void> {
  const { daemon, crowd, options } = site;
  writeFileSync(join(options.tftpRoot, LARGE), '');
  truncateSync(join(options.tftpRoot, LARGE), 2 ** 30);
  const leases = new Map(crowd.leases());
  const before = readVitals(daemon.pid);
  const flood = await Flood.start(site.network.client, seconds, kind);
  const heard = crowd.events().length;
  const logged = daemon.lines.length;
  const perSecond = await flood.over();
  const acks = crowd
    .events()
    .slice(heard)
    .filter((event) => event.kind === 'ack');
  console.log(
    `${perSecond.toLocaleString('en')} a second; ${new Set(acks.map(({ mac }) => mac)).size} of ${leases.size} machines ` +
      `had ${acks.length} ACKs meanwhile; ${Math.round(readVitals(daemon.pid).peakMiB - before.residentMiB)} MiB more`,
  );
  expect(perSecond).toBeGreaterThan(5000);
  // More does not fit into the socket: whoever asks again is heard in the end.
  expect(new Set(acks.map(({ mac }) => mac)).size).toBeGreaterThan(leases.size / 3);
  expect(readVitals(daemon.pid).peakMiB).toBeLessThan(before.residentMiB + 250);
  // Two thousand of each of a few events, and then twenty a second of each.
  expect(daemon.lines.length - logged).toBeLessThan(15_000 + 200 * seconds);

  await crowd.waitForMoreAcks(10 * leases.size, 60_000);
  expect(crowd.events().filter((event) => event.kind === 'nak')).toEqual([]);
  expect(new Map(crowd.leases())).toEqual(leases);
  expect(await site.ask('/tftpboot/pxelinux.0')).toMatchObject({ kind: 'data' });
  await expect.poll(() => site.problems(), { timeout: 20_000 }).toEqual([]);
  expect(site.errors()).toEqual([]);
}
