/**
 * The outbox in IndexedDB, in a database of its own: what is here is not a copy, so that it never goes with the cache.
 * Files lie apart from the messages, so that reading what waits does not read them.
 */
import type { DBSchema } from 'idb';
import { type DatabaseUpgrade, DeviceDatabase } from '../../storage/device-database.ts';
import type { OutboxRecord, OutboxStore } from './outbox-store.ts';

interface OutboxSchema extends DBSchema {
  records: { key: string; value: OutboxRecord };
  files: { key: [clientId: string, key: string]; value: Blob };
}

const upgrades: readonly DatabaseUpgrade<OutboxSchema>[] = [
  (database) => {
    database.createObjectStore('records', { keyPath: 'clientId' });
    database.createObjectStore('files');
  },
];

/** @param name of the database: one for each server and user. */
export function createIndexedDbOutboxStore(name: string): OutboxStore {
  const database = new DeviceDatabase({ name, upgrades });
  return {
    all: () =>
      database.run(['records'], 'readonly', async (tx) => (await tx.objectStore('records').getAll()).filter(isRecord)),
    add: (record, files) =>
      database.run(['records', 'files'], 'readwrite', async (tx) => {
        for (const [key, bytes] of files) await tx.objectStore('files').put(bytes, [record.clientId, key]);
        await tx.objectStore('records').put(record);
      }),
    file: (clientId, key) => database.run(['files'], 'readonly', (tx) => tx.objectStore('files').get([clientId, key])),
    change: (clientId, change) =>
      database.run(['records'], 'readwrite', async (tx) => {
        const record = await tx.objectStore('records').get(clientId);
        if (isRecord(record)) await tx.objectStore('records').put(change(record));
      }),
    remove: (clientId) =>
      database.run(['records', 'files'], 'readwrite', async (tx) => {
        await tx.objectStore('records').delete(clientId);
        // An array is behind every text: all files of this one.
        await tx.objectStore('files').delete(IDBKeyRange.bound([clientId], [clientId, []]));
      }),
    clear: () =>
      database.run(['records', 'files'], 'readwrite', async (tx) => {
        await Promise.all([tx.objectStore('records').clear(), tx.objectStore('files').clear()]);
      }),
    [Symbol.asyncDispose]: () => database.close(),
  };
}

function isRecord(value: unknown): value is OutboxRecord {
  const record = value as Partial<OutboxRecord> | undefined;
  return typeof record?.room === 'string' && typeof record.content === 'object' && Array.isArray(record.files);
}
