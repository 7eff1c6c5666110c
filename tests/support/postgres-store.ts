/** A store as a server opens it from its configuration, on a database of a test's PostgreSQL. */
import { createLogger, createStore, systemClock, type Store } from '@tidings/server';

/** @param url of the database. @returns the store, started and migrated. */
export async function openPostgresStore(url: string): Promise<Store & AsyncDisposable> {
  const store = createStore(
    { store: { url, synchronous: 'full', maxConnections: 8, timeout: 5_000, migrate: 'auto' }, dataDir: '' },
    { clock: systemClock, logger: createLogger('silent') },
  );
  await store.start();
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.stop() });
}
