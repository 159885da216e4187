import { listNetworkInterfaces, type NetworkInterface } from '../io/network-interfaces.ts';

/** Whether an interface can be served now, or what it is waited for, in words for the log and `/readyz`. */
export type InterfaceReadiness =
  | { readonly kind: 'usable'; readonly facts: NetworkInterface }
  | { readonly kind: 'awaited'; readonly reason: string };

/**
 * Judges an interface of the configuration. One that is missing is waited for, and no error: bridges, bonds and VLANs are
 * made by other services, some of them after us, and made anew while we serve.
 */
export function judgeInterface(
  name: string,
  current: NetworkInterface | undefined,
  { needsAddress }: { readonly needsAddress: boolean },
): InterfaceReadiness {
  if (current === undefined) {
    return { kind: 'awaited', reason: `there is no interface ${name} yet${describeOthers()}` };
  }
  if (needsAddress && current.addresses.length === 0) {
    return { kind: 'awaited', reason: `interface ${name} has no IPv4 address yet` };
  }
  return { kind: 'usable', facts: current };
}

/**
 * Why nobody is served on an interface that is switched off. Its sockets stay, and so do transfers that outlive the pause.
 * One without a carrier is no problem: a bridge has none while no machine is plugged in.
 */
export function downReason(name: string): string {
  return `interface ${name} is down`;
}

/** Empty when the kernel cannot be asked: it is only a hint. */
function describeOthers(): string {
  try {
    return `; this host has ${listNetworkInterfaces().join(', ')}`;
  } catch {
    return '';
  }
}
