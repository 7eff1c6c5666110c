import { openDB } from 'idb';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { stubIndexedDb } from '../../storage/testing/fake-indexed-db.ts';
import { createIndexedDbOutboxStore } from './indexed-db-outbox-store.ts';
import { aRecord, testOutboxStore } from './testing/outbox-store-suite.ts';

beforeEach(() => void stubIndexedDb());
afterEach(() => void vi.unstubAllGlobals());

testOutboxStore('IndexedDB', (user) => createIndexedDbOutboxStore(`outbox ${user}`), true);

test('records that cannot be understood do not keep the others from being sent', async () => {
  await using store = createIndexedDbOutboxStore('outbox');
  await store.add(aRecord('a'), new Map());
  const raw = await openDB('outbox');
  await raw.put('records', { clientId: 'junk' });
  await raw.put('records', { clientId: 'more junk', room: 'r', content: 'x', files: {} });
  raw.close();
  expect((await store.all()).map(({ clientId }) => clientId)).toEqual(['a']);
});

test('a message is stored with all of its files or not at all', async () => {
  await using store = createIndexedDbOutboxStore('outbox');
  const bad = { ...aRecord('a'), content: { data: () => 'no data' } };
  await expect(store.add(bad, new Map([['a.0', new Blob(['x'])]]))).rejects.toMatchObject({ code: 7 });
  expect([await store.all(), await store.file('a', 'a.0')]).toEqual([[], undefined]);
});
