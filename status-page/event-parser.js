// @ts-check

/**
 * @typedef {object} StreamEvent
 * @property {string} type
 * @property {unknown} data
 */

/** Takes a stream of server-sent events apart, in whatever pieces it comes. */
export class EventParser {
  #rest = '';
  /** @type {string | undefined} */
  #lastId;

  /** Of the last event, for coming back; undefined before the first. */
  get lastId() {
    return this.#lastId;
  }

  /** After a connection ended: what was left of it is no part of the next one. */
  startOver() {
    this.#rest = '';
  }

  /** The past is not known: whoever comes back begins anew. */
  forget() {
    this.#lastId = undefined;
  }

  /**
   * The events that this piece completes. Comments and `retry` are passed over.
   *
   * @param {string} piece
   * @returns {readonly StreamEvent[]}
   */
  receive(piece) {
    const blocks = (this.#rest + piece).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => this.#eventOf(block) ?? []);
  }

  /**
   * @param {string} block
   * @returns {StreamEvent | undefined}
   */
  #eventOf(block) {
    const fields = new Map(
      block.split('\n').flatMap((line) => {
        const [, name, value] = /^(id|event|data): ?(.*)$/.exec(line) ?? [];
        return name === undefined || value === undefined ? [] : [/** @type {const} */ ([name, value])];
      }),
    );
    const data = fields.get('data');
    if (data === undefined) return undefined;
    this.#lastId = fields.get('id') ?? this.#lastId;
    return { type: fields.get('event') ?? 'message', data: JSON.parse(data) };
  }
}
