import type { Logger } from 'pino';
import { EVENTS } from './events.ts';

/** How many lines of one event may come. */
export interface LogLimits {
  /** At once. */
  readonly burst: number;
  /** A second after that. */
  readonly perSecond: number;
  /** Between two lines that say how many were left out. */
  readonly summaryMs: number;
}

/** A rack of a thousand machines boots without a line less; a flood for a day leaves half a gigabyte of each event. */
const DEFAULT_LIMITS: LogLimits = { burst: 2000, perSecond: 20, summaryMs: 10_000 };

/** Whatever a stranger sends leads to these at most. All else is rare, or kept on disk before it is told. */
const OF_STRANGERS = /^(?:dhcp|tftp|http-boot|control)\./;

interface Bucket {
  readonly event: string;
  readonly level: number;
  tokens: number;
  filledAt: number;
  leftOut: number;
}

/**
 * Keeps a flood of packets from filling the disk with lines about it: an event that datagrams and requests lead to may come only
 * so often, each for itself, so that noise hides nothing else. What is left out is counted and told.
 */
export class LogLimit {
  readonly #limits: LogLimits;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();
  #summary: NodeJS.Timeout | undefined;

  constructor(limits: LogLimits = DEFAULT_LIMITS, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Whether a line may be written; `logger` tells of the others later. */
  admits(event: unknown, level: number, logger: Logger): boolean {
    if (typeof event !== 'string' || !OF_STRANGERS.test(event)) return true;
    const bucket = this.#bucketOf(event, level);
    this.#fill(bucket);
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return true;
    }
    bucket.leftOut += 1;
    if (this.#summary === undefined) this.#summarizeLater(logger);
    return false;
  }

  /** Events are those of the catalogue, so there are never many buckets. */
  #bucketOf(event: string, level: number): Bucket {
    const key = `${level}/${event}`;
    const known = this.#buckets.get(key);
    if (known !== undefined) return known;
    const bucket = { event, level, tokens: this.#limits.burst, filledAt: this.#now(), leftOut: 0 };
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #fill(bucket: Bucket): void {
    const now = this.#now();
    const { burst, perSecond } = this.#limits;
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.filledAt) / 1000) * perSecond);
    bucket.filledAt = now;
  }

  #summarizeLater(logger: Logger): void {
    this.#summary = setTimeout(() => this.#summarize(logger), this.#limits.summaryMs).unref();
  }

  #summarize(logger: Logger): void {
    this.#summary = undefined;
    const seconds = this.#limits.summaryMs / 1000;
    for (const bucket of this.#buckets.values()) {
      const { event: of, leftOut: lines } = bucket;
      if (lines === 0) continue;
      bucket.leftOut = 0;
      logger.warn(
        { event: EVENTS.logLinesOmitted, of, lines, seconds },
        `${lines} more lines of ${of} within ${seconds} s`,
      );
    }
  }
}
