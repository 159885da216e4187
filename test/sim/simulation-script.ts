import type { WireConditions } from './lossy-network.ts';
import type { DiskHabits } from './simulated-disk.ts';
import { seededRandom } from './virtual-clock.ts';

/** One thing that happens; machines are counted from 0. */
export type SimulationEvent =
  | { readonly kind: 'on' | 'off' | 'forget' | 'release' | 'decline'; readonly who: number }
  /** Somebody sits on an address whom no server knows. */
  | { readonly kind: 'stranger'; readonly at: number }
  | { readonly kind: 'crash'; readonly downMs: number }
  /** `full`: nothing can be written. `io-error`: nobody knows what was written. `slow`: each flush takes seconds. */
  | { readonly kind: 'disk'; readonly trouble: 'full' | 'io-error' | 'slow'; readonly forMs: number }
  | { readonly kind: 'clock'; readonly byMs: number }
  /** DISCOVERs from cards that nobody has. */
  | { readonly kind: 'flood'; readonly discovers: number; readonly overMs: number };

/** What happens in one simulation, all of it out of one seed. */
export interface SimulationScript {
  readonly seed: number;
  readonly machines: number;
  readonly wire: Omit<WireConditions, 'seed'>;
  readonly disk: DiskHabits;
  readonly events: readonly { readonly event: SimulationEvent; readonly thenMs: number }[];
}

const HOUR_MS = 3_600_000;

/** How often each kind of event comes, in relation to the others. */
const WEIGHTS = {
  on: 6,
  off: 3,
  forget: 1,
  release: 2,
  decline: 1,
  stranger: 1,
  crash: 4,
  disk: 2,
  clock: 2,
  flood: 0.5,
} as const;
const KINDS = (Object.keys(WEIGHTS) as (keyof typeof WEIGHTS)[]).flatMap((kind) =>
  Array.from({ length: WEIGHTS[kind] * 2 }, () => kind),
);

/** The script of a seed. Most sites are small, since there everything meets everything; one of two hundred has thousands of machines. */
export function writeScript(seed: number, machinesWanted?: number): SimulationScript {
  const random = seededRandom(seed ^ 0x5eed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const size = chooseSize(random);
  const machines = machinesWanted ?? size;
  const isBad = random() < 0.7;
  const wire = {
    lossToClient: isBad ? random() * 0.3 : 0.01,
    lossToServer: isBad ? random() * 0.3 : 0.01,
    duplicates: isBad ? random() * 0.3 : 0.01,
    delayMs: 0.05 + random() * 20,
    jitterMs: random() * (isBad ? 200 : 5),
  };
  const disk = { flushMs: 0.1 + random() * 50, jitterMs: random() * 300 };
  const count = machines > 200 ? 8 : 10 + below(50);
  const events = Array.from({ length: count }, () => ({
    event: chooseEvent(random, machines),
    thenMs: choosePause(random),
  }));
  return { seed, machines, wire, disk, events };
}

function chooseSize(random: () => number): number {
  const share = random();
  if (share < 0.005) return 2000;
  if (share < 0.03) return 100 + Math.floor(random() * 300);
  return share < 0.2 ? 20 + Math.floor(random() * 60) : 3 + Math.floor(random() * 15);
}

function chooseEvent(random: () => number, machines: number): SimulationEvent {
  const below = (limit: number): number => Math.floor(random() * limit);
  const kind = KINDS[below(KINDS.length)] ?? 'on';
  switch (kind) {
    case 'stranger':
      return { kind, at: below(machines + 4) };
    case 'crash':
      return { kind, downMs: random() * (random() < 0.5 ? 200 : 20_000) };
    case 'disk':
      return {
        kind,
        trouble: (['full', 'io-error', 'slow'] as const)[below(3)] ?? 'full',
        forMs: random() * 20_000,
      };
    case 'clock':
      return { kind, byMs: (random() * 2 - 1) * 48 * HOUR_MS };
    case 'flood':
      return { kind, discovers: 20 + below(200), overMs: random() * 5000 };
    default:
      return { kind, who: below(machines) };
  }
}

/** Often within the moments in which messages and flushes are under way. */
function choosePause(random: () => number): number {
  const share = random();
  if (share < 0.5) return random() * 50;
  return random() * (share < 0.85 ? 5000 : 150_000);
}
