/**
 * Triggers on a table that a relation mirrors. They write into the change log which facts an insert, an update or a
 * delete has touched, whoever does it. Their names begin with `tidings_` and hold a hash of what they watch, so that
 * programs with different configurations do not disturb each other. They stay when the program stops; those that no
 * configuration needs any more may be dropped by hand.
 */
import { createHash } from 'node:crypto';
import { sql, type RawBuilder, type Transaction } from 'kysely';
import type { Store } from '../../stores/store.ts';
import { triggerFunction } from './migrations.ts';
import type { TableDescription } from './table-columns.ts';

export interface WatchedColumns {
  /** That make the fact, in order. */
  readonly columns: readonly string[];
  /** That decide whether it counts. */
  readonly whereColumns: readonly string[];
}

/** The name of these facts in the change log. */
export function sourceId(table: string, { columns, whereColumns }: WatchedColumns): string {
  return hash([table, columns, whereColumns.toSorted()]);
}

function hash(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}

/** In PostgreSQL, one process at a time makes triggers. Any number, the same in all versions. */
const advisoryLock = 7_421_001;

/** Makes the triggers that are missing. @throws Error of the database, such as a right that is missing. */
export async function createTriggers(
  store: Store,
  id: string,
  table: TableDescription,
  watched: WatchedColumns,
): Promise<void> {
  if (store.dialect === 'sqlite') return createSqliteTriggers(store, id, table, watched);
  return createPostgresTriggers(store, id, table, watched);
}

async function createPostgresTriggers(
  store: Store,
  id: string,
  { schema, table, owned }: TableDescription,
  { columns, whereColumns }: WatchedColumns,
): Promise<void> {
  const on = schema === undefined ? sql.id(table) : sql.id(schema, table);
  const call = sql`execute function ${sql.id(triggerFunction)}(${sql.join([id, ...columns].map((name) => sql.lit(name)))})`;
  const differs = [...columns, ...whereColumns].map(
    (name) => sql`old.${sql.id(name)} is distinct from new.${sql.id(name)}`,
  );
  const triggers: Readonly<Record<string, RawBuilder<unknown>>> = {
    row: sql`after insert or delete on ${on} for each row`,
    update: sql`after update on ${on} for each row when (${sql.join(differs, sql` or `)})`,
    truncate: sql`after truncate on ${on} for each statement`,
  };
  const names = Object.keys(triggers).map((kind) => `tidings_${id}_${kind}`);
  const exist = sql<{ count: number }>`select count(*) as count from pg_trigger
    where tgname in (${sql.join(names)}) and tgrelid = ${schema === undefined ? quoted(table) : `${quoted(schema)}.${quoted(table)}`}::regclass`;
  const whole = async (db: ReturnType<Store['database']>) => (await exist.execute(db)).rows[0]?.count === names.length;
  // Making a trigger locks out writers for a moment, which a start must not do each time.
  if (await whole(store.database())) return;
  await store.transaction(async (tx: Transaction<unknown>) => {
    await sql`select pg_advisory_xact_lock(${advisoryLock})`.execute(tx);
    if (await whole(tx)) return;
    for (const [kind, definition] of Object.entries(triggers)) {
      const name = sql.id(`tidings_${id}_${kind}`);
      await sql`drop trigger if exists ${name} on ${on}`.execute(tx);
      await sql`create trigger ${name} ${definition} ${call}`.execute(tx);
      // Also for rows that come by replication; only the owner can say so.
      if (owned) await sql`alter table ${on} enable always trigger ${name}`.execute(tx);
    }
  });
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

async function createSqliteTriggers(
  store: Store,
  id: string,
  { table, keys }: TableDescription,
  { columns, whereColumns }: WatchedColumns,
): Promise<void> {
  const on = sql.id(table);
  const texts = (row: 'old' | 'new' | undefined) =>
    sql`json_array(${sql.join(columns.map((name) => sql`cast(${row ? sql`${sql.raw(row)}.` : sql``}${sql.id(name)} as text)`))})`;
  const insert = sql`insert into relation_changes (source, args)`;
  const log = (row: 'old' | 'new') => sql`${insert} values (${sql.lit(id)}, ${texts(row)});`;
  const differ = (names: readonly string[]) =>
    sql.join(
      names.map((name) => sql`old.${sql.id(name)} is not new.${sql.id(name)}`),
      sql` or `,
    );
  const triggers: Record<string, RawBuilder<unknown>> = {
    insert: sql`after insert on ${on} begin ${log('new')} end`,
    delete: sql`after delete on ${on} begin ${log('old')} end`,
    update: sql`after update on ${on} when ${differ([...columns, ...whereColumns])} begin ${log('old')} ${log('new')} end`,
  };
  // REPLACE deletes rows with the same key, and no trigger for deletes is told. Where the key has all columns of the fact,
  // that fact is the one that is inserted.
  const replacing = keys.filter((key) => !columns.every((name) => key.includes(name)));
  if (replacing.length > 0) {
    const same = replacing.map(
      (key) =>
        sql`(${sql.join(
          key.map((name) => sql`${sql.id(name)} = new.${sql.id(name)}`),
          sql` and `,
        )})`,
    );
    const logReplaced = sql`begin ${insert} select ${sql.lit(id)}, ${texts(undefined)} from ${on} where ${sql.join(same, sql` or `)}; end`;
    const suffix = hash(replacing).slice(0, 8);
    triggers[`replace_${suffix}`] = sql`before insert on ${on} ${logReplaced}`;
    triggers[`move_${suffix}`] = sql`before update on ${on} when ${differ(replacing.flat())} ${logReplaced}`;
  }
  await store.transaction(async (tx: Transaction<unknown>) => {
    for (const [kind, definition] of Object.entries(triggers)) {
      await sql`create trigger if not exists ${sql.id(`tidings_${id}_${kind}`)} ${definition}`.execute(tx);
    }
  });
}
