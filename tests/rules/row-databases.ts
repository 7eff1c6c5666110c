/** The table of `row-table.ts` in real databases, and what a rule says of its rows: true, false, or null for an error. */
import { DatabaseSync } from 'node:sqlite';
import { compileClosure } from '../../packages/server/src/rules/compile-closure.ts';
import { compileSql } from '../../packages/server/src/rules/compile-sql.ts';
import type { TypedExpr } from '../../packages/server/src/rules/syntax.ts';
import { Timestamp, type Environment, type Value } from '../../packages/server/src/rules/value.ts';
import { columnNames, friendFacts, memberFacts, relations, rowTable, type ColumnName, type Row } from './row-table.ts';
import { floorTo } from './row-values.ts';

export type Verdict = boolean | null;

/** What JavaScript says. */
export function evaluateRows(expr: TypedExpr, user: Environment, rows: readonly Row[]): Verdict[] {
  const evaluate = compileClosure(expr);
  return rows.map((row) => {
    const value = evaluate({ ...user, row }, relations);
    return typeof value === 'boolean' ? value : null;
  });
}

/** The rows of which two say different things, to be compared with an empty list. */
export function differences(rows: readonly Row[], expected: readonly Verdict[], found: readonly Verdict[]): unknown[] {
  return rows.flatMap((row, index) =>
    expected[index] === found[index] ? [] : [{ row, expected: expected[index], found: found[index] }],
  );
}

/** The name of the column in the database. */
export function columnName(name: ColumnName): string {
  return `"${(rowTable.columns[name] as { column: string }).column.replaceAll('"', '""')}"`;
}

/** A database in memory that holds one set of rows after the other. */
export class SqliteRows {
  readonly #db = new DatabaseSync(':memory:');

  constructor() {
    // A collation that would tell too little apart, where nothing else is said.
    const columns = columnNames.map(
      (name) => `${columnName(name)} ${sqliteType(name)}${name === 's2' ? ' COLLATE NOCASE' : ''}`,
    );
    this.#db.exec(`CREATE TABLE "all rows" (position INTEGER PRIMARY KEY, ${columns.join(', ')}) STRICT`);
    this.#db.exec('CREATE TABLE members (s TEXT COLLATE NOCASE, n INTEGER, "left" INTEGER, sn TEXT) STRICT');
    this.#db.exec('CREATE TABLE friends (one TEXT, other TEXT) STRICT');
    const member = this.#db.prepare('INSERT INTO members VALUES (?, ?, ?, NULL)');
    for (const fact of memberFacts) member.run(...fact);
    const friend = this.#db.prepare('INSERT INTO friends VALUES (?, ?)');
    for (const fact of friendFacts) friend.run(...fact);
  }

  /** What is read back of these rows: SQLite has no NaN, and milliseconds only by our encoding. */
  static asStored(rows: readonly Row[]): Row[] {
    const stored = (value: Value): Value => {
      if (value instanceof Timestamp) return new Timestamp(floorTo(value.nanos, 1_000_000n));
      return Number.isNaN(value) ? null : value;
    };
    return rows.map((row) => Object.fromEntries(columnNames.map((name) => [name, stored(row[name])])) as Row);
  }

  fill(rows: readonly Row[]): void {
    this.#db.exec('DELETE FROM "all rows"');
    const insert = this.#db.prepare(`INSERT INTO "all rows" VALUES (?, ${columnNames.map(() => '?').join(', ')})`);
    for (const [position, row] of rows.entries()) {
      insert.run(position, ...columnNames.map((name) => sqliteValue(row[name])));
    }
  }

  /** @param bound a rule without variables but the row. */
  select(bound: TypedExpr): Verdict[] {
    const { text, parameters } = compileSql(bound, rowTable, 'sqlite');
    const query = this.#db.prepare(`SELECT (${text}) AS verdict FROM "all rows" AS "the row" ORDER BY position`);
    const found = query.all(...(parameters as (string | number | bigint)[]));
    return found.map(({ verdict }) => (verdict === null ? null : verdict === 1));
  }
}

function sqliteType(name: ColumnName): string {
  const kind = kindOf(name);
  return kind === 'string' ? 'TEXT' : kind === 'double' ? 'REAL' : 'INTEGER';
}

/** Of the column, whether or not it may be null. */
export function kindOf(name: ColumnName): string {
  const type = rowTable.columns[name]?.type;
  return (type?.kind === 'nullable' ? type.of.kind : type?.kind) ?? 'none';
}

function sqliteValue(value: Value): string | number | bigint | null {
  if (value instanceof Timestamp) return floorTo(value.nanos, 1_000_000n) / 1_000_000n;
  return typeof value === 'boolean' ? Number(value) : (value as string | number | bigint | null);
}
