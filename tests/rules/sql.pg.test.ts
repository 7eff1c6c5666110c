/**
 * Random rules give the same verdict for every row in JavaScript, in SQLite and in a real PostgreSQL that sorts text as
 * German does.
 */
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compileSql } from '../../packages/server/src/rules/compile-sql.ts';
import type { TypedExpr } from '../../packages/server/src/rules/syntax.ts';
import { Timestamp, type Value } from '../../packages/server/src/rules/value.ts';
import { describeWithPostgres, startPostgres, type PostgresServer } from '../support/postgres.ts';
import { columnName, differences, evaluateRows, kindOf, SqliteRows, type Verdict } from './row-databases.ts';
import { asksForHalfOfPair, rules } from './row-rules.ts';
import {
  bindUser,
  columnNames,
  friendFacts,
  memberFacts,
  readRule,
  rowTable,
  type ColumnName,
  type Row,
} from './row-table.ts';
import { rowsOf, users } from './row-values.ts';
import { runs } from './runs.ts';
import { trapRow, traps, trapUser } from './sql-traps.ts';

describeWithPostgres('filters of rows in PostgreSQL', () => {
  let server: PostgresServer;
  let client: pg.Client;

  beforeAll(async () => {
    server = await startPostgres({ locale: 'icu:de-DE' });
    client = new pg.Client({ connectionString: server.url });
    await client.connect();
    await createTables(client);
  }, 120_000);

  afterAll(async () => {
    await client?.end();
    await server?.stop();
  });

  test('the database has another order of text, and columns that tell less apart', async () => {
    const { rows } = await client.query(`SELECT 'a' < 'B' AS sorted, 'a' = 'A' COLLATE ignore_case AS same`);
    expect(rows).toEqual([{ sorted: true, same: true }]);
  });

  test.each(traps)('$rule is $verdict for $row', async (trap) => {
    const { expr, problems } = readRule(trap.rule);
    expect(problems).toEqual([]);
    const bound = bindUser(expr, trapUser(trap));
    expect(evaluateRows(expr, trapUser(trap), [trapRow(trap)])).toEqual([trap.verdict]);
    expect(await selectRows(client, [trapRow(trap)], bound)).toEqual([trap.verdict]);
  });

  test('true, false and errors are those of JavaScript and of SQLite', async () => {
    const sqlite = new SqliteRows();
    const seen = { true: 0, false: 0, null: 0 };
    const property = fc.asyncProperty(rules, users, fc.integer(), async ({ text }, user, seed) => {
      const { expr, problems } = readRule(text);
      const bound = bindUser(expr, user);
      fc.pre(problems.length === 0 && !asksForHalfOfPair(bound));
      const rows = rowsOf(seed, false);
      const expected = evaluateRows(expr, user, rows);
      for (const verdict of expected) seen[`${verdict}`]++;
      expect(differences(rows, expected, await selectRows(client, rows, bound)), text).toEqual([]);
      sqlite.fill(rows);
      const inSqlite = evaluateRows(expr, user, SqliteRows.asStored(rows));
      expect(differences(rows, inSqlite, sqlite.select(bound)), text).toEqual([]);
    });
    await fc.assert(property, { numRuns: runs(300) });
    // Rules that all give the same would prove little.
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(runs(300) * 3);
  }, 1_800_000);
});

const columnTypes: Readonly<Record<string, string>> = {
  bool: 'boolean',
  int: 'bigint',
  double: 'double precision',
  string: 'text',
  timestamp: 'timestamptz',
};

function typeOf(name: ColumnName): string {
  const encoding = rowTable.columns[name]?.encoding;
  if (encoding === 'zero-one') return 'smallint';
  return encoding === 'unix-ms' ? 'bigint' : (columnTypes[kindOf(name)] as string);
}

async function createTables(client: pg.Client): Promise<void> {
  await client.query(
    `CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
  );
  const columns = columnNames.map(
    (name) => `${columnName(name)} ${typeOf(name)}${name === 's2' ? ' COLLATE ignore_case' : ''}`,
  );
  await client.query(`CREATE TABLE "all rows" (position integer PRIMARY KEY, ${columns.join(', ')})`);
  await client.query('CREATE TABLE members (s varchar(20) COLLATE ignore_case, n bigint, "left" integer, sn text)');
  await client.query('CREATE TABLE friends (one text, other text)');
  for (const fact of memberFacts) await client.query('INSERT INTO members VALUES ($1, $2, $3)', [...fact]);
  for (const fact of friendFacts) await client.query('INSERT INTO friends VALUES ($1, $2)', [...fact]);
}

/** The verdicts on these rows, which are gone afterwards. */
async function selectRows(client: pg.Client, rows: readonly Row[], bound: TypedExpr): Promise<Verdict[]> {
  const { text, parameters } = compileSql(bound, rowTable, 'postgres');
  const lists = columnNames.map((name) => rows.map((row) => written(row[name], name)));
  const arrays = columnNames.map((name, index) => `$${index + 2}::${typeOf(name)}[]`);
  await client.query('BEGIN');
  try {
    await client.query(`INSERT INTO "all rows" SELECT * FROM unnest($1::int[], ${arrays.join(', ')})`, [
      rows.map((_row, position) => position),
      ...lists,
    ]);
    const found = await client.query<{ verdict: Verdict }>(
      `SELECT (${text}) AS verdict FROM "all rows" AS "the row" ORDER BY position`,
      [...parameters],
    );
    return found.rows.map(({ verdict }) => verdict);
  } finally {
    await client.query('ROLLBACK');
  }
}

function written(value: Value, name: ColumnName): unknown {
  if (value instanceof Timestamp) {
    return rowTable.columns[name]?.encoding === 'unix-ms' ? value.nanos / 1_000_000n : timeText(value.nanos);
  }
  if (typeof value === 'boolean') return typeOf(name) === 'smallint' ? Number(value) : value;
  // The driver would write -0 as 0.
  return Object.is(value, -0) ? '-0' : value;
}

/** @param nanos since 1970, of whole microseconds. */
function timeText(nanos: bigint): string {
  const micros = nanos / 1_000n;
  const second = micros / 1_000_000n - (micros % 1_000_000n < 0n ? 1n : 0n);
  const date = new Date(Number(second) * 1000).toISOString().slice(0, 19);
  return `${date}.${String(micros - second * 1_000_000n).padStart(6, '0')}Z`;
}
