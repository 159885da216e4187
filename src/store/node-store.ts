import type { NodeChange } from '../boot/node-registry.ts';
import { generationCodec, nodeBootCodec, nodeCodec, sharedProfileCodec } from './node-record.ts';
import { RecordTable } from './record-table.ts';
import type { OpeningReport, RecordChange, RecordStore } from './store.ts';

/** Nodes and boot profiles on stable storage. */
export interface NodeStore {
  /**
   * Everything that was kept, as changes for `NodeRegistry.apply`, and what could not be read. Shared profiles come
   * before the nodes that use them. Once, before any commit.
   */
  load(): Promise<{ readonly changes: readonly NodeChange[]; readonly report: OpeningReport }>;
  /** Resolves when the changes would survive a power cut; rejects with StoreError. All of them are kept, or none. */
  commit(changes: readonly NodeChange[]): Promise<void>;
}

const GENERATION = 'generation';

/** A node store in the records below `node/`, `boot/`, `profile/` and `counter/`. */
export function createNodeStore(store: RecordStore): NodeStore {
  const nodes = new RecordTable(store, nodeCodec);
  const boots = new RecordTable(store, nodeBootCodec);
  const sharedProfiles = new RecordTable(store, sharedProfileCodec);
  const counters = new RecordTable(store, generationCodec);

  function encode(change: NodeChange): readonly RecordChange[] {
    switch (change.kind) {
      case 'node.put':
        return nodes.put(change.node.uuid, change.node);
      case 'node.delete':
        return nodes.delete(change.uuid);
      case 'boot-profile.put':
        return boots.put(change.uuid, { uuid: change.uuid, boot: change.boot });
      case 'boot-profile.delete':
        return boots.delete(change.uuid);
      case 'shared-profile.put':
        return sharedProfiles.put(change.shared.name, change.shared);
      case 'shared-profile.delete':
        return sharedProfiles.delete(change.name);
      case 'generation.put':
        return counters.put(GENERATION, change.generation);
    }
  }

  return {
    async load() {
      const counted = await counters.load();
      const shared = await sharedProfiles.load();
      const named = await nodes.load();
      const booting = await boots.load();
      return {
        changes: [
          ...counted.values.map((generation): NodeChange => ({ kind: 'generation.put', generation })),
          ...shared.values.map((profile): NodeChange => ({ kind: 'shared-profile.put', shared: profile })),
          ...named.values.map((node): NodeChange => ({ kind: 'node.put', node })),
          ...booting.values.map((boot): NodeChange => ({ kind: 'boot-profile.put', ...boot })),
        ],
        report: [counted, shared, named, booting].flatMap(({ report }) => report),
      };
    },

    async commit(changes) {
      const records = changes.flatMap(encode);
      if (records.length > 0) await store.commit(records);
    },
  };
}
