import type { FuzzRandom } from './fuzz-random.ts';

/** Octets that stand at the edges of fields. */
const EDGES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 52, 63, 64, 82, 127, 128, 129, 254, 255];
const EDGES_16 = [0, 1, 0x00ff, 0x0100, 0x7fff, 0x8000, 0xfffe, 0xffff];

/** Longer inputs than this only cost time: a datagram that is larger than any of ours is one case among others. */
const LENGTH_MAX = 4096;

type Octets = Uint8Array;
type Mutation = (octets: Octets, random: FuzzRandom, others: readonly Octets[]) => Octets;

/**
 * One of the seeds with a few changes: bits, edge values, octets put in, taken out, doubled or cut off, pieces of other
 * seeds and of `tokens`.
 */
export function mutateOctets(
  random: FuzzRandom,
  seeds: readonly Octets[],
  tokens: readonly Octets[] = [],
): Octets {
  let octets: Octets = Uint8Array.from(random.pick(seeds));
  const pieces = tokens.length > 0 && random.chance(0.5) ? tokens : seeds;
  for (let changes = 1 + random.small(8); changes > 0; changes -= 1) {
    octets = random.pick(MUTATIONS)(octets, random, pieces);
  }
  return octets.length > LENGTH_MAX ? octets.subarray(0, LENGTH_MAX) : octets;
}

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  flipBit,
  setEdge,
  setEdge,
  setEdge16,
  (octets, random) =>
    spliced(octets, random.below(octets.length + 1), 0, random.octets(1 + random.small(16))),
  (octets, random) =>
    spliced(octets, random.below(octets.length + 1), 1 + random.small(16), new Uint8Array(0)),
  double,
  takePiece,
  takePiece,
  (octets, random) => octets.slice(0, random.below(octets.length + 1)),
  repeatOctet,
];

function flipBit(octets: Octets, random: FuzzRandom): Octets {
  const at = random.below(octets.length);
  octets[at] = (octets[at] ?? 0) ^ (1 << random.below(8));
  return octets;
}

function setEdge(octets: Octets, random: FuzzRandom): Octets {
  octets[random.below(octets.length)] = random.pick(EDGES);
  return octets;
}

function setEdge16(octets: Octets, random: FuzzRandom): Octets {
  const value = random.pick(EDGES_16);
  const at = random.below(octets.length);
  octets[at] = value >>> 8;
  octets[at + 1] = value;
  return octets;
}

function double(octets: Octets, random: FuzzRandom): Octets {
  const from = random.below(octets.length + 1);
  return spliced(octets, from, 0, octets.slice(from, from + 1 + random.small(64)));
}

/** A piece of another input, put in or written over what is there. */
function takePiece(octets: Octets, random: FuzzRandom, others: readonly Octets[]): Octets {
  const other = random.pick(others);
  const from = random.small(other.length + 1);
  const piece = other.slice(from, from + 1 + random.small(other.length + 1));
  return spliced(octets, random.below(octets.length + 1), random.chance(0.5) ? piece.length : 0, piece);
}

function repeatOctet(octets: Octets, random: FuzzRandom): Octets {
  const run = new Uint8Array(1 + random.small(400)).fill(random.pick(EDGES));
  return spliced(octets, random.below(octets.length + 1), random.chance(0.5) ? run.length : 0, run);
}

function spliced(octets: Octets, at: number, remove: number, put: Octets): Octets {
  const behind = Math.min(octets.length, at + remove);
  const result = new Uint8Array(octets.length - (behind - at) + put.length);
  result.set(octets.subarray(0, at));
  result.set(put, at);
  result.set(octets.subarray(behind), at + put.length);
  return result;
}

/** Octets one after another. */
export function concatOctets(...parts: readonly Octets[]): Octets {
  return Uint8Array.from(Buffer.concat(parts));
}
