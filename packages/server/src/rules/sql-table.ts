/** What SQL filters know of tables: which column holds which field of `row`, and which tables hold the facts of relations. */
import type { TypedExpr } from './syntax.ts';
import { types, type RecordType, type RuleType } from './types.ts';

/**
 * A table whose rows a rule filters.
 *
 * The database must hold what is declared here, since both sides trust it: string: text or varchar (not char(n), which
 * pads); int: an integer type; double: double precision; in SQLite a STRICT table, or columns with these affinities. Text
 * is compared by code points whatever the collation of the column; an index helps only if its collation is "C"
 * (PostgreSQL) or BINARY (SQLite).
 */
export interface SqlTable {
  /** The variable of the rule that holds the row: `row`. */
  readonly variable: string;
  /** The name of the table in the query that the filter goes into. Needed if columns are arguments of relations. */
  readonly alias?: string;
  /** By field of the variable. */
  readonly columns: Readonly<Record<string, SqlColumn>>;
  /** Relations that a rule may ask about columns. Others may only be asked about what is bound before. */
  readonly relations?: Readonly<Record<string, SqlRelation>>;
}

export interface SqlColumn {
  /** As the database knows it. */
  readonly column: string;
  /** bool, int, double, string or timestamp; nullable if NULL is a value of it, and not a mistake. */
  readonly type: RuleType;
  /**
   * - `native` (the default): boolean and timestamptz. SQLite has neither: there it is the same as the others.
   * - `unix-ms`: a timestamp as Unix milliseconds in an integer.
   * - `zero-one`: a bool as the integer 0 or 1.
   */
  readonly encoding?: 'native' | 'unix-ms' | 'zero-one';
}

/** A table of facts. A fact with a NULL is none. */
export interface SqlRelation {
  readonly schema?: string;
  readonly table: string;
  /** One for each parameter of the relation, in order. Only string, int and bool. */
  readonly columns: readonly SqlColumn[];
  /** Whether (a, b) is also (b, a). */
  readonly symmetric?: boolean;
  /** Which rows count: a bound rule over the columns of this table (and relations are not looked at). */
  readonly where?: { readonly rule: TypedExpr; readonly table: Pick<SqlTable, 'variable' | 'columns'> };
}

/** The type of the variable, for the checker of rules. */
export function rowTypeOf(table: Pick<SqlTable, 'variable' | 'columns'>): RecordType {
  const fields = Object.entries(table.columns).map(([name, { type }]) => [name, type] as const);
  return types.record(table.variable, Object.fromEntries(fields));
}
