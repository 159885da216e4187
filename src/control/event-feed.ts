/** What an event is about. */
export const EVENT_TYPES = ['lease', 'boot', 'node', 'health'] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** Something that happened, ready to be sent. */
export interface FeedEvent {
  /** For `Last-Event-ID`. */
  readonly id: string;
  readonly type: EventType;
  /** One line of JSON. */
  readonly data: string;
}

/** Who hears of events. */
export interface EventSubscriber {
  event(event: FeedEvent): void;
  /** There will be no more: the daemon stops. */
  end(): void;
}

/** What there is of the past for somebody who was away. */
export interface EventReplay {
  readonly events: readonly FeedEvent[];
  /** Events between the last one that was heard and these are lost. */
  readonly hasGap: boolean;
}

/** Everything that happens, as it happens. */
export interface EventFeed {
  /** Events after this id; all that are remembered are after an id that is not known. */
  since(lastEventId: string): EventReplay;
  /** The function returned ends it. */
  subscribe(subscriber: EventSubscriber): () => void;
}
