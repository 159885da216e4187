/** Takes a stream of server-sent events apart, in whatever pieces it comes. */
export class EventParser {
  readonly #onEvent: (type: string, data: unknown) => void;
  #rest = '';
  #lastId: string | undefined;

  /** `data` is parsed JSON; an event whose data is none is passed over. */
  constructor(onEvent: (type: string, data: unknown) => void) {
    this.#onEvent = onEvent;
  }

  /** Of the last event, for coming back; undefined before the first. */
  get lastId(): string | undefined {
    return this.#lastId;
  }

  receive(text: string): void {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) this.#take(block);
  }

  #take(block: string): void {
    let type = 'message';
    let data: string | undefined;
    for (const line of block.split('\n')) {
      const [, field, value] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
      if (field === 'id') this.#lastId = value;
      else if (field === 'event') type = value ?? '';
      else if (field === 'data') data = value;
    }
    if (data === undefined) return;
    try {
      this.#onEvent(type, JSON.parse(data));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
}
