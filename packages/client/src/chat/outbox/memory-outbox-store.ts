/** For as long as the program runs: in Node and React Native, and where a browser gives no storage. */
import type { OutboxRecord, OutboxStore } from './outbox-store.ts';

export function createMemoryOutboxStore(): OutboxStore {
  const records = new Map<string, { readonly record: OutboxRecord; readonly files: ReadonlyMap<string, Blob> }>();
  return {
    all: () => Promise.resolve([...records.values()].map(({ record }) => record)),
    async add(record, files) {
      records.set(record.clientId, { record, files });
    },
    file: (clientId, key) => Promise.resolve(records.get(clientId)?.files.get(key)),
    async change(clientId, change) {
      const kept = records.get(clientId);
      if (kept) records.set(clientId, { ...kept, record: change(kept.record) });
    },
    async remove(clientId) {
      records.delete(clientId);
    },
    async clear() {
      records.clear();
    },
    async [Symbol.asyncDispose]() {},
  };
}
