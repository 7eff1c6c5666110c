/** The part of the composition root that opens the database, for whatever keeps something there. */
import type { Component } from './component.ts';
import type { Config } from './config/schema.ts';
import { chatMigrations } from './modules/chat/migrations/chat-migrations.ts';
import { relationMigrations } from './rules/relations/migrations.ts';
import type { MigrationSet, Store } from './stores/store.ts';

/** Everything that `tidings migrate` applies. */
export const migrationSets: readonly MigrationSet[] = [relationMigrations, chatMigrations];

/**
 * The store, with its schema brought up to date.
 * @param sets of what this engine uses.
 */
export function storeComponent(store: Store, { store: { migrate } }: Config, sets: readonly MigrationSet[]): Component {
  return {
    name: 'store',
    async start() {
      await store.start();
      try {
        if (migrate === 'auto') await store.migrate(sets);
        else await requireMigrated(store, sets);
      } catch (error) {
        await store.stop();
        throw error;
      }
    },
    stop: () => store.stop(),
  };
}

async function requireMigrated(store: Store, sets: readonly MigrationSet[]): Promise<void> {
  const missing = (await store.migrationStatus(sets)).filter(({ appliedAt }) => appliedAt === undefined);
  if (missing.length === 0) return;
  const names = missing.map(({ owner, id }) => `${owner} ${id}`).join(', ');
  throw new Error(`the database lacks migrations (${names}). Run \`tidings migrate\`, or set store.migrate: auto.`);
}
