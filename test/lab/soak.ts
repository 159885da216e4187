import { cp, mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BootCrowd } from './boot-crowd.ts';
import { makeSmallRoot } from './boot-root.ts';
import { Daemon, type LogLine } from './daemon.ts';
import { EventStream } from './event-stream.ts';
import { LabNetwork } from './namespaces.ts';
import { folderMiB, readVitals } from './vitals.ts';
import { widen } from './wide-configuration.ts';

/** A moment of the daemon's life. */
export interface SoakSample {
  readonly seconds: number;
  readonly residentMiB: number;
  readonly heapMiB: number;
  readonly descriptors: number;
  readonly storeMiB: number;
  /** Of the boots that are remembered. */
  readonly tracesMiB: number;
}

/** A time that somebody waited, and when. */
export interface TimedWait {
  readonly seconds: number;
  readonly ms: number;
}

/** What a soak saw. */
export interface SoakResult {
  readonly seconds: number;
  readonly samples: readonly SoakSample[];
  /** Waits for OFFER and ACK, renewals among them. */
  readonly dhcp: readonly TimedWait[];
  /** Waits for the first packet of a file. */
  readonly tftp: readonly TimedWait[];
  /** Waits for answers of the control API to changes. */
  readonly control: readonly TimedWait[];
  /** What the same way took to a program that only answers. */
  readonly echo: readonly TimedWait[];
  /** What the same disk took to flush a few octets of ours. */
  readonly disk: readonly TimedWait[];
  /** How often each kind of work was done. */
  readonly done: Readonly<Record<string, number>>;
  readonly mebibytes: number;
  /** What did not work, in words. */
  readonly failures: readonly string[];
  /** Log lines of level error or worse, but for flushes that were late while the disk was late for everybody. */
  readonly errors: readonly string[];
  /** Names of the events that were warned of, each once. */
  readonly warnings: readonly string[];
}

const BOOTS_PER_SECOND = 8;
/** Every so many machines one is Ironic's: a node and a profile before it boots, neither afterwards. */
const NODE_EVERY = 4;
const RANGE_SIZE = 4096;
/** Short, so that leases end, are forgotten and are given to others all the time. */
const LEASE_SECONDS = 60;
const EVENT_READERS = 5;
const IMAGE_OCTETS = 2 * 2 ** 20;
const TEMPLATES = fileURLToPath(new URL('../../tftpboot-templates', import.meta.url));
/** A disk that takes so long for a few octets may take longer for the daemon's, which gives up after 5 s. */
const LATE_MS = 2500;
/** Later ones say the same. */
const FAILURES_MAX = 20;

/**
 * Mixed load for so many seconds: machines that boot once and are never seen again, renewals, Ironic's changes over the
 * control socket, edits of templates, reloads by signal, followers of events, scrapes and listings, all at once.
 */
export async function soak(seconds: number): Promise<SoakResult> {
  const site = await SoakSite.open();
  try {
    return await site.run(seconds);
  } finally {
    await site.close();
  }
}

class SoakSite {
  readonly #network: LabNetwork;
  readonly #daemon: Daemon;
  readonly #crowd: BootCrowd;
  readonly #startedAt = performance.now();
  readonly #startedOn = Date.now();
  readonly #samples: SoakSample[] = [];
  readonly #waits: Record<'dhcp' | 'tftp' | 'control' | 'echo' | 'disk', TimedWait[]> = {
    dhcp: [],
    tftp: [],
    control: [],
    echo: [],
    disk: [],
  };
  readonly #done: Record<string, number> = {};
  readonly #failures: string[] = [];
  readonly #underWay = new Set<string>();
  #octets = 0;
  #over = false;

  private constructor(network: LabNetwork, daemon: Daemon, crowd: BootCrowd) {
    this.#network = network;
    this.#daemon = daemon;
    this.#crowd = crowd;
  }

  static async open(): Promise<SoakSite> {
    const network = await LabNetwork.open();
    const tftpRoot = join(network.folder, 'tftpboot');
    await makeSmallRoot(tftpRoot);
    for (const image of ['kernel', 'ramdisk']) {
      await writeFile(join(tftpRoot, image), '');
      await truncate(join(tftpRoot, image), IMAGE_OCTETS);
    }
    const templates = join(network.folder, 'templates');
    await cp(TEMPLATES, templates, { recursive: true });
    const wide = await widen(network, RANGE_SIZE);
    const configuration = {
      ...wide,
      templates,
      boot: { unknown: 'local-disk' },
      dhcp: {
        ...wide.dhcp,
        'ping-check': false,
        'default-lease-time': LEASE_SECONDS,
        'max-lease-time': LEASE_SECONDS,
        'min-lease-time': LEASE_SECONDS,
      },
    };
    const daemon = await Daemon.start({
      namespace: network.server,
      folder: network.folder,
      tftpRoot,
      configuration,
    });
    // All of the range, and neither the server nor the machine that the crowd lives on.
    const crowd = await BootCrowd.open(network, '10.20.1.0/24');
    for (let third = 2; third <= (256 + RANGE_SIZE) >> 8; third += 1) {
      await network.client.run('ip', ['route', 'add', 'local', `10.20.${third}.0/24`, 'dev', 'lo']);
    }
    return new SoakSite(network, daemon, crowd);
  }

  async close(): Promise<void> {
    this.#over = true;
    await this.#crowd.close();
    await this.#daemon.kill();
    await this.#network.close();
  }

  async run(seconds: number): Promise<SoakResult> {
    const end = this.#seconds() + seconds;
    const every = (ms: number, kind: string, act: (count: number) => Promise<void>): Promise<void> =>
      this.#repeat(end, ms, kind, act);
    const readers = await Promise.all(Array.from({ length: EVENT_READERS }, () => this.#follow('')));
    await Promise.all([
      every(1000 / BOOTS_PER_SECOND, 'machines', (count) => this.#switchOn(count)),
      every(500, 'reports', () => this.#hear()),
      every(5000, 'template edits', (count) => this.#editTemplate(count)),
      every(10_000, 'reloads', () => Promise.resolve(void process.kill(this.#daemon.pid, 'SIGHUP'))),
      every(5000, 'scrapes', () => this.#read('/metrics')),
      every(5000, 'lease listings', () => this.#read('/v1/leases?state=bound')),
      every(7000, 'boot listings', () => this.#read('/v1/boots')),
      every(7000, 'followers that came back', async (count) => {
        const place = count % EVENT_READERS;
        const before = readers[place];
        before?.close();
        readers[place] = await this.#follow(before?.lastId ?? '');
      }),
      every(Math.min(2000, seconds * 20), 'samples', () => this.#sample()),
      every(250, 'flushes of our own', () => this.#flush()),
    ]);
    const heard = readers.map((reader) => reader.heard);
    for (const reader of readers) reader.close();
    if (heard.some((count) => count === 0)) this.#fail('a follower of events heard nothing');
    // Those who are still at it may end.
    for (let tries = 0; tries < 60 && this.#underWay.size > 0; tries += 1) {
      await sleep(500);
      await this.#hear();
    }
    if (this.#underWay.size > 0) this.#fail(`${this.#underWay.size} machines never came to their end`);
    return this.#result();
  }

  /** Again and again at this pace until the end; one at a time, but never later ones in a burst. */
  async #repeat(
    end: number,
    everyMs: number,
    kind: string,
    act: (count: number) => Promise<void>,
  ): Promise<void> {
    for (let count = 0; !this.#over && this.#seconds() < end; count += 1) {
      try {
        await act(count);
        this.#done[kind] = (this.#done[kind] ?? 0) + 1;
      } catch (error) {
        this.#fail(`${kind}: ${error instanceof Error ? error.message : String(error)}`);
        if (!this.#isAlive()) throw error;
      }
      await sleep(everyMs);
    }
  }

  async #switchOn(count: number): Promise<void> {
    const tail = count.toString(16).padStart(6, '0').match(/../g) ?? [];
    const mac = `02:50:a4:${tail.join(':')}`;
    const files = ['/tftpboot/pxelinux.0'];
    this.#underWay.add(mac);
    if (count % NODE_EVERY !== 0) files.push('/tftpboot/pxelinux.cfg/default');
    else {
      await this.#change('PUT', `/v1/nodes/${uuidOf(mac)}`, { boot_mode: 'bios', ports: [{ address: mac }] });
      await this.#change('PUT', `/v1/nodes/${uuidOf(mac)}/boot-profile`, {
        kernel: 'kernel',
        ramdisk: 'ramdisk',
        kernel_append_params: `soak=${count}`,
      });
      const config = `/tftpboot/pxelinux.cfg/01-${mac.replaceAll(':', '-')}`;
      files.push(config, '/tftpboot/kernel', '/tftpboot/ramdisk');
    }
    this.#crowd.boot({ mac, files, renewals: 2, renewEveryMs: (LEASE_SECONDS * 1000) / 6 });
  }

  async #hear(): Promise<void> {
    const seconds = this.#seconds();
    const { dhcp, tftp, echo } = this.#waits;
    for (const report of this.#crowd.reports()) {
      switch (report.kind) {
        case 'booted': {
          const { offerMs, ackMs, firstMs, octets, mac } = report;
          dhcp.push({ seconds, ms: offerMs }, { seconds, ms: ackMs });
          tftp.push(...firstMs.map((ms) => ({ seconds, ms })));
          this.#octets += octets;
          this.#done['boots'] = (this.#done['boots'] ?? 0) + 1;
          this.#underWay.delete(mac);
          if (firstMs.length > 2) await this.#cleanUp(mac);
          break;
        }
        case 'renewed':
          dhcp.push({ seconds, ms: report.ms });
          this.#done['renewals'] = (this.#done['renewals'] ?? 0) + 1;
          break;
        case 'failed':
          this.#underWay.delete(report.mac);
          this.#fail(`${report.mac}, ${report.at}: ${report.why}`);
          break;
        case 'echo':
          echo.push({ seconds, ms: report.ms });
          break;
        default:
          report satisfies never;
      }
    }
  }

  /** As Ironic does when a deployment is over. */
  async #cleanUp(mac: string): Promise<void> {
    await this.#change('DELETE', `/v1/nodes/${uuidOf(mac)}/boot-profile`);
    await this.#change('DELETE', `/v1/nodes/${uuidOf(mac)}`);
  }

  async #change(method: 'PUT' | 'DELETE', path: string, body?: unknown): Promise<void> {
    const startedAt = performance.now();
    await this.#daemon.apiBody(method, path, body);
    this.#waits.control.push({ seconds: this.#seconds(), ms: performance.now() - startedAt });
    this.#done['changes'] = (this.#done['changes'] ?? 0) + 1;
  }

  async #read(path: string): Promise<void> {
    await this.#daemon.apiBody('GET', path);
  }

  async #editTemplate(count: number): Promise<void> {
    const file = join(this.#network.folder, 'templates', 'pxelinux.tmpl');
    const shipped = await readFile(join(TEMPLATES, 'pxelinux.tmpl'), 'utf8');
    await mkdir(join(this.#network.folder, 'templates'), { recursive: true });
    await writeFile(file, `# edit ${count}\n${shipped}`);
  }

  #follow(lastId: string): Promise<EventStream> {
    return EventStream.open(join(this.#network.folder, 'control.sock'), lastId);
  }

  async #sample(): Promise<void> {
    const { residentMiB, descriptors } = readVitals(this.#daemon.pid);
    const heapMiB = (await this.#daemon.metric('bootd_nodejs_heap_size_used_bytes')) / 2 ** 20;
    const state = join(this.#network.folder, 'state');
    const all = folderMiB(state);
    const storeMiB = folderMiB(join(state, 'store'));
    const seconds = this.#seconds();
    this.#samples.push({ seconds, residentMiB, heapMiB, descriptors, storeMiB, tracesMiB: all - storeMiB });
  }

  async #flush(): Promise<void> {
    const startedAt = performance.now();
    const file = await open(join(this.#network.folder, 'flushed'), 'w');
    try {
      await file.write('a few octets');
      await file.datasync();
    } finally {
      await file.close();
    }
    this.#waits.disk.push({ seconds: this.#seconds(), ms: performance.now() - startedAt });
  }

  /** Whether a flush of ours was under way, and late, when the daemon said so of one of its own. */
  #isLateForAll({ event, time }: LogLine): boolean {
    if (event !== 'store.commit.failed') return false;
    const at = (Date.parse(String(time)) - this.#startedOn) / 1000;
    return this.#waits.disk.some(
      ({ seconds, ms }) => ms > LATE_MS && seconds - ms / 1000 < at + 1 && seconds > at - LATE_MS / 1000,
    );
  }

  #isAlive(): boolean {
    try {
      process.kill(this.#daemon.pid, 0);
      return true;
    } catch {
      return false;
    }
  }

  #fail(what: string): void {
    if (this.#failures.length < FAILURES_MAX) this.#failures.push(what);
  }

  #seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  #result(): SoakResult {
    const log = this.#daemon.log();
    const isError = (line: LogLine): boolean =>
      (line.level === 'error' || line.level === 'fatal') && !this.#isLateForAll(line);
    const warned = log.filter(({ level }) => level === 'warn').map(({ event }) => event ?? '');
    return {
      ...this.#waits,
      seconds: this.#seconds(),
      samples: this.#samples,
      done: this.#done,
      mebibytes: this.#octets / 2 ** 20,
      failures: this.#failures,
      errors: log.filter(isError).map((line) => JSON.stringify(line)),
      warnings: [...new Set(warned)],
    };
  }
}

/** As Ironic's: the MAC makes it one of its own. */
function uuidOf(mac: string): string {
  return `5ac00000-0000-4000-8000-${mac.replaceAll(':', '')}`;
}
