/**
 * Which facts may have changed in the database, in a table that every process reads: `relation_changes`. It only says
 * which facts to look at again; what holds is read where the facts are. So reading a change twice does no harm, and a
 * reader must only never miss one.
 *
 * How far a reader has come is a position. On SQLite, where one writes at a time, it is the number of the last change. On
 * PostgreSQL a later number may be committed before an earlier one, so there it is a snapshot: the next read takes what
 * that snapshot did not see.
 */
import { sql, type Kysely, type Transaction } from 'kysely';
import type { Store } from '../../stores/store.ts';
import { changesTopic } from './migrations.ts';

export interface Change {
  /** Whose facts: a name that writer and reader agree on. */
  readonly source: string;
  /** The arguments as text; undefined: any fact of the source. */
  readonly args: readonly (string | null)[] | undefined;
}

export interface Changes {
  /** Undefined if there are too many: everything may have changed. */
  readonly changes: readonly Change[] | undefined;
  readonly position: string;
}

/** With more changes than this at once, reading all facts anew is the lesser work. */
const maxChanges = 20_000;

interface Row {
  readonly position: string;
  readonly source: string | null;
  readonly args: string | null;
}

export class ChangeLog {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Where somebody begins who reads all facts after this call. */
  async position(): Promise<string> {
    const db = this.#store.database<never>();
    const query =
      this.#store.dialect === 'sqlite'
        ? sql<{ position: string }>`select cast(coalesce(max(seq), 0) as text) as position from relation_changes`
        : sql<{ position: string }>`select pg_current_snapshot()::text as position`;
    const { rows } = await query.execute(db);
    return (rows[0] as { position: string }).position;
  }

  /** What was committed since a position, in order, and the position behind it. */
  async read(after: string): Promise<Changes> {
    const db = this.#store.database<never>();
    const { rows } = await (this.#store.dialect === 'sqlite' ? readSqlite(after) : readPostgres(after)).execute(db);
    const position = rows.at(-1)?.position ?? after;
    if (rows.length > maxChanges) return { changes: undefined, position: await this.position() };
    const changes = rows.flatMap(({ source, args }): Change[] =>
      source === null ? [] : [{ source, args: args === null ? undefined : (JSON.parse(args) as (string | null)[]) }],
    );
    return { changes, position };
  }

  /** Adds changes of facts that are written in the same transaction, and tells all readers once it is committed. */
  async add(tx: Transaction<never>, source: string, facts: readonly (readonly string[])[]): Promise<void> {
    if (facts.length === 0) return;
    const rows = facts.map((args) => sql`(${source}, ${JSON.stringify(args)})`);
    await sql`insert into relation_changes (source, args) values ${sql.join(rows)}`.execute(tx);
    await this.#store.notify(changesTopic, '', tx);
  }

  /** Forgets what everybody has read: all before a position that is older than any reader may be behind. */
  async trim(before: string): Promise<void> {
    const db: Kysely<never> = this.#store.database();
    const query =
      this.#store.dialect === 'sqlite'
        ? sql`delete from relation_changes where seq <= cast(${before} as integer)`
        : // Numbers of transactions to come are left from the dump of another database.
          sql`delete from relation_changes where txid < pg_snapshot_xmin(${before}::pg_snapshot)
              or txid >= pg_snapshot_xmax(pg_current_snapshot())`;
    await query.execute(db);
  }
}

function readSqlite(after: string) {
  return sql<Row>`select cast(seq as text) as position, source, args from relation_changes
    where seq > cast(${after} as integer) order by seq limit ${maxChanges + 1}`;
}

/** A row also without changes, as the position moves on with every transaction of the database. */
function readPostgres(after: string) {
  return sql<Row>`select now.position, change.source, change.args
    from (select pg_current_snapshot()::text as position) as now
    left join (
      select seq, source, args from relation_changes
      where txid >= pg_snapshot_xmin(${after}::pg_snapshot)
        and txid < pg_snapshot_xmax(pg_current_snapshot())
        and not pg_visible_in_snapshot(txid, ${after}::pg_snapshot)
      order by seq limit ${maxChanges + 1}
    ) as change on true
    order by change.seq`;
}
