/**
 * A rule over rows as a condition of SQL: the same verdict for every row as the rule gives in JavaScript, so that one rule
 * selects what is read at first and what is passed on later. What could differ is refused when the rule is loaded
 * (`checkSql`), so that no query can fail for it. Parts: `sql-filter.ts` reads the rule, `sql-writer.ts` writes it,
 * `sql-bounds.ts` fits values to columns, `sql-postgres.ts` and `sql-sqlite.ts` know the databases.
 */
import type { StoreDialect } from '../stores/store.ts';
import { SqlParameter, type SqlDialect } from './sql-dialect.ts';
import { readFilter } from './sql-filter.ts';
import { sqlPostgres } from './sql-postgres.ts';
import { sqlSqlite } from './sql-sqlite.ts';
import type { SqlTable } from './sql-table.ts';
import { writeFilter } from './sql-writer.ts';
import type { RuleProblem, TypedExpr } from './syntax.ts';

export { rowTypeOf, type SqlColumn, type SqlRelation, type SqlTable } from './sql-table.ts';

/** A condition, true for the rows that the rule allows; false or NULL for others. */
export interface SqlCondition {
  /** With placeholders: `$1`, `$2` … in PostgreSQL, `?` in SQLite. Values are never part of it. */
  readonly text: string;
  /** string, number, bigint, boolean, and lists of strings for PostgreSQL. */
  readonly parameters: readonly unknown[];
  /** The text between the placeholders, one more than parameters: to put it into a larger query. */
  readonly fragments: readonly string[];
}

/**
 * What in a rule cannot be the same in JavaScript and in SQL, for a rule that is not bound yet. What does not touch the
 * row is taken for a value that will be known. Without problems, `compileSql` takes what `bindRule` makes of the rule,
 * whatever the values.
 * @throws TypeError for a table whose declaration lacks something.
 */
export function checkSql(expr: TypedExpr, table: SqlTable): readonly RuleProblem[] {
  return readFilter(expr, table).problems;
}

/**
 * @param bound what `bindRule` makes of a rule, when all its variables but the row are known, and relations are given.
 * @throws TypeError for a rule that `checkSql` has problems with, or that is not bound. RangeError for more parameters than
 * the database takes in one query, which only lists of doubles in SQLite can come to.
 */
export function compileSql(bound: TypedExpr, table: SqlTable, dialect: StoreDialect): SqlCondition {
  const { filter, problems } = readFilter(bound, table);
  if (problems[0]) throw new TypeError(`not possible in SQL: ${problems[0].found}; valid: ${problems[0].valid}`);
  const { placeholder } = dialects[dialect];
  let fragment = '';
  const fragments: string[] = [];
  const parameters: unknown[] = [];
  for (const part of writeFilter(filter, dialects[dialect])) {
    if (part instanceof SqlParameter) {
      fragments.push(fragment);
      parameters.push(part.value);
      fragment = '';
    } else {
      fragment += part;
    }
  }
  if (parameters.length > maxParameters) {
    throw new RangeError(`a condition of ${parameters.length} parameters; at most ${maxParameters} are possible`);
  }
  const text = fragments.map((before, index) => before + placeholder(index + 1)).join('') + fragment;
  return { text, parameters, fragments: [...fragments, fragment] };
}

const dialects: Readonly<Record<StoreDialect, SqlDialect>> = { sqlite: sqlSqlite, postgres: sqlPostgres };

/** SQLite takes 32,766 in one query; some are left for what is around the condition. */
const maxParameters = 32_000;
