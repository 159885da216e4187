import { randomBytes } from 'node:crypto';
import type { Clock } from '../io/clock.ts';
import { openBmcSocket, type BmcSocket } from '../io/bmc-socket.ts';
import type { Conversation } from '../ipmi/conversation.ts';
import { IpmiError } from '../ipmi/ipmi-error.ts';
import type { RetryPolicy, SessionIdentity } from '../ipmi/ipmi-settings.ts';
import { IpmiSession, type SessionAction } from '../ipmi/session.ts';
import type { IpmiRequest, IpmiResponse } from '../wire/rmcp/ipmi-message.ts';

/** A management controller, and who asks it. */
export interface BmcTarget {
  readonly host: string;
  readonly port: number;
  readonly identity: SessionIdentity;
}

/** What a connection works with. */
export interface BmcConnectionParts {
  readonly retries: RetryPolicy;
  readonly clock: Clock;
  /** Datagrams that were no answer, by reason; for a metric. */
  readonly onIgnored?: (reason: string) => void;
}

interface Waiter<Value> {
  resolve(value: Value): void;
  reject(error: unknown): void;
}

/**
 * One session with one controller, on a socket of its own: runs the session machine of ipmi/session.ts with real
 * datagrams and timers. When it fails it is over; whoever wants to go on opens another.
 */
export class BmcConnection {
  readonly #parts: BmcConnectionParts;
  readonly #socket: BmcSocket;
  readonly #session: IpmiSession;
  #opening: Waiter<number> | undefined;
  #answer: Waiter<IpmiResponse> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failure: IpmiError | undefined;
  #lastTask: Promise<unknown> = Promise.resolve();
  #onSerial: ((payload: Uint8Array) => void) | undefined;
  #onFailure: ((error: IpmiError) => void) | undefined;
  /** Whether packets of the session are encrypted; known once it is open. */
  isEncrypted = false;

  private constructor(target: BmcTarget, socket: BmcSocket, parts: BmcConnectionParts) {
    this.#parts = parts;
    this.#socket = socket;
    this.#session = new IpmiSession({
      identity: target.identity,
      retries: parts.retries,
      random: (count) => new Uint8Array(randomBytes(count)),
    });
    socket.onDatagram((bytes) => this.#perform(this.#session.receive(bytes, this.#now())));
    socket.onError((error) => this.#fail(new IpmiError('unreachable', error.message)));
  }

  /** Opens a session. Rejects with IpmiError that says why there is none. */
  static async open(target: BmcTarget, parts: BmcConnectionParts): Promise<BmcConnection> {
    const connection = new BmcConnection(target, await openSocket(target), parts);
    await new Promise<number>((resolve, reject) => {
      connection.#opening = { resolve, reject };
      connection.#perform(connection.#session.open(connection.#now()));
    });
    return connection;
  }

  /** Whether nothing more can be asked over it. */
  get isOver(): boolean {
    return this.#session.isOver;
  }

  /** Carries a conversation out; those that come meanwhile wait for their turn. Rejects with IpmiError. */
  run<Result>(conversation: Conversation<Result>): Promise<Result> {
    const result = this.#lastTask.then(() => this.#converse(conversation));
    this.#lastTask = result.catch(() => undefined);
    return result;
  }

  /** Where serial packets go, and what ends them. */
  listen(onSerial: (payload: Uint8Array) => void, onFailure: (error: IpmiError) => void): void {
    this.#onSerial = onSerial;
    this.#onFailure = onFailure;
  }

  sendSerial(payload: Uint8Array): void {
    this.#perform(this.#session.sendSerial(payload));
  }

  /** Says goodbye and gives the socket back. What is under way is rejected. Safe to call twice. */
  close(): void {
    if (!this.#session.isOver) this.#perform(this.#session.close());
    this.#fail(new IpmiError('cancelled', 'the connection was closed'));
  }

  async #converse<Result>(conversation: Conversation<Result>): Promise<Result> {
    let step = conversation.next();
    while (step.done !== true) step = conversation.next(await this.#ask(step.value));
    return step.value;
  }

  #ask(request: IpmiRequest): Promise<IpmiResponse> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#answer = { resolve, reject };
      this.#perform(this.#session.request(request, this.#now()));
    });
  }

  #perform(actions: readonly SessionAction[]): void {
    for (const action of actions) {
      switch (action.kind) {
        case 'send':
          this.#socket.send(action.datagram);
          break;
        case 'opened':
          this.isEncrypted = action.encrypted;
          this.#opening?.resolve(action.cipherSuite);
          this.#opening = undefined;
          break;
        case 'answered': {
          const waiter = this.#answer;
          this.#answer = undefined;
          waiter?.resolve(action.response);
          break;
        }
        case 'serial':
          this.#onSerial?.(action.payload);
          break;
        case 'failed':
          this.#fail(action.error);
          break;
        case 'ignored':
          this.#parts.onIgnored?.(action.reason);
          break;
      }
    }
    this.#schedule();
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const { wakeAt } = this.#session;
    if (wakeAt === undefined || this.#failure !== undefined) return;
    const delayMs = Math.max(0, Math.ceil(wakeAt - this.#now()));
    this.#timer = setTimeout(() => this.#perform(this.#session.wake(this.#now())), delayMs);
  }

  #fail(error: IpmiError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    clearTimeout(this.#timer);
    this.#socket.close();
    // A session that the socket gave up has no goodbye to say.
    this.#session.close();
    this.#opening?.reject(error);
    this.#answer?.reject(error);
    this.#opening = undefined;
    this.#answer = undefined;
    this.#onFailure?.(error);
  }

  #now(): number {
    return this.#parts.clock.monotonic();
  }
}

async function openSocket({ host, port }: BmcTarget): Promise<BmcSocket> {
  try {
    return await openBmcSocket(host, port);
  } catch (error) {
    throw new IpmiError('unreachable', error instanceof Error ? error.message : String(error));
  }
}
