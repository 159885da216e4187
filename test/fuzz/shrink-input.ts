import type { FuzzInput, OpenTarget } from './fuzz-target.ts';

const TRIES_MAX = 3000;
const TIME_MAX_MS = 5000;

/** The input with as much left out of it as can be while its check still fails: larger pieces first, then smaller ones. */
export async function shrinkInput(target: OpenTarget, input: FuzzInput): Promise<FuzzInput> {
  const until = performance.now() + TIME_MAX_MS;
  let best = input;
  let tries = 0;
  for (let piece = Math.ceil(best.length / 2); piece >= 1; piece = Math.floor(piece / 2)) {
    for (let at = 0; at < best.length;) {
      tries += 1;
      if (tries > TRIES_MAX || performance.now() > until) return best;
      const candidate = without(best, at, piece);
      if (await fails(target, candidate)) best = candidate;
      else at += piece;
    }
  }
  return best;
}

function without(input: FuzzInput, at: number, count: number): FuzzInput {
  if (typeof input === 'string') return input.slice(0, at) + input.slice(at + count);
  return Uint8Array.from([...input.subarray(0, at), ...input.subarray(at + count)]);
}

async function fails(target: OpenTarget, input: FuzzInput): Promise<boolean> {
  try {
    await target.check(input);
    return false;
  } catch {
    return true;
  }
}
