import type { RequestKind } from '../dhcp/dhcp-request.ts';
import type { ReplyType } from '../dhcp/outcome.ts';
import type { DhcpMessage } from '../wire/dhcp/dhcp-message.ts';

/**
 * How long a server may take: dhcpd waits one second for its ping, dnsmasq three; a machine that gets nothing asks
 * again within four as a rule (RFC 2131 section 4.1).
 */
export const ANSWER_WITHIN_MS = 5000;

/** A machine that keeps asking puts the end off, but not for ever. */
const WAITING_AT_MOST_MS = 2 * ANSWER_WITHIN_MS;

/** dnsmasq pings one address after the other: while many machines ask, an answer may come very late. */
export const LATE_WITHIN_MS = 40_000;

/** Requests that wait at a time; a flood of more is counted, not kept. */
const WAITING_MAX = 4096;

/** Requests of one transaction that are answered apart from each other. */
export type QuestionClass = 'offer' | 'commit' | 'inform' | 'bootp';

interface Waiting<Request> {
  readonly request: Request;
  /** When it was heard for the first time. */
  readonly since: number;
  readonly dueAt: number;
  /** Nobody answered in time; a late answer is still its answer. */
  isOverdue: boolean;
}

/** The class that a request waits in; undefined for those that have no answer (RFC 2131 sections 4.3.3 and 4.3.4). */
export function classOfRequest(kind: RequestKind): QuestionClass | undefined {
  switch (kind) {
    case 'discover':
      return 'offer';
    case 'selecting':
    case 'init-reboot':
    case 'renewing':
      return 'commit';
    case 'inform':
      return 'inform';
    case 'bootp':
      return 'bootp';
    case 'decline':
    case 'release':
      return undefined;
  }
}

/** The classes that a reply may answer, the likeliest first: only an ACK of a lease has an address. */
export function classesOfReply(type: ReplyType, { yiaddr }: DhcpMessage): readonly QuestionClass[] {
  switch (type) {
    case 'offer':
      return ['offer'];
    case 'ack':
      return yiaddr === 0 ? ['inform', 'commit'] : ['commit', 'inform'];
    case 'nak':
      return ['commit'];
    case 'bootp':
      return ['bootp'];
  }
}

/**
 * Who a transaction is of: xid alone is not enough, since machines of one kind come up with the same numbers (RFC 2131
 * section 4.1). A relay's copy of a request is another transaction than the request itself on the same wire.
 */
export function transactionKey(wire: string, { xid, htype, chaddr, giaddr }: DhcpMessage): string {
  return `${wire} ${giaddr} ${xid} ${htype} ${chaddr.join('.')}`;
}

/** Requests that wait for their answer, by transaction; bounded. */
export class ExchangeTable<Request> {
  readonly #waiting = new Map<string, Waiting<Request>>();

  /** A repeated request takes the place of the first. False: there are too many. */
  add(transaction: string, question: QuestionClass, request: Request, now: number): boolean {
    const key = `${question} ${transaction}`;
    const present = this.#waiting.get(key);
    if (present === undefined && this.#waiting.size >= WAITING_MAX) return false;
    const since = present?.since ?? now;
    const dueAt = Math.min(now + ANSWER_WITHIN_MS, since + WAITING_AT_MOST_MS);
    this.#waiting.set(key, { request, since, dueAt, isOverdue: present?.isOverdue ?? false });
    return true;
  }

  /** The request that a reply answers, which then waits no more. */
  take(transaction: string, classes: readonly QuestionClass[]): Request | undefined {
    for (const question of classes) {
      const key = `${question} ${transaction}`;
      const waiting = this.#waiting.get(key);
      if (waiting === undefined) continue;
      this.#waiting.delete(key);
      return waiting.request;
    }
    return undefined;
  }

  /** Requests that nobody answered in time, each once; those that are very late are forgotten. */
  takeUnanswered(now: number): readonly Request[] {
    const unanswered: Request[] = [];
    for (const [key, waiting] of this.#waiting) {
      if (waiting.dueAt > now) continue;
      if (!waiting.isOverdue) unanswered.push(waiting.request);
      waiting.isOverdue = true;
      if (now - waiting.dueAt >= LATE_WITHIN_MS) this.#waiting.delete(key);
    }
    return unanswered;
  }
}
