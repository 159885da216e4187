import { isDeepStrictEqual } from 'node:util';
import { readNetworkInterface, type NetworkInterface } from './network-interfaces.ts';

/** What happened to an interface between two looks at it. */
export type InterfaceChange =
  | { readonly kind: 'appeared'; readonly after: NetworkInterface }
  | { readonly kind: 'gone'; readonly before: NetworkInterface }
  /** Removed and made again under the same name: its sockets must be opened anew. */
  | { readonly kind: 'replaced'; readonly before: NetworkInterface; readonly after: NetworkInterface }
  /** An address, the MTU, the MAC or the link changed. */
  | { readonly kind: 'changed'; readonly before: NetworkInterface; readonly after: NetworkInterface };

/** Looks at interfaces again and again. */
export interface InterfaceWatch {
  /** As of the last look; undefined while there is no such interface. */
  current(name: string): NetworkInterface | undefined;
  stop(): void;
}

/** How a watch looks. */
export interface InterfaceWatchOptions {
  readonly intervalMs?: number;
  /** Default: asks the kernel. */
  readonly read?: (name: string) => NetworkInterface | undefined;
}

/** The difference between two looks at one interface; undefined when there is none. */
export function compareInterface(
  before: NetworkInterface | undefined,
  after: NetworkInterface | undefined,
): InterfaceChange | undefined {
  if (before === undefined) return after === undefined ? undefined : { kind: 'appeared', after };
  if (after === undefined) return { kind: 'gone', before };
  if (before.index !== after.index) return { kind: 'replaced', before, after };
  return isDeepStrictEqual(before, after) ? undefined : { kind: 'changed', before, after };
}

/**
 * Watches the named interfaces, whether they exist yet or not. The first look is silent and its result stands in
 * `current`; it throws when the kernel cannot be asked. Each later one reports what changed. It polls: netlink would need a socket that Node cannot wait for,
 * and a look costs well under a tenth of a millisecond. The watch alone does not keep the process alive.
 */
export function watchInterfaces(
  names: readonly string[],
  listener: (change: InterfaceChange) => void,
  { intervalMs = 1000, read = readNetworkInterface }: InterfaceWatchOptions = {},
): InterfaceWatch {
  const seen = new Map(names.map((name) => [name, read(name)]));
  const timer = setInterval(() => {
    for (const [name, before] of seen) {
      let after: NetworkInterface | undefined;
      try {
        after = read(name);
      } catch {
        // No file descriptor is left to ask with, for one. What was seen last is taken to be still so.
        continue;
      }
      const change = compareInterface(before, after);
      if (change === undefined) continue;
      seen.set(name, after);
      listener(change);
    }
  }, intervalMs);
  timer.unref();
  return {
    current: (name) => seen.get(name),
    stop: () => clearInterval(timer),
  };
}
