import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Mac } from '../addr/mac.ts';
import type { NodeDraft } from '../boot/node-registry.ts';
import type { NodeUuid } from '../boot/node.ts';
import type { DnsmasqFilesSettings } from '../config/settings.ts';
import type { NodeCommandResult, NodeCommands } from '../control/node-commands.ts';
import type { Lease } from '../dhcp/lease.ts';
import {
  formatDnsmasqLeases,
  parseDnsmasqHosts,
  parseDnsmasqOptions,
  type DnsmasqFile,
  type DnsmasqHost,
  type DnsmasqOption,
} from '../import/dnsmasq-files.ts';
import type { Clock } from '../io/clock.ts';
import { IoError } from '../io/io-error.ts';
import { readRegularFile } from '../io/regular-file.ts';
import { EVENTS } from '../telemetry/events.ts';
import type { Logger } from '../telemetry/logger.ts';
import { describeFolders, DNSMASQ_MANAGER, type IgnoredMachine, type ReadFile } from './dnsmasq-folder.ts';
import { watchFolders, type FolderWatch } from './folder-watch.ts';
import type { Service } from './service.ts';

/** What the service works with. */
export interface DnsmasqFolderParts {
  readonly settings: DnsmasqFilesSettings;
  readonly nodes: Pick<NodeCommands, 'listNodes' | 'execute'>;
  /** The leases now, for Ironic to read. Undefined in a rehearsal: nothing is written, and no folder is made. */
  readonly leases: (() => readonly Lease[]) | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Ironic writes several files for a node; this long after the last of them they are read. */
const SETTLE_MS = 100;
/** A file that is empty, or stops in the middle of a line, is being written for this long after its last change. */
const WRITING_MS = 2_000;
/** Ironic's files have some hundred. */
const MOST_OCTETS = 1024 * 1024;
/** Warnings that are not given again. Whoever writes the files could make any number of them. */
const MOST_WARNINGS = 10_000;
const WITHOUT_CONDITION = { kind: 'none' } as const;

/**
 * Stands in for dnsmasq beside Ironic's stock provider: the files of two folders become nodes, and the leases become
 * dnsmasq's lease file. What the files no longer say is gone at once, which dnsmasq itself needs a restart for.
 */
export class DnsmasqFolderService implements Service {
  readonly name = 'ironic-dnsmasq';
  #parts: DnsmasqFolderParts;
  /** By name, as each file was last read whole. */
  readonly #hosts = new Map<string, ReadFile<DnsmasqHost>>();
  readonly #options = new Map<string, ReadFile<DnsmasqOption>>();
  #ignored: readonly IgnoredMachine[] = [];
  readonly #warned = new Set<string>();
  #watch: FolderWatch | undefined;
  #timer: NodeJS.Timeout | undefined;
  #leaseTimer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();
  #writtenLeases: string | undefined;
  #stopped = false;

  constructor(parts: DnsmasqFolderParts) {
    this.#parts = parts;
  }

  /** Reads both folders, made if need be, writes the lease file, and watches from then on. */
  start(): Promise<void> {
    return this.#open();
  }

  /** Reads and writes elsewhere from now on. Never rejects: what cannot be done is in the log. */
  async adopt(settings: DnsmasqFilesSettings): Promise<void> {
    await this.#inTurn(async () => {
      this.#parts = { ...this.#parts, settings };
      this.#hosts.clear();
      this.#options.clear();
      this.#writtenLeases = undefined;
      await this.#watch?.stop();
    });
    await this.#open().catch((error: unknown) =>
      this.#warn(String(error), `Ironic's files: ${String(error)}`),
    );
  }

  async #open(): Promise<void> {
    const { hostsDirectory, optionsDirectory, leaseFile } = this.#parts.settings;
    if (this.#parts.leases !== undefined) {
      for (const folder of [hostsDirectory, optionsDirectory, dirname(leaseFile)]) await makeFolder(folder);
    }
    this.#watch = await watchFolders([hostsDirectory, optionsDirectory], {
      changed: () => this.#readIn(SETTLE_MS),
      failed: (error) => {
        this.#warn('watch', `the folders are looked at every two seconds, without a watch: ${String(error)}`);
      },
    });
    await this.#inTurn(() => this.#readFolders());
    await this.#inTurn(() => this.#writeLeases());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#leaseTimer);
    await this.#watch?.stop();
    await this.#work;
  }

  /** Whether Ironic wants this machine without an answer, and said so lately. */
  isIgnored(mac: Mac): boolean {
    const now = this.#parts.clock.now();
    return this.#ignored.some((machine) => machine.mac === mac && now < machine.until);
  }

  /** To be called when leases have changed: the file follows soon, once for all that change together. */
  leasesChanged(): void {
    if (this.#stopped) return;
    this.#leaseTimer ??= setTimeout(() => {
      this.#leaseTimer = undefined;
      void this.#inTurn(() => this.#writeLeases());
    }, SETTLE_MS);
  }

  #readIn(delayMs: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#inTurn(() => this.#readFolders()), delayMs);
    this.#timer.unref();
  }

  /** One piece of work after the other; none of them stops the daemon. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work
      .then(work)
      .catch((error: unknown) => this.#warn(String(error), `Ironic's files: ${String(error)}`));
    return this.#work;
  }

  async #readFolders(): Promise<void> {
    const { hostsDirectory, optionsDirectory } = this.#parts.settings;
    const isHostsWhole = await this.#readFolder(hostsDirectory, this.#hosts, parseDnsmasqHosts);
    const isOptionsWhole = await this.#readFolder(optionsDirectory, this.#options, parseDnsmasqOptions);
    if (!isHostsWhole || !isOptionsWhole) {
      // Half of what Ironic is about to say would take nodes away that it only describes anew.
      this.#readIn(SETTLE_MS);
      return;
    }
    const content = describeFolders([...this.#hosts.values()], [...this.#options.values()]);
    this.#ignored = content.ignored;
    await this.#reconcile(content.nodes);
    this.#reportLeftOvers();
  }

  /** Reads a folder; false when a file is being written just now. */
  async #readFolder<Entry>(
    folder: string,
    known: Map<string, ReadFile<Entry>>,
    parse: (text: string) => DnsmasqFile<Entry>,
  ): Promise<boolean> {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.conf')).sort();
    const present = new Set(names);
    for (const name of known.keys()) if (!present.has(name)) known.delete(name);
    let isWhole = true;
    for (const name of names) {
      const path = join(folder, name);
      const read = await this.#read(path);
      // Gone between the listing and the reading: the next event tells.
      if (read === undefined) continue;
      const file = parse(read.text);
      if (file.kind === 'complete') {
        for (const problem of file.problems) this.#warn(`${path} ${problem}`, `${path}, ${problem}`);
        known.set(name, { name, entries: file.entries, writtenAt: read.writtenAt });
      } else if (this.#parts.clock.now() - read.writtenAt < WRITING_MS) {
        isWhole = false;
      } else {
        // Its writer died. What it said before stays in force.
        this.#warn(
          `${path} ${read.writtenAt}`,
          `${path} is empty, or stops in the middle of a line, and nobody writes it`,
        );
      }
    }
    return isWhole;
  }

  /** Undefined for a file that is gone, and for what is no file of Ironic, which is told. */
  async #read(path: string): Promise<{ readonly text: string; readonly writtenAt: number } | undefined> {
    try {
      return await readRegularFile(path, MOST_OCTETS);
    } catch (error) {
      if (!(error instanceof IoError)) throw error;
      if (error.code === 'not-found') return undefined;
      // What the operating system refuses may be a node's: none is taken away for it.
      if (error.osCode !== undefined) throw error;
      this.#warn(error.message, error.message);
      return undefined;
    }
  }

  /** Makes the nodes of this origin what the files say: first what goes, so that its MACs are free. */
  async #reconcile(wanted: readonly NodeDraft[]): Promise<void> {
    const { nodes } = this.#parts;
    const uuids = new Set(wanted.map(({ uuid }) => uuid));
    for (const { uuid, managedBy } of nodes.listNodes()) {
      if (managedBy !== DNSMASQ_MANAGER || uuids.has(uuid)) continue;
      this.#report(uuid, await nodes.execute({ kind: 'node.delete', uuid, precondition: WITHOUT_CONDITION }));
    }
    for (const node of wanted) {
      this.#report(
        node.uuid,
        await nodes.execute({ kind: 'node.put', node, precondition: WITHOUT_CONDITION }),
      );
    }
  }

  #report(uuid: NodeUuid, result: NodeCommandResult): void {
    if (result.kind === 'done') return;
    const reason = formatFailure(result);
    this.#warn(`${uuid} ${reason}`, `what Ironic's files say of node ${uuid} is not in effect: ${reason}`);
  }

  /** An `ignore` outlives its node: nothing of Ironic ever deletes the file. */
  #reportLeftOvers(): void {
    const now = this.#parts.clock.now();
    for (const { mac, file, until } of this.#ignored) {
      if (now < until) continue;
      this.#warn(
        `${file} ${until}`,
        `${join(this.#parts.settings.hostsDirectory, file)} has said for more than an hour that ${mac} is to be ignored; it ` +
          'is taken for the left-over of a node, and the machine is answered. Delete the file',
      );
    }
    const next = Math.min(...this.#ignored.map(({ until }) => until).filter((until) => until > now));
    if (Number.isFinite(next)) this.#readIn(Math.max(next - now, SETTLE_MS));
  }

  /** Written aside and moved: Ironic may be reading it. */
  async #writeLeases(): Promise<void> {
    const { settings, leases, clock } = this.#parts;
    if (leases === undefined) return;
    const text = formatDnsmasqLeases(leases(), clock.now());
    if (text === this.#writtenLeases) return;
    const aside = `${settings.leaseFile}.new`;
    await rm(aside, { force: true });
    // Never through a link: Ironic's user may write in this folder.
    await writeFile(aside, text, { mode: 0o644, flag: 'wx' });
    await rename(aside, settings.leaseFile);
    this.#writtenLeases = text;
  }

  /** Says each thing once, for as long as it stays the same. */
  #warn(key: string, message: string): void {
    if (this.#warned.has(key)) return;
    const [oldest] = this.#warned;
    if (oldest !== undefined && this.#warned.size >= MOST_WARNINGS) this.#warned.delete(oldest);
    this.#warned.add(key);
    this.#parts.logger.warn({ event: EVENTS.ironicFilesWarned }, message);
  }
}

/** In words where files can bring it about; what only an API can ask for keeps its code. */
function formatFailure(result: Exclude<NodeCommandResult, { kind: 'done' }>): string {
  if (result.kind !== 'refused') return 'reason' in result ? result.reason : result.kind;
  const { refusal } = result;
  return refusal.kind === 'mac-taken'
    ? `${refusal.mac} belongs to node ${refusal.owner}, which did not come from these files`
    : refusal.kind;
}

/** Ironic runs as another user, and writes here by way of the group that both are in. */
async function makeFolder(folder: string): Promise<void> {
  const made = await mkdir(folder, { recursive: true });
  if (made !== undefined) await chmod(folder, 0o2775);
}
