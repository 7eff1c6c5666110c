/** The tables of relations in the store, and on PostgreSQL the function that triggers on other tables call. */
import { sql, type Kysely } from 'kysely';
import type { MigrationSet, StoreDialect } from '../../stores/store.ts';

/** What the change log tells its readers, as a topic of `Store.notify`. */
export const changesTopic = 'relations';

/** The function that triggers call in PostgreSQL. */
export const triggerFunction = 'tidings_relation_changed';

async function firstTables(db: Kysely<unknown>, dialect: StoreDialect): Promise<void> {
  const text = sql.raw(dialect === 'postgres' ? 'text collate "C"' : 'text');
  await sql`create table relation_facts (
    relation ${text} not null, key ${text} not null, args text not null, primary key (relation, key)
  )`.execute(db);
  if (dialect === 'sqlite') {
    // Without autoincrement a number would be given again after the log was trimmed, and readers would miss it.
    await sql`create table relation_changes (
      seq integer primary key autoincrement, source text not null, args text
    )`.execute(db);
    return;
  }
  await sql`create table relation_changes (
    seq bigint generated always as identity primary key,
    source text not null,
    args text,
    txid xid8 not null default pg_current_xact_id()
  )`.execute(db);
  await sql`create index relation_changes_txid on relation_changes (txid)`.execute(db);
  await createTriggerFunction(db);
}

/**
 * Whoever writes to a table that a relation mirrors runs this, whatever role and search path they have: it writes with
 * the rights of its owner, to the schema it was made in. What it notifies is what `Store.notify` sends for `changesTopic`.
 */
async function createTriggerFunction(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql<{ schema: string }>`select current_schema() as schema`.execute(db);
  const log = sql.id((rows[0] as { schema: string }).schema, 'relation_changes');
  const log_args = (row: 'old' | 'new') =>
    sql.raw(`(select json_agg(to_jsonb(${row}) ->> name order by place)::text
        from unnest(tg_argv[1:]) with ordinality as columns (name, place))`);
  await sql`create function ${sql.id(triggerFunction)}() returns trigger
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
    begin
      if tg_op = 'TRUNCATE' then
        insert into ${log} (source, args) values (tg_argv[0], null);
      end if;
      if tg_op = 'DELETE' or tg_op = 'UPDATE' then
        insert into ${log} (source, args) values (tg_argv[0], ${log_args('old')});
      end if;
      if tg_op = 'INSERT' or tg_op = 'UPDATE' then
        insert into ${log} (source, args) values (tg_argv[0], ${log_args('new')});
      end if;
      perform pg_notify('tidings', ${sql.lit(`${changesTopic}\n`)});
      return null;
    end $$`.execute(db);
}

export const relationMigrations: MigrationSet = {
  owner: 'relations',
  migrations: [{ id: '0001-facts-and-changes', up: firstTables }],
};
