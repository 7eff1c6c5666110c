import type { DBSchema } from 'idb';
import { forceCloseDatabase } from 'fake-indexeddb';
import { openDB, unwrap } from 'idb';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type DatabaseUpgrade, DeviceDatabase } from './device-database.ts';
import { stubIndexedDb } from './testing/fake-indexed-db.ts';

interface Schema extends DBSchema {
  first: { key: string; value: string };
  second: { key: string; value: string };
}

const first: DatabaseUpgrade<Schema> = (database) => void database.createObjectStore('first');
const second: DatabaseUpgrade<Schema> = (database, transaction) => {
  database.createObjectStore('second');
  void transaction.objectStore('second').put('made on the way', 'a');
};

beforeEach(() => void stubIndexedDb());
afterEach(() => void vi.unstubAllGlobals());

const put = (database: DeviceDatabase<Schema>, value: string): Promise<void> =>
  database.run(['first'], 'readwrite', async (tx) => void (await tx.objectStore('first').put(value, 'a')));
const get = (database: DeviceDatabase<Schema>, store: 'first' | 'second' = 'first'): Promise<string | undefined> =>
  database.run([store], 'readonly', (tx) => tx.objectStore(store).get('a'));

test('upgrades run in order, from whatever version is there', async () => {
  const old = new DeviceDatabase<Schema>({ name: 'd', upgrades: [first] });
  await put(old, 'kept');
  // The old one is still open: it lets go.
  const newer = new DeviceDatabase<Schema>({ name: 'd', upgrades: [first, second] });
  expect([await get(newer), await get(newer, 'second')]).toEqual(['kept', 'made on the way']);
  const fresh = new DeviceDatabase<Schema>({ name: 'other', upgrades: [first, second] });
  expect([await get(fresh), await get(fresh, 'second')]).toEqual([undefined, 'made on the way']);
  await Promise.all([old, newer, fresh].map((database) => database.close()));
});

test('a tab that does not let go of an older version is not waited for; later it works', async () => {
  const stubborn = await openDB('d', 1, { upgrade: (database) => void database.createObjectStore('first') });
  const newer = new DeviceDatabase<Schema>({ name: 'd', upgrades: [first, second], openTimeoutMs: 20 });
  await expect(get(newer)).rejects.toMatchObject({
    code: 7,
    message: expect.stringContaining('another tab') as string,
  });
  stubborn.close();
  await vi.waitFor(async () => expect(await get(newer, 'second')).toBe('made on the way'));
  await newer.close();
});

test('after the browser has closed the connection, the next one works', async () => {
  const database = new DeviceDatabase<Schema>({ name: 'd', upgrades: [first] });
  let connection: IDBDatabase | undefined;
  await database.run(['first'], 'readwrite', async (tx) => {
    connection = unwrap(tx.db);
    await tx.objectStore('first').put('kept', 'a');
  });
  // Its types say that it takes the class.
  forceCloseDatabase(connection as never);
  expect(await Promise.all([get(database), get(database)])).toEqual(['kept', 'kept']);
  await database.close();
});

test('work that fails leaves nothing behind, and the next one works', async () => {
  const database = new DeviceDatabase<Schema>({ name: 'd', upgrades: [first] });
  const failing = database.run(['first'], 'readwrite', async (tx) => {
    await tx.objectStore('first').put('half', 'a');
    throw new Error('on the way');
  });
  await expect(failing).rejects.toMatchObject({ code: 7, message: expect.stringContaining('on the way') as string });
  expect(await get(database)).toBeUndefined();
  await put(database, 'whole');
  expect(await get(database)).toBe('whole');
  await database.close();
});

test('after closing it is refused', async () => {
  const database = new DeviceDatabase<Schema>({ name: 'd', upgrades: [first] });
  await put(database, 'x');
  await database.close();
  await expect(get(database)).rejects.toMatchObject({ code: 3 });
});
