/** The databases that chat is measured on: a SQLite file on this disk, and a PostgreSQL server of its own beside it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { postgresFolder, startPostgres } from '../tests/support/postgres.ts';
import { benchSecret, nodeCommand } from './contestants.ts';
import { withServer, type ServerProcess } from './server-process.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export type StoreName = 'sqlite' | 'postgres';
export const storeTitles: Readonly<Record<StoreName, string>> = { sqlite: 'SQLite', postgres: 'PostgreSQL' };
/** Key of the server API, of servers that only this machine reaches. */
export const chatApiKey = 'benchmarks-only';

/** Where PostgreSQL is not installed, only SQLite. */
export const chatStores: readonly StoreName[] = postgresFolder() === undefined ? ['sqlite'] : ['sqlite', 'postgres'];

export interface EmptyStore {
  /** For files. It lies in the tree: a temporary folder may be in memory, where nothing waits for a disk. */
  readonly folder: string;
  /** What stands under `store` in the configuration. */
  readonly store: { readonly url?: string };
}

/** Makes an empty database, does the work, and removes it whatever happens. */
export async function withStore<T>(name: StoreName, work: (store: EmptyStore) => Promise<T>): Promise<T> {
  mkdirSync(here('.build'), { recursive: true });
  const folder = mkdtempSync(here('.build/chat-'));
  try {
    if (name === 'sqlite') return await work({ folder, store: {} });
    const postgres = await startPostgres();
    try {
      return await work({ folder, store: { url: postgres.url } });
    } finally {
      await postgres.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** … and starts a server with chat on it: production mode, tokens checked, commits that survive a power cut. */
export function withChatServer<T>(name: StoreName, work: (server: ServerProcess) => Promise<T>): Promise<T> {
  return withStore(name, ({ folder, store }) => {
    const file = join(folder, 'config.json');
    const config = {
      mode: 'production',
      log: { level: 'warn' },
      dataDir: folder,
      auth: { jwt: { hmacSecret: benchSecret() } },
      api: { keys: [chatApiKey] },
      limits: { commandsPerSecondPerConnection: 0 },
      store: { ...store, synchronous: 'full' },
      chat: { enabled: true },
    };
    writeFileSync(file, JSON.stringify(config));
    return withServer(nodeCommand('tidings', here('../packages/cli/src/main.ts'), 'serve', '--config', file), work);
  });
}
