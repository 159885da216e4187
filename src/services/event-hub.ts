import type { HealthCheck } from '../control/health-routes.ts';
import type { EventFeed, EventReplay, EventSubscriber, EventType, FeedEvent } from '../control/event-feed.ts';
import { printableJson } from '../wire/visible-text.ts';
import type { Service } from './service.ts';

/** What the hub works with. */
export interface EventHubParts {
  /** Looked at while somebody listens. */
  readonly checks: () => readonly HealthCheck[];
  /** Tells the events of this run from those of an earlier one. */
  readonly runId: string;
}

/** Remembered for those who were away for a moment. */
const REMEMBERED = 1024;

const HEALTH_INTERVAL_MS = 2000;

interface RememberedEvent {
  readonly number: number;
  readonly type: EventType;
  readonly make: () => unknown;
  data: string | undefined;
}

/**
 * Passes on what happens to whoever listens on the control API. An event costs next to nothing while nobody does: its
 * document is only made when it is sent, once for all.
 */
export class EventHub implements EventFeed, Service {
  readonly name = 'events';
  readonly #parts: EventHubParts;
  readonly #subscribers = new Set<EventSubscriber>();
  #remembered: RememberedEvent[] = [];
  #lastNumber = 0;
  #health = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: EventHubParts) {
    this.#parts = parts;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  /** Ends every subscription. */
  stop(): Promise<void> {
    clearInterval(this.#timer);
    for (const subscriber of [...this.#subscribers]) subscriber.end();
    this.#subscribers.clear();
    return Promise.resolve();
  }

  /**
   * Tells of an event. `make` gives its document: it is called at once while somebody listens, else when somebody who was
   * away asks for it, or never.
   */
  publish(type: EventType, make: () => unknown): void {
    this.#lastNumber += 1;
    const remembered: RememberedEvent = { number: this.#lastNumber, type, make, data: undefined };
    this.#remembered.push(remembered);
    if (this.#remembered.length > 2 * REMEMBERED) this.#remembered = this.#remembered.slice(-REMEMBERED);
    if (this.#subscribers.size === 0) return;
    const event = this.#formatted(remembered);
    for (const subscriber of this.#subscribers) subscriber.event(event);
  }

  since(lastEventId: string): EventReplay {
    const [run, text] = lastEventId.split('-');
    const number = run === this.#parts.runId ? Number(text) : NaN;
    const first = this.#remembered[0]?.number ?? this.#lastNumber + 1;
    const isKnown = number >= first - 1 && number <= this.#lastNumber;
    const events = this.#remembered.filter((event) => !isKnown || event.number > number);
    return { events: events.map((event) => this.#formatted(event)), hasGap: !isKnown };
  }

  subscribe(subscriber: EventSubscriber): () => void {
    this.#subscribers.add(subscriber);
    if (this.#timer === undefined) {
      this.#health = JSON.stringify(this.#parts.checks());
      this.#timer = setInterval(() => this.#lookAtHealth(), HEALTH_INTERVAL_MS).unref();
    }
    return () => {
      this.#subscribers.delete(subscriber);
      if (this.#subscribers.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  #lookAtHealth(): void {
    const checks = this.#parts.checks();
    const health = JSON.stringify(checks);
    if (health === this.#health) return;
    this.#health = health;
    this.publish('health', () => ({ ready: checks.every(({ ok }) => ok), checks }));
  }

  #formatted(event: RememberedEvent): FeedEvent {
    event.data ??= printableJson(JSON.stringify(event.make()));
    return { id: `${this.#parts.runId}-${event.number}`, type: event.type, data: event.data };
  }
}
