import type { ServerResponse } from 'node:http';
import type { EventFeed, EventType, FeedEvent } from './event-feed.ts';

/** Octets that may wait for one client; one that reads slower is disconnected, and comes back with Last-Event-ID. */
const WAITING_MAX_OCTETS = 1024 * 1024;

/**
 * Events of this time go out together: a rack that boots makes hundreds of them a second, and a system call for each of
 * them and each client would make machines wait for their leases.
 */
const GATHER_MS = 50;

/** What has gathered goes out earlier when it is this long. */
const GATHERED_MAX_CHARACTERS = 64 * 1024;

/** Clients that are told of the same types: what they get is written down once for all. */
interface Group {
  readonly clients: Set<ServerResponse>;
  readonly unsubscribe: () => void;
  gathered: string;
}

/** The streams of clients that follow events. */
export class FollowerStreams {
  readonly #feed: EventFeed;
  readonly #groups = new Map<string, Group>();
  #timer: NodeJS.Timeout | undefined;

  constructor(feed: EventFeed) {
    this.#feed = feed;
  }

  /** How many clients follow now. */
  get size(): number {
    return [...this.#groups.values()].reduce((sum, { clients }) => sum + clients.size, 0);
  }

  /** From now on the client is told of these types, until it goes or is cut off. What it has missed comes first. */
  add(client: ServerResponse, wanted: ReadonlySet<EventType>, lastEventId: string | undefined): void {
    const key = [...wanted].sort().join();
    const group = this.#groups.get(key) ?? this.#open(key, wanted);
    // What was gathered so far is older than this client, and among what it has missed if it was away.
    this.#flush(group);
    if (lastEventId !== undefined) {
      const { events, hasGap } = this.#feed.since(lastEventId);
      if (hasGap) send(client, 'event: gap\ndata: {}\n\n');
      for (const event of events) if (wanted.has(event.type)) send(client, formatEvent(event));
    }
    group.clients.add(client);
    client.on('close', () => {
      group.clients.delete(client);
      if (group.clients.size > 0 || this.#groups.get(key) !== group) return;
      group.unsubscribe();
      this.#groups.delete(key);
    });
  }

  /** A sign of life for all: keeps proxies and clients from taking silence for the end. */
  beat(): void {
    for (const { clients } of this.#groups.values()) {
      for (const client of clients) send(client, ': still here\n\n');
    }
  }

  /** Closes all, whatever waits for them. */
  destroy(): void {
    clearTimeout(this.#timer);
    for (const { clients } of this.#groups.values()) for (const client of clients) client.destroy();
  }

  #open(key: string, wanted: ReadonlySet<EventType>): Group {
    const unsubscribe = this.#feed.subscribe({
      event: (event) => {
        if (!wanted.has(event.type)) return;
        group.gathered += formatEvent(event);
        if (group.gathered.length > GATHERED_MAX_CHARACTERS) this.#flush(group);
        else this.#timer ??= setTimeout(() => this.#flushAll(), GATHER_MS).unref();
      },
      end: () => {
        this.#flush(group);
        for (const client of group.clients) client.end();
      },
    });
    const group: Group = { clients: new Set(), unsubscribe, gathered: '' };
    this.#groups.set(key, group);
    return group;
  }

  #flushAll(): void {
    this.#timer = undefined;
    for (const group of this.#groups.values()) this.#flush(group);
  }

  #flush(group: Group): void {
    if (group.gathered === '') return;
    const octets = Buffer.from(group.gathered);
    group.gathered = '';
    for (const client of group.clients) send(client, octets);
  }
}

function formatEvent({ id, type, data }: FeedEvent): string {
  return `id: ${id}\nevent: ${type}\ndata: ${data}\n\n`;
}

function send(client: ServerResponse, text: string | Uint8Array): void {
  if (client.destroyed || client.writableEnded) return;
  client.write(text);
  if (client.writableLength > WAITING_MAX_OCTETS) client.destroy();
}
