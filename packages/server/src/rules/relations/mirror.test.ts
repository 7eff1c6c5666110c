/** Relations whose facts lie in SQLite. On PostgreSQL: `tests/stores`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { configSchema } from '../../config/schema.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/logger.ts';
import { SqliteStore } from '../../stores/sqlite.ts';
import { testMirrors, type MirrorDatabase } from '../../testing/mirror-suite.ts';
import { eventually } from '../../testing/relation-suite.ts';
import { createRelations } from '../relations.ts';
import { relationMigrations } from './migrations.ts';

const logger = createLogger('silent');

async function sqliteDatabase(): Promise<MirrorDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-mirror-'));
  const file = join(folder, 'test.db');
  return {
    open: () => new SqliteStore({ file, synchronous: 'off', timeoutMs: 5_000, clock: systemClock, logger }),
    remove: () => rm(folder, { recursive: true }),
  };
}

testMirrors('relations on SQLite', sqliteDatabase);

describe('a table of SQLite', () => {
  test.each([
    ['with numbered rows', ''],
    ['WITHOUT ROWID', 'without rowid'],
  ])('%s: what REPLACE removes is gone, also of another fact', async (_, option) => {
    const database = await sqliteDatabase();
    const store = database.open();
    await store.start();
    await store.migrate([relationMigrations]);
    const db = store.database<never>();
    await sql`create table seats (id text primary key, room text, user_id text, unique (room, user_id)) ${sql.raw(option)}`.execute(
      db,
    );
    const put = (id: string, room: string, user: string) =>
      sql`insert or replace into seats values (${id}, ${room}, ${user})`.execute(db);
    await put('s1', 'r', 'u1');
    const relations = createRelations(
      configSchema.parse({
        rules: {
          relations: {
            seat: {
              parameters: { room: 'string', user: 'string' },
              from: 'table',
              table: 'seats',
              columns: ['room', 'user_id'],
            },
          },
        },
      }),
      { store, clock: systemClock, logger },
    );
    await relations.start();
    const facts = () => ['u1', 'u2', 'u3'].filter((user) => relations.related('seat', ['r', user]) === true);
    expect(facts()).toEqual(['u1']);
    await put('s1', 'r', 'u2');
    await eventually(() => expect(facts()).toEqual(['u2']));
    await put('s2', 'r', 'u3');
    await eventually(() => expect(facts()).toEqual(['u2', 'u3']));
    await sql`update or replace seats set id = 's1' where id = 's2'`.execute(db);
    await eventually(() => expect(facts()).toEqual(['u3']));
    await relations.stop();
    await store.stop();
    await database.remove();
  });
});
