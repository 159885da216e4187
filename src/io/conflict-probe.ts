import type { Ipv4 } from '../addr/ipv4.ts';
import type { Mac } from '../addr/mac.ts';
import { systemClock, type Clock } from './clock.ts';
import { IoError } from './io-error.ts';
import { accessLibc, type Libc } from './libc.ts';
import { onLinkAddress, type NetworkInterface } from './network-interfaces.ts';
import { openArpWire, openIcmpWire, type ProbeAnswer, type ProbeWire } from './probe-wire.ts';

/**
 * - `free`: nobody answered in time
 * - `in-use`: somebody answers for the address
 * - `unknown`: it could not be asked: the link is down, there is no route, or too many checks are under way
 */
export type ConflictFinding = 'free' | 'in-use' | 'unknown';

/** Finds out whether somebody uses an address already, before it is offered (RFC 2131 sections 2.2 and 3.1). */
export interface ConflictProbe {
  /**
   * Resolves as soon as somebody answers, and with `free` when the time is over. Never rejects, and never delays
   * another check. An answer of `except` does not count: that is the client which is about to get the address.
   */
  check(address: Ipv4, timeoutMs: number, except?: Mac): Promise<ConflictFinding>;
  /** Checks that are under way end as `unknown`. */
  close(): void;
}

/** A probe, or why there is none; addresses are offered unchecked then. */
export type ConflictProbeAccess =
  | {
      readonly kind: 'available';
      readonly probe: ConflictProbe;
      /** What cannot be checked, and why, for the log; undefined when all can. */
      readonly limitation: string | undefined;
    }
  | { readonly kind: 'unavailable'; readonly reason: string };

/** Told of each answer that makes an address `in-use`, so that the stranger can be named. */
export type AnswerListener = (answer: ProbeAnswer) => void;

/** How a probe finds the means for an address, and learns about time. */
export interface ConflictProbeParts {
  readonly wires: readonly ProbeWire[];
  /** Which of the wires reaches the address; undefined: none. */
  readonly wireFor: (address: Ipv4) => ProbeWire | undefined;
  /** Whether the address is this host's own, which answers no question of its own. */
  readonly isOwn: (address: Ipv4) => boolean;
  readonly onAnswer?: AnswerListener;
  readonly clock?: Clock;
}

/**
 * How often sockets are looked at while a check is under way. Node can wait for UDP, TCP and pipes only, not for a
 * packet or raw socket; a look costs about a microsecond, and there is none while nobody asks.
 */
const LOOK_INTERVAL_MS = 5;

/** Checks under way at once; a flood beyond it is answered `unknown`. */
const MAX_CHECKS = 4096;

interface Check {
  readonly address: Ipv4;
  readonly except: Mac | undefined;
  readonly deadline: number;
  /** When the question is sent once more, since a datagram may get lost; undefined: it was. */
  askAgainAt: number | undefined;
  readonly resolve: (finding: ConflictFinding) => void;
}

/**
 * Opens what the interface and our rights allow: ARP for its own networks, ICMP echo for addresses behind relays, and
 * ICMP for its own networks as well where ARP cannot be had. One socket each, for as long as the probe lives. When
 * the interface's facts change, open a new probe.
 */
export function openConflictProbe(
  networkInterface: NetworkInterface,
  onAnswer?: AnswerListener,
): ConflictProbeAccess {
  const access = accessLibc();
  if (access.kind === 'unavailable') return access;
  const arp = open(() => openArp(access.libc, networkInterface));
  const icmp = open(() => openIcmpWire(access.libc));
  const wires = [arp, icmp].filter((wire): wire is ProbeWire => !(wire instanceof IoError));
  if (arp instanceof IoError && icmp instanceof IoError) {
    return { kind: 'unavailable', reason: `${icmp.message}; it needs root or CAP_NET_RAW` };
  }
  const probe = createConflictProbe({
    wires,
    wireFor: (address) => {
      const wire =
        onLinkAddress(networkInterface, address) === undefined || arp instanceof IoError ? icmp : arp;
      return wire instanceof IoError ? undefined : wire;
    },
    isOwn: (address) => networkInterface.addresses.some((own) => own.address === address),
    ...(onAnswer === undefined ? {} : { onAnswer }),
  });
  const limitation =
    icmp instanceof IoError ? `addresses behind relays are not checked: ${icmp.message}` : undefined;
  return { kind: 'available', probe, limitation };
}

function openArp(libc: Libc, networkInterface: NetworkInterface): ProbeWire {
  const { name, mac, ethernet } = networkInterface;
  if (ethernet && mac !== undefined) return openArpWire(libc, networkInterface, mac);
  throw new IoError('unsupported', `interface ${name} is not an Ethernet`);
}

function open(openWire: () => ProbeWire): ProbeWire | IoError {
  try {
    return openWire();
  } catch (error) {
    if (error instanceof IoError) return error;
    throw error;
  }
}

/** The probe itself, over any wires; openConflictProbe gives it real ones. */
export function createConflictProbe(parts: ConflictProbeParts): ConflictProbe {
  const { wires, wireFor, isOwn, onAnswer, clock = systemClock } = parts;
  const checks = new Set<Check>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  function finish(check: Check, finding: ConflictFinding): void {
    checks.delete(check);
    check.resolve(finding);
  }

  function takeAnswers(): void {
    const heard = new Map<Ipv4, ProbeAnswer[]>();
    for (const answer of wires.flatMap((wire) => wire.answers())) {
      heard.set(answer.address, [...(heard.get(answer.address) ?? []), answer]);
    }
    if (heard.size === 0) return;
    for (const check of checks) {
      const stranger = heard.get(check.address)?.find(({ mac }) => mac === undefined || mac !== check.except);
      if (stranger === undefined) continue;
      onAnswer?.(stranger);
      finish(check, 'in-use');
    }
  }

  function look(): void {
    // Answers first: after a pause of the event loop they may lie there although the time is over.
    takeAnswers();
    const now = clock.monotonic();
    for (const check of checks) {
      if (now >= check.deadline) finish(check, 'free');
      else if (check.askAgainAt !== undefined && now >= check.askAgainAt) {
        check.askAgainAt = undefined;
        wireFor(check.address)?.ask(check.address);
      }
    }
    timer = checks.size === 0 ? undefined : setTimeout(look, LOOK_INTERVAL_MS);
  }

  /** What lies in the sockets since the last check was never asked for, or came too late. */
  function forgetOldAnswers(): void {
    for (const wire of wires) wire.answers();
  }

  return {
    check(address, timeoutMs, except) {
      if (isOwn(address)) return Promise.resolve('in-use');
      const wire = wireFor(address);
      if (closed || wire === undefined || checks.size >= MAX_CHECKS) return Promise.resolve('unknown');
      if (checks.size === 0) forgetOldAnswers();
      if (!wire.ask(address)) return Promise.resolve('unknown');
      const now = clock.monotonic();
      return new Promise((resolve) => {
        checks.add({
          address,
          except,
          deadline: now + timeoutMs,
          askAgainAt: now + timeoutMs / 2,
          resolve,
        });
        timer ??= setTimeout(look, LOOK_INTERVAL_MS);
      });
    },

    close() {
      closed = true;
      clearTimeout(timer);
      for (const check of checks) finish(check, 'unknown');
      for (const wire of wires) wire.close();
    },
  };
}
