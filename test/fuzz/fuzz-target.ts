import type { FuzzRandom } from './fuzz-random.ts';
import { mutateOctets } from './mutate-octets.ts';
import { mutateText } from './mutate-text.ts';

/** What a parser is given. */
export type FuzzInput = Uint8Array | string;

/** Whether the parser took the input as what it reads; both are good answers, and a fuzzer that only sees one of them tests little. */
export type FuzzVerdict = 'taken' | 'refused';

/** A property that does not hold. */
export class FuzzFailure extends Error {
  override readonly name = 'FuzzFailure';
}

/** A target that is ready for inputs. */
export interface OpenTarget {
  /** One input takes no longer than this, on a machine that does something else besides. */
  readonly limitMs: number;
  make(random: FuzzRandom): FuzzInput;
  /** Throws what the parser throws beyond its own kind of error, and FuzzFailure for any other property. */
  check(input: FuzzInput): FuzzVerdict | Promise<FuzzVerdict>;
  close?(): Promise<void>;
}

/** Something that reads what others wrote, and what must hold for it. */
export interface FuzzTarget {
  readonly name: string;
  /** What it reads, for docs/reliability.md. */
  readonly reads: string;
  open(): OpenTarget | Promise<OpenTarget>;
}

/** How a target of octets is made up. */
export interface OctetsTarget {
  readonly limitMs: number;
  readonly seeds: readonly Uint8Array[];
  readonly tokens?: readonly Uint8Array[];
  /** Inputs that are put together with knowledge of the format, for half of them; without it all are mutated seeds. */
  readonly generate?: (random: FuzzRandom) => Uint8Array;
  readonly check: (input: Uint8Array) => FuzzVerdict | Promise<FuzzVerdict>;
  readonly close?: () => Promise<void>;
}

export function octetsTarget({ seeds, tokens, generate, check, ...rest }: OctetsTarget): OpenTarget {
  return {
    ...rest,
    make: (random) => {
      if (generate === undefined || random.chance(0.5)) return mutateOctets(random, seeds, tokens);
      const octets = generate(random);
      return random.chance(0.5) ? octets : mutateOctets(random, [octets], seeds);
    },
    check: (input) => check(typeof input === 'string' ? Buffer.from(input) : input),
  };
}

/** How a target of text is made up. */
export interface TextTarget {
  readonly limitMs: number;
  readonly seeds: readonly string[];
  readonly tokens?: readonly string[];
  readonly generate?: (random: FuzzRandom) => string;
  readonly check: (input: string) => FuzzVerdict | Promise<FuzzVerdict>;
  readonly close?: () => Promise<void>;
}

export function textTarget({ seeds, tokens, generate, check, ...rest }: TextTarget): OpenTarget {
  return {
    ...rest,
    make: (random) => {
      if (generate === undefined || random.chance(0.5)) return mutateText(random, seeds, tokens);
      const text = generate(random);
      return random.chance(0.5) ? text : mutateText(random, [text, ...seeds.slice(0, 1)], tokens);
    },
    check: (input) => check(typeof input === 'string' ? input : Buffer.from(input).toString('latin1')),
  };
}

/** Says that a property does not hold. */
export function mustHold(holds: boolean, what: () => string): void {
  if (!holds) throw new FuzzFailure(what());
}
