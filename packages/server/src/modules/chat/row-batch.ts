/**
 * Many rows in as few words as each database likes best, with texts of statements that never change, so that they are
 * parsed and planned once: SQLite runs a prepared statement for each row, PostgreSQL one for all rows, which it gets as
 * one JSON text. What is put into a batch runs in that order, on PostgreSQL in one round trip.
 *
 * Path of a message: command → writer → rows → **batch** → store → outbox.
 */
import { CompiledQuery, type Transaction } from 'kysely';
import type { BatchConnection, BoundColumn, StoreDialect } from '../../stores/store.ts';
import type { ChatTables } from './tables.ts';

type Kinds<Row> = { readonly [Column in keyof Row]-?: 'text' | 'int' };
type Tables = { readonly [Table in BatchTable]: Kinds<ChatTables[Table]> };
export type BatchTable = 'chat_rooms' | 'chat_members' | 'chat_messages' | 'chat_restrictions' | 'chat_outbox';

/** Every column of the tables that a batch may read and write. */
const tables: Tables = {
  chat_rooms: {
    id: 'text',
    epoch: 'text',
    kind: 'text',
    dm_key: 'text',
    name: 'text',
    topic: 'text',
    data: 'text',
    created_by: 'text',
    created_at: 'int',
    last_seq: 'int',
    last_at: 'int',
    ucount: 'int',
    rev: 'int',
    min_rev: 'int',
    changed_rev: 'int',
    member_count: 'int',
    slow_ms: 'int',
    retention_ms: 'int',
    frozen: 'int',
    deleted_at: 'int',
  },
  chat_members: {
    room_id: 'text',
    user_id: 'text',
    role: 'text',
    state: 'text',
    joined_seq: 'int',
    joined_at: 'int',
    read_seq: 'int',
    read_ucount: 'int',
    delivered_seq: 'int',
    mention_count: 'int',
    mute_until: 'int',
    notify: 'text',
    pinned: 'int',
    archived: 'int',
    rev: 'int',
    updated_at: 'int',
    sent_at: 'int',
  },
  chat_messages: {
    room_id: 'text',
    seq: 'int',
    id: 'text',
    sender_id: 'text',
    client_id: 'text',
    client_hash: 'text',
    ucount: 'int',
    rev: 'int',
    first_rev: 'int',
    kind: 'text',
    thread_seq: 'int',
    reply_seq: 'int',
    body: 'text',
    reactions: 'text',
    poll: 'text',
    thread_count: 'int',
    thread_last_seq: 'int',
    thread_last_at: 'int',
    silent: 'int',
    shadow: 'int',
    version: 'int',
    pinned_at: 'int',
    created_at: 'int',
    edited_at: 'int',
    deleted_at: 'int',
  },
  chat_restrictions: {
    scope: 'text',
    user_id: 'text',
    kind: 'text',
    reason: 'text',
    until: 'int',
    created_by: 'text',
    created_at: 'int',
  },
  chat_outbox: { id: 'text', room_id: 'text', rev: 'int', entry: 'text', created_at: 'int' },
};

type Column<Table extends BatchTable> = keyof ChatTables[Table] & string;
type Key = readonly (string | number)[];

interface Statement {
  readonly sql: string;
  /** The statement runs once with each. */
  readonly runs: readonly (readonly unknown[])[];
  readonly found?: (rows: never[]) => void;
}

/** On SQLite: the statement runs once with these columns of each row. */
interface RowStatement {
  readonly sql: string;
  readonly columns: readonly BoundColumn[];
  readonly rows: readonly object[];
}

export class RowBatch {
  readonly #dialect: StoreDialect;
  readonly #statements: (Statement | RowStatement)[] = [];

  constructor(dialect: StoreDialect) {
    this.#dialect = dialect;
  }

  /**
   * Reads the rows that have one of the keys.
   * @param columns what a key is made of.
   * @param found is called once, with all of them in no order.
   * @param lock until the commit, in the order of the keys; SQLite has one writer, which needs none.
   */
  find<Table extends BatchTable>(
    table: Table,
    columns: readonly Column<Table>[],
    keys: readonly Key[],
    found: (rows: ChatTables[Table][]) => void,
    lock = false,
  ): void {
    if (keys.length === 0) return;
    const sql =
      this.#dialect === 'sqlite'
        ? `select * from ${table} where ${columns.map((column) => `${column} = ?`).join(' and ')}`
        : findByIndex(table, columns, lock);
    this.#byKeys(sql, columns, keys, found as (rows: never[]) => void);
  }

  insert<Table extends BatchTable>(table: Table, rows: readonly ChatTables[Table][]): void {
    this.#write(table, rows, '');
  }

  /** Inserts rows, or changes those that have the same key. */
  put<Table extends BatchTable>(table: Table, key: readonly Column<Table>[], rows: readonly ChatTables[Table][]): void {
    const others = Object.keys(tables[table]).filter((column) => !(key as readonly string[]).includes(column));
    this.#write(table, rows, onConflict(key, others));
  }

  /** Changes these columns of rows that are there, and leaves the indexes of the others alone. */
  update<Table extends BatchTable>(
    table: Table,
    key: readonly Column<Table>[],
    columns: readonly Column<Table>[],
    rows: readonly ChatTables[Table][],
  ): void {
    if (rows.length === 0) return;
    if (this.#dialect === 'postgres') {
      this.#write(table, rows, onConflict(key, columns));
      return;
    }
    const set = columns.map((column) => `${column} = ?`).join(', ');
    const where = key.map((column) => `${column} = ?`).join(' and ');
    const parameters = boundColumns(table, [...columns, ...key]);
    this.#statements.push({ sql: `update ${table} set ${set} where ${where}`, columns: parameters, rows });
  }

  /** @param column that has an index. */
  remove<Table extends BatchTable>(table: Table, column: Column<Table>, keys: readonly (string | number)[]): void {
    if (keys.length === 0) return;
    const which = this.#dialect === 'sqlite' ? '= ?' : `= any(array(select ${column} from ${keysOf(table, [column])}))`;
    const sql = `delete from ${table} where ${column} ${which}`;
    this.#byKeys(
      sql,
      [column],
      keys.map((key) => [key]),
    );
  }

  /** Any other statement. */
  add({ sql, parameters }: CompiledQuery): void {
    this.#statements.push({ sql, runs: [parameters] });
  }

  /** Runs all of it, and empties the batch. @throws what the first statement that failed has thrown. */
  async run(db: Transaction<ChatTables>): Promise<void> {
    await (
      await this.give(db)
    ).done;
  }

  /**
   * Gives all of it to the connection, and empties the batch. Who commits next need not wait until it is done: if one of
   * the statements fails, so does the commit.
   */
  async give(db: Transaction<ChatTables>): Promise<{ readonly done: Promise<void> }> {
    const statements = this.#statements.splice(0);
    if (statements.length === 0) return { done: Promise.resolve() };
    // On the connection itself: through `db` each statement would wait for the answer to the one before.
    return db.getExecutor().provideConnection(async (connection) => {
      const done = Promise.all(statements.map((statement) => execute(connection, statement))).then((results) =>
        statements.forEach((statement, at) => {
          if ('found' in statement) statement.found?.(results[at] as never[]);
        }),
      );
      done.catch(() => {});
      return { done };
    });
  }

  #write<Table extends BatchTable>(table: Table, rows: readonly ChatTables[Table][], onConflict: string): void {
    if (rows.length === 0) return;
    const columns = Object.keys(tables[table]) as Column<Table>[];
    const into = `insert into ${table} (${columns.join(', ')})`;
    if (this.#dialect === 'sqlite') {
      const values = columns.map(() => '?').join(', ');
      const sql = `${into} values (${values})${onConflict}`;
      this.#statements.push({ sql, columns: boundColumns(table, columns), rows });
    } else {
      const from = `select ${columns.join(', ')} from json_populate_recordset(null::${table}, $1)`;
      this.#statements.push({ sql: `${into} ${from}${onConflict}`, runs: [[JSON.stringify(rows)]] });
    }
  }

  #byKeys(sql: string, columns: readonly string[], keys: readonly Key[], found?: Statement['found']): void {
    const runs =
      this.#dialect === 'sqlite'
        ? keys
        : [[JSON.stringify(keys.map((key) => Object.fromEntries(columns.map((column, at) => [column, key[at]]))))]];
    this.#statements.push({ sql, runs, ...(found && { found }) });
  }
}

function boundColumns<Table extends BatchTable>(table: Table, columns: readonly Column<Table>[]): BoundColumn[] {
  return columns.map((name) => ({ name, kind: tables[table][name] }));
}

/** The keys as a table of PostgreSQL. */
function keysOf<Table extends BatchTable>(table: Table, columns: readonly Column<Table>[]): string {
  const typed = columns.map(
    (column) => `${column} ${tables[table][column] === 'text' ? 'text collate "C"' : 'bigint'}`,
  );
  return `json_to_recordset($1) k(${typed.join(', ')})`;
}

/**
 * For PostgreSQL: one look into the index for each key. `offset 0` keeps the planner from making a join of it, whose plan
 * for a table that is small now would read all of it when it is large: plans are kept.
 */
function findByIndex<Table extends BatchTable>(table: Table, columns: readonly Column<Table>[], lock: boolean): string {
  const keys = keysOf(table, columns);
  const ordered = lock ? `(select * from ${keys} order by ${columns.join(', ')}) k` : keys;
  const same = columns.map((column) => `${column} = k.${column}`).join(' and ');
  const row = `select * from ${table} where ${same} offset 0${lock ? ' for update' : ''}`;
  return `select t.* from ${ordered} cross join lateral (${row}) t`;
}

function onConflict(key: readonly string[], columns: readonly string[]): string {
  const set = columns.map((column) => `${column} = excluded.${column}`).join(', ');
  return ` on conflict (${key.join(', ')}) do update set ${set}`;
}

/** @returns the rows of all its runs. */
async function execute(connection: BatchConnection, statement: Statement | RowStatement): Promise<unknown[]> {
  if ('rows' in statement) {
    if (!connection.executeRows) throw new Error('the connection takes no rows');
    await connection.executeRows(statement.sql, statement.columns, statement.rows);
    return [];
  }
  const { sql, runs } = statement;
  if (connection.executeRuns) return connection.executeRuns(sql, runs);
  const query = CompiledQuery.raw(sql);
  const results = await Promise.all(runs.map((parameters) => connection.executeQuery({ ...query, parameters })));
  return results.flatMap(({ rows }) => rows);
}
