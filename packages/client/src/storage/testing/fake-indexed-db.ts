/** IndexedDB for tests in Node: a new one for each test, taken away again. */
import * as fake from 'fake-indexeddb';
import { vi } from 'vitest';

/** @returns the factory; `vi.unstubAllGlobals()` takes it away. */
export function stubIndexedDb(): IDBFactory {
  const { default: _, forceCloseDatabase: __, indexedDB: ___, ...constructors } = fake;
  for (const [name, value] of Object.entries(constructors)) vi.stubGlobal(name, value);
  const factory = new fake.IDBFactory();
  vi.stubGlobal('indexedDB', factory);
  return factory;
}
