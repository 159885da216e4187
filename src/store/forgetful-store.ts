import type { RecordStore } from './store.ts';

/** Takes everything and keeps nothing: for what is only played. */
export const FORGETFUL_STORE: RecordStore = {
  // eslint-disable-next-line @typescript-eslint/require-await -- the interface is asynchronous, the emptiness is not
  async *load() {
    yield* [];
  },
  commit: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
