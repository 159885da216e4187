// @ts-check

import { learnClock, refusalOf } from './control-api.js';
import { EventParser } from './event-parser.js';

/** bootd sends a comment every 15 seconds; without two of them the connection is taken for dead. */
const SILENCE_MS = 40_000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;

/**
 * Who follows.
 *
 * @typedef {object} Follower
 * @property {() => Promise<void>} resync The past is not known: read everything again. Runs while events come.
 * @property {(event: import('./event-parser.js').StreamEvent) => void} event
 * @property {() => void} connected
 * @property {() => void} heard Something came, if only a comment.
 * @property {(reason: string) => void} lost
 */

/**
 * Follows `v1/events` for ever. Not an EventSource: that one gives up after a refusal without telling it, and does not
 * notice a connection that died without a word, as that of a laptop which slept.
 *
 * @param {Follower} follower
 * @returns {Promise<never>}
 */
export async function followEvents(follower) {
  const parser = new EventParser();
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    const reason = await followOnce(parser, follower, () => (pauseMs = FIRST_PAUSE_MS));
    follower.lost(reason);
    // Not all pages of a site at once, after bootd was restarted.
    await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.75 + Math.random() / 2)));
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}

/**
 * One connection, to its end; resolves with the reason.
 *
 * @param {EventParser} parser
 * @param {Follower} follower
 * @param {() => void} onConnected
 * @returns {Promise<string>}
 */
async function followOnce(parser, follower, onConnected) {
  const abort = new AbortController();
  /** @type {unknown} */
  let failure;
  let watchdog = setTimeout(() => abort.abort(), SILENCE_MS);
  const alive = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => abort.abort(), SILENCE_MS);
    follower.heard();
  };
  try {
    const { lastId } = parser;
    parser.startOver();
    const response = await fetch('v1/events', {
      cache: 'no-store',
      signal: abort.signal,
      headers: lastId === undefined ? {} : { 'last-event-id': lastId },
    });
    learnClock(response);
    if (!response.ok || response.body === null) return (await refusalOf(response)).message;
    alive();
    // The stream is read while everything is: bootd cuts off who lets too much of it wait.
    const resync = () =>
      follower.resync().catch((/** @type {unknown} */ error) => {
        parser.forget();
        failure = error;
        abort.abort();
      });
    // Without an id nothing is sent of what was missed.
    if (lastId === undefined) void resync();
    follower.connected();
    onConnected();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return 'bootd closed the connection';
      alive();
      for (const event of parser.receive(value)) {
        if (event.type === 'gap') void resync();
        else follower.event(event);
      }
    }
  } catch (error) {
    if (failure instanceof Error && !(failure instanceof TypeError)) return failure.message;
    if (abort.signal.aborted && failure === undefined)
      return `Nothing was heard for ${SILENCE_MS / 1000} seconds`;
    return error instanceof TypeError || !(error instanceof Error) ? 'bootd does not answer' : error.message;
  } finally {
    clearTimeout(watchdog);
    abort.abort();
  }
}
