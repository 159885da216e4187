import { pino } from 'pino';
import type { Ipv4 } from '../../src/addr/ipv4.ts';
import type { NodeLookup } from '../../src/boot/node.ts';
import type { DhcpSettings } from '../../src/dhcp/dhcp-settings.ts';
import type { Link } from '../../src/dhcp/link.ts';
import { LeaseTable } from '../../src/dhcp/lease-table.ts';
import { allRanges } from '../../src/dhcp/subnet-selection.ts';
import { createSteadyClock, type Clock } from '../../src/io/clock.ts';
import { ClockService } from '../../src/services/clock-service.ts';
import { DhcpService } from '../../src/services/dhcp-service.ts';
import type { DhcpObserver } from '../../src/services/dhcp-observer.ts';
import type { DhcpReceiver } from '../../src/services/dhcp-wires.ts';
import { LeaseService } from '../../src/services/lease-service.ts';
import { createLeaseStore } from '../../src/store/lease-store.ts';
import { leaseCodec, leaseRecordName } from '../../src/store/lease-record.ts';
import { decodeRecord } from '../../src/store/record.ts';
import type { RecordStore } from '../../src/store/store.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { LINK, lookup } from '../unit/dhcp/fake-view.ts';
import { DhcpWitness } from './dhcp-witness.ts';
import { PERFECT_WIRE, type WireConditions } from './lossy-network.ts';
import { SimulatedDisk, type DiskHabits } from './simulated-disk.ts';
import { SimulatedMachine } from './simulated-machine.ts';
import { SimulatedWire } from './simulated-wire.ts';
import { seededRandom, VirtualClock } from './virtual-clock.ts';

/** A moment in 2026 at which each simulation begins. */
const BEGINNING = Date.UTC(2026, 10, 22, 12);

const CLOCK_LOOK_MS = 1000;

/** prom-client observes its process in each registry, so all simulations share one. */
export const METRICS = createMetrics();
export const LOGGER = pino({ level: 'silent' });

/** What a simulated site is made from. */
export interface SiteOptions {
  readonly settings: DhcpSettings;
  readonly wire?: Partial<WireConditions>;
  readonly disk?: Partial<DiskHabits>;
  readonly seed: number;
  /** The interfaces that are served; the one of the fake views unless told otherwise. */
  readonly links?: readonly Link[];
  readonly nodes?: NodeLookup;
  /** Made anew for each life of the server. */
  readonly observer?: (life: ServerLife) => DhcpObserver;
  readonly parts?: Partial<SiteParts>;
}

/** What one life of the server consists of, for those who serve beside it. */
export interface ServerLife {
  readonly leaseService: LeaseService;
  readonly clock: Clock;
}

/** Parts of the server that a planted bug stands in for. */
export interface SiteParts {
  readonly leaseTable: (settings: DhcpSettings) => LeaseTable;
  readonly store: (store: RecordStore) => RecordStore;
  /** How the server is told of a datagram. */
  readonly hearing: (receive: DhcpReceiver) => DhcpReceiver;
}

const SOUND_PARTS: SiteParts = {
  leaseTable: (settings) => new LeaseTable(allRanges(settings)),
  store: (store) => store,
  hearing: (receive) => receive,
};

/**
 * A controller with the real DHCP and lease services over a simulated wire and disk, its machines, and a witness: all of it in
 * virtual time and out of one seed, so that a run that goes wrong goes wrong again.
 */
export class DhcpSite {
  readonly clock = new VirtualClock();
  readonly random: () => number;
  readonly disk: SimulatedDisk;
  /** The first of the wires, which is the only one unless told otherwise. */
  readonly wire: SimulatedWire;
  readonly wires: readonly SimulatedWire[];
  readonly witness: DhcpWitness;
  readonly machines: SimulatedMachine[] = [];
  readonly #settings: DhcpSettings;
  readonly #options: SiteOptions;
  readonly #parts: SiteParts;
  /** How far the wall clock is from where it would be had nobody set it. */
  #wallAhead = 0;
  #running: { readonly leases: LeaseTable; readonly clockService: ClockService } | undefined;

  constructor(options: SiteOptions) {
    const { settings, wire, disk, seed, links = [LINK] } = options;
    this.#options = options;
    this.#parts = { ...SOUND_PARTS, ...options.parts };
    this.random = seededRandom(seed);
    this.#settings = settings;
    this.disk = new SimulatedDisk(this.clock, this.random, { flushMs: 1, jitterMs: 5, ...disk });
    this.witness = new DhcpWitness(
      () => this.clock.now(),
      (address, mac) => this.#isDurable(address, mac),
    );
    const conditions = { ...PERFECT_WIRE, ...wire, seed };
    this.wires = links.map(
      (link) => new SimulatedWire(this.clock, this.random, conditions, this.witness, link),
    );
    const [first] = this.wires;
    if (first === undefined) throw new Error('a site has a wire');
    this.wire = first;
    this.#tick();
  }

  /** More machines, which are off. */
  addMachines(count: number): void {
    for (let number = 0; number < count; number += 1) {
      this.machines.push(new SimulatedMachine(this.clock, this.random, this.wire));
    }
  }

  /** Starts the server, which reads what the disk has. */
  async start(): Promise<void> {
    if (this.#running !== undefined) return;
    const host = { now: () => this.wallTime(), monotonic: () => this.clock.now() };
    const clock = createSteadyClock(host);
    const leases = this.#parts.leaseTable(this.#settings);
    const store = createLeaseStore(this.#parts.store(this.disk.open()));
    const common = { leases, store, clock, logger: LOGGER, metrics: METRICS };
    const leaseService = new LeaseService(common);
    await leaseService.start();
    const service = new DhcpService({
      ...common,
      settings: this.#settings,
      nodes: this.#options.nodes ?? lookup(),
      ...(this.#options.observer !== undefined && {
        observer: this.#options.observer({ leaseService, clock }),
      }),
      wires: {
        open: (receive) => {
          for (const wire of this.wires) wire.plugIn(this.#parts.hearing(receive));
          return Promise.resolve();
        },
        stopHearing: () => Promise.resolve(),
        close: () => Promise.resolve(),
        problems: [],
      },
    });
    await service.start();
    const clockService = new ClockService({ clock, onStep: (ms) => leaseService.shiftTimes(ms) });
    this.#running = { leases, clockService };
  }

  /** `kill -9`, or a power cut. */
  crash(): void {
    for (const wire of this.wires) wire.unplug();
    this.disk.crash();
    this.witness.crashed();
    this.#running = undefined;
  }

  /** Somebody sets the wall clock; bootd sees it at its next look, at most a second later. */
  setClock(byMs: number): void {
    this.#wallAhead += byMs;
  }

  /** Lets so much time pass. */
  pass(milliseconds: number): Promise<void> {
    return this.clock.runSettled(this.clock.now() + milliseconds);
  }

  /** Lets time pass until all machines that are on have a lease, and says after how long; undefined: they have not. */
  async passUntilBound(withinMs: number): Promise<number | undefined> {
    const from = this.clock.now();
    const isBound = (): boolean =>
      this.machines.every(({ state }) => ['off', 'bound', 'renewing'].includes(state));
    let boundAt: number | undefined;
    await this.clock.runSettled(from + withinMs, () => {
      if (isBound()) boundAt ??= this.clock.now();
      return boundAt !== undefined;
    });
    return boundAt === undefined ? undefined : boundAt - from;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** The server's own view. */
  get leases(): LeaseTable {
    if (this.#running === undefined) throw new Error('the server does not run');
    return this.#running.leases;
  }

  /** As the host shows it. */
  wallTime(): number {
    return BEGINNING + this.clock.now() + this.#wallAhead;
  }

  #isDurable(address: Ipv4, mac: string): boolean {
    const name = leaseRecordName(address);
    const bytes = this.disk.durable(leaseCodec.prefix + name);
    if (bytes === undefined) return false;
    const record = decodeRecord(leaseCodec.prefix + name, bytes);
    if (record.kind === 'damaged') return false;
    const lease = leaseCodec.decode(name, record.content, record.version);
    return lease.state === 'bound' && lease.mac === mac;
  }

  #tick(): void {
    this.#running?.clockService.look();
    this.clock.after(CLOCK_LOOK_MS, () => this.#tick());
  }
}
