import type { NodeChange } from '../../../src/boot/node-registry.ts';
import type { NodeStore } from '../../../src/store/node-store.ts';
import { StoreError, type OpeningReport } from '../../../src/store/store.ts';

/** A NodeStore in memory, whose flushes can be held up or made to fail. */
export class FakeNodeStore implements NodeStore {
  readonly committed: (readonly NodeChange[])[] = [];
  report: OpeningReport = [];
  failure: string | undefined;
  /** While this is there, a commit waits for it. */
  gate: Promise<void> | undefined;

  load(): Promise<{ readonly changes: readonly NodeChange[]; readonly report: OpeningReport }> {
    return Promise.resolve({ changes: this.committed.flat(), report: this.report });
  }

  async commit(changes: readonly NodeChange[]): Promise<void> {
    await this.gate;
    if (this.failure !== undefined) throw new StoreError('failing', this.failure);
    this.committed.push(changes);
  }
}
