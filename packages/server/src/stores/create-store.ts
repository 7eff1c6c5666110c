/** Which store a configuration means. */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { PostgresStore } from './postgres.ts';
import { SqliteStore } from './sqlite.ts';
import type { Store } from './store.ts';

/** Name of the file in `dataDir`. */
const fileName = 'tidings.sqlite';

/**
 * Makes the store, not started: PostgreSQL if `store.url` says so, else a SQLite file in `dataDir`.
 * @throws Error for a URL of another kind; it does not say the URL, which may hold a password.
 */
export function createStore(
  { store, dataDir }: Pick<Config, 'store' | 'dataDir'>,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Store {
  const { url, synchronous, maxConnections, timeout: timeoutMs } = store;
  if (url === undefined) {
    return new SqliteStore({ file: join(dataDir, fileName), synchronous, timeoutMs, clock, logger });
  }
  if (!/^postgres(ql)?:\/\//.test(url)) {
    throw new Error('store.url is of an unknown kind; valid: postgres://user:password@host:port/database');
  }
  return new PostgresStore({ url, maxConnections, timeoutMs, clock, logger });
}
