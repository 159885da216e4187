import type { Conversation } from '../ipmi/conversation.ts';
import { getDeviceId } from '../ipmi/device-id.ts';
import { IpmiError } from '../ipmi/ipmi-error.ts';
import { BmcConnection, type BmcConnectionParts, type BmcTarget } from './bmc-connection.ts';

/** Controllers forget a session after 60 seconds without a packet (IPMI 2.0 section 6.12.15), give or take three. */
const KEEP_MS = 50_000;
/** A kept session that does not answer is more likely forgotten than busy. */
const FAILURES_OF_KEPT_SESSION: ReadonlySet<string> = new Set(['session-lost', 'unreachable', 'cancelled']);

/**
 * A controller to ask, again and again: keeps the session between questions as long as the controller does, opens
 * another one when it is gone, and has one question under way at a time.
 */
export class BmcClient {
  readonly target: BmcTarget;
  readonly #parts: BmcConnectionParts;
  #connection: BmcConnection | undefined;
  #lastUsedAt = 0;
  #idle: NodeJS.Timeout | undefined;
  #lastTask: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #manufacturer: number | undefined;
  #closed = false;

  constructor(target: BmcTarget, parts: BmcConnectionParts) {
    this.target = target;
    this.#parts = parts;
  }

  /** How many questions wait or are under way. */
  get load(): number {
    return this.#waiting;
  }

  /**
   * Carries a conversation out. `begin` makes it, once more when a session that was kept turns out to be gone. Rejects
   * with IpmiError.
   */
  ask<Result>(begin: () => Conversation<Result>): Promise<Result> {
    this.#waiting += 1;
    const result = this.#lastTask
      .then(() => this.#askAlone(begin))
      .finally(() => {
        this.#waiting -= 1;
      });
    this.#lastTask = result.catch(() => undefined);
    return result;
  }

  /** IANA number of the controller's manufacturer; asked once. 0 when it does not tell. */
  async manufacturer(): Promise<number> {
    this.#manufacturer ??= await this.ask(getDeviceId).then(
      (device) => device.manufacturer,
      (error: unknown) => {
        if (error instanceof IpmiError && error.code === 'refused') return 0;
        throw error;
      },
    );
    return this.#manufacturer;
  }

  /** Ends the session, after what is under way. Safe to call twice. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  async #askAlone<Result>(begin: () => Conversation<Result>): Promise<Result> {
    if (this.#closed) throw new IpmiError('cancelled', 'the controller is no longer asked');
    const kept = this.#kept();
    if (kept !== undefined) {
      try {
        return await this.#askOver(kept, begin);
      } catch (error) {
        if (!(error instanceof IpmiError) || !FAILURES_OF_KEPT_SESSION.has(error.code)) throw error;
      }
    }
    const fresh = await BmcConnection.open(this.target, this.#parts);
    this.#connection = fresh;
    return this.#askOver(fresh, begin);
  }

  /** The session of the last question, while the controller may be thought to have it still. */
  #kept(): BmcConnection | undefined {
    const connection = this.#connection;
    if (connection === undefined) return undefined;
    const idleMs = this.#parts.clock.monotonic() - this.#lastUsedAt;
    if (!connection.isOver && idleMs < KEEP_MS) return connection;
    this.#drop();
    return undefined;
  }

  async #askOver<Result>(connection: BmcConnection, begin: () => Conversation<Result>): Promise<Result> {
    clearTimeout(this.#idle);
    try {
      const result = await connection.run(begin());
      return result;
    } finally {
      this.#lastUsedAt = this.#parts.clock.monotonic();
      if (connection.isOver || this.#closed) this.#drop();
      else this.#idle = setTimeout(() => this.#drop(), KEEP_MS).unref();
    }
  }

  #drop(): void {
    clearTimeout(this.#idle);
    this.#connection?.close();
    this.#connection = undefined;
  }
}
