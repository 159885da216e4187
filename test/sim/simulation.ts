import { formatIpv4 } from '../../src/addr/ipv4.ts';
import { boundLease } from '../../src/dhcp/lease-table-view.ts';
import { FakeClient } from '../unit/dhcp/fake-view.ts';
import { SimulatedRack, type RackParts } from './simulated-rack.ts';
import { writeScript, type SimulationEvent, type SimulationScript } from './simulation-script.ts';

/** What a run came to. */
export interface SimulationReport {
  /** The first promise that was broken, and after which event; undefined: none was. */
  readonly broken: { readonly what: string; readonly event: number } | undefined;
  readonly machines: number;
  readonly virtualMs: number;
  readonly acks: number;
  readonly crashes: number;
  readonly diskTroubles: number;
  readonly clockSteps: number;
  readonly transfers: number;
  readonly boots: number;
}

const LEASE_SECONDS = 120;
const BOUND_WITHIN_MS = 1_200_000;
/** A server gives a transfer up after 63 s of silence, a client after a sixth try; both with room. */
const FILE_WITHIN_MS = 600_000;
const TRANSFERS_END_WITHIN_MS = 120_000;
/** More than a flush and its ACK take: the server counts a lease from its decision. */
const FLUSHED_WITHIN_MS = 5000;
/** What a slow disk adds to each flush. */
const SLOW_FLUSH_MS = 2500;

/** A promise that does not hold. */
class Broken extends Error {}

/**
 * Plays a script, and checks after each event, and wherever the server speaks, that no promise is broken: one holder an address, every ACK
 * on disk, no lease lost by a crash, no NAK for what was offered, no answer on another wire, every transfer ends, memory bounded.
 */
export async function simulate(script: SimulationScript, parts: RackParts = {}): Promise<SimulationReport> {
  return new Simulation(script, parts).run();
}

class Simulation {
  readonly #script: SimulationScript;
  readonly #rack: SimulatedRack;
  readonly #count = { crashes: 0, diskTroubles: 0, clockSteps: 0, transfers: 0 };
  #event = 0;
  #strangers = 0;

  constructor(script: SimulationScript, parts: RackParts) {
    this.#script = script;
    const { seed, machines, wire, disk } = script;
    const sizes = { kernelOctets: 20_000, ramdiskOctets: 30_000 };
    this.#rack = new SimulatedRack({
      seed,
      machines,
      wire,
      disk,
      leaseSeconds: LEASE_SECONDS,
      parts,
      ...sizes,
    });
  }

  async run(): Promise<SimulationReport> {
    const { site, machines } = this.#rack;
    let broken: SimulationReport['broken'];
    try {
      await this.#play();
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      broken = { what: error.message, event: this.#event };
    }
    this.#countTransfers();
    return {
      broken,
      machines: machines.length,
      virtualMs: site.clock.now(),
      acks: site.witness.count.acks,
      ...this.#count,
      boots: machines.filter(({ bootedAt }) => bootedAt !== undefined).length,
    };
  }

  async #play(): Promise<void> {
    const { site, machines } = this.#rack;
    await this.#rack.start();
    for (const { event, thenMs } of this.#script.events) {
      await this.#happen(event);
      await site.pass(thenMs);
      this.#check();
      this.#event += 1;
    }
    for (const { machine } of machines) machine.switchOn();
    const boundAfter = await site.passUntilBound(BOUND_WITHIN_MS);
    this.#check();
    if (boundAfter === undefined) throw new Broken('a machine is without an address after twenty minutes');
    if (new Set(machines.map(({ machine }) => machine.lease?.address)).size !== machines.length) {
      throw new Broken('two machines have the same address');
    }
    // Nobody answers any more: what is under way has to end.
    for (const { machine } of machines) machine.switchOff();
    await site.pass(TRANSFERS_END_WITHIN_MS);
    this.#check();
    const left = this.#rack.server?.active ?? 0;
    if (left > 0) throw new Broken(`${left} transfers to machines that are off have not ended`);
  }

  async #happen(event: SimulationEvent): Promise<void> {
    const { site } = this.#rack;
    switch (event.kind) {
      case 'on':
        site.machines[event.who]?.switchOn();
        return;
      case 'off':
        site.machines[event.who]?.switchOff();
        return;
      case 'forget':
        site.machines[event.who]?.forget();
        return;
      case 'release':
        site.machines[event.who]?.release();
        return;
      case 'decline':
        site.machines[event.who]?.decline();
        return;
      case 'stranger':
        this.#addStranger(event.at);
        return;
      case 'crash':
        this.#count.crashes += 1;
        this.#countTransfers();
        this.#rack.crash();
        await site.pass(event.downMs);
        return this.#rack.start();
      case 'disk':
        return this.#troubleDisk(event.trouble, event.forMs);
      case 'clock':
        this.#count.clockSteps += 1;
        site.setClock(event.byMs);
        // docs/deviations.md, the clock: the store follows a moment later.
        return site.pass(3000);
      case 'flood':
        this.#flood(event.discovers, event.overMs);
        return;
      default:
        event satisfies never;
    }
  }

  /** A stranger who comes to an address that a machine has is that machine's to find. */
  #addStranger(at: number): void {
    if (this.#strangers >= 3) return;
    this.#strangers += 1;
    this.#rack.site.wire.strangers.add(this.#rack.address(at));
  }

  async #troubleDisk(trouble: 'full' | 'io-error' | 'slow', forMs: number): Promise<void> {
    const { disk } = this.#rack.site;
    this.#count.diskTroubles += 1;
    if (trouble === 'slow') disk.slowMs = SLOW_FLUSH_MS;
    else disk.failing = trouble === 'full' ? true : 'io-error';
    await this.#rack.site.pass(forMs);
    disk.slowMs = 0;
    disk.failing = false;
  }

  #flood(discovers: number, overMs: number): void {
    const { clock, wire } = this.#rack.site;
    for (let number = 0; number < discovers; number += 1) {
      const card = (number + this.#event * 1000).toString(16).padStart(6, '0').match(/../g) ?? [];
      const client = new FakeClient({ mac: `02:f1:00:${card.join(':')}` });
      clock.after((number * overMs) / discovers, () => wire.fromMachine(client.discover()));
    }
  }

  #countTransfers(): void {
    const totals = this.#rack.server?.totals;
    if (totals !== undefined) this.#count.transfers += totals.ended;
  }

  #check(): void {
    const { site, machines, pool, server } = this.#rack;
    const [broken] = site.witness.broken;
    if (broken !== undefined) throw new Broken(broken);
    for (const { address, mac } of site.witness.held(FLUSHED_WITHIN_MS)) {
      const holder = boundLease(site.leases.at(address), site.wallTime())?.mac;
      if (holder !== mac)
        throw new Broken(`${formatIpv4(address)} of ${mac} is lost: ${holder ?? 'nobody'} has it`);
    }
    for (const { machine, fetchingSince } of machines) {
      const isOn = machine.state !== 'off' && fetchingSince !== undefined;
      if (isOn && site.clock.now() - fetchingSince > FILE_WITHIN_MS) {
        throw new Broken(`${machine.client.mac} has waited for a file for ten minutes`);
      }
    }
    if (site.disk.size > 2 * pool) throw new Broken(`${site.disk.size} records for ${2 * pool} addresses`);
    // A client that asks for the next file leaves the last one's repetitions behind; it never has many.
    const active = server?.active ?? 0;
    if (active > 8 * machines.length + 8)
      throw new Broken(`${active} transfers for ${machines.length} machines`);
  }
}

/** The smallest script that is found to break a promise as well: fewer events, then fewer machines. */
export async function shrinkScript(
  script: SimulationScript,
  parts: RackParts,
): Promise<{ readonly script: SimulationScript; readonly kept: readonly number[] }> {
  let kept = script.events.map((_, index) => index);
  const withEvents = (indices: readonly number[]): SimulationScript => ({
    ...script,
    events: script.events.filter((_, index) => indices.includes(index)),
  });
  const fails = async (indices: readonly number[]): Promise<boolean> =>
    (await simulate(withEvents(indices), parts)).broken !== undefined;
  const until = performance.now() + SHRINK_MS;
  for (let piece = Math.ceil(kept.length / 2); piece >= 1; piece = Math.floor(piece / 2)) {
    for (let at = 0; at < kept.length && performance.now() < until;) {
      const fewer = [...kept.slice(0, at), ...kept.slice(at + piece)];
      if (await fails(fewer)) kept = fewer;
      else at += piece;
    }
  }
  return { script: withEvents(kept), kept };
}

const SHRINK_MS = 20_000;

/** The script of a seed, or what is left of it when only some of its events happen. */
export function scriptOf(
  seed: number,
  machines: number | undefined,
  kept: readonly number[] | undefined,
): SimulationScript {
  const script = writeScript(seed, machines);
  return kept === undefined
    ? script
    : { ...script, events: script.events.filter((_, index) => kept.includes(index)) };
}
