/** Text of SQL with its parameters, and what each database says in its own way. Implementations: `sql-postgres.ts`, `sql-sqlite.ts`. */

/** Text and parameters, in order. */
export type Sql = readonly (string | SqlParameter)[];

export class SqlParameter {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

/** Puts texts and parts together: sql`(${left} AND ${right})`. */
export function sql(texts: TemplateStringsArray, ...parts: readonly Sql[]): Sql {
  return texts.flatMap((text, index) => [text, ...(parts[index] ?? [])]);
}

export function raw(text: string): Sql {
  return [text];
}

export function parameter(value: unknown): Sql {
  return [new SqlParameter(value)];
}

/** In parentheses, unless there is only one part. */
export function joined(parts: readonly Sql[], operator: string): Sql {
  if (parts.length === 1) return parts[0] as Sql;
  return ['(', ...parts.flatMap((part, index) => (index === 0 ? part : [` ${operator} `, ...part])), ')'];
}

/** What a column holds and what is compared with it, in the database. */
export type SqlStorage = 'boolean' | 'bigint' | 'float8' | 'text' | 'timestamptz';

/** Types of fields that have columns. */
export type ColumnKind = 'bool' | 'int' | 'double' | 'string' | 'timestamp';

/** No method may make SQL that fails for any row or parameter. */
export interface SqlDialect {
  /** `TRUE`, `FALSE`, and NULL as a boolean. */
  readonly verdicts: { readonly true: Sql; readonly false: Sql; readonly unknown: Sql };
  /** Goes behind a text: it is compared by code points. */
  readonly byCodePoints: string;
  /** NaN if columns can hold it. It is then equal to itself and more than everything, other than in CEL. */
  readonly nan: Sql | undefined;
  /** What a text may not have in it. */
  readonly impossibleInText: RegExp;
  storageOf(kind: ColumnKind, encoding: 'native' | 'unix-ms' | 'zero-one'): SqlStorage;
  placeholder(position: number): string;
  /** @param value boolean for boolean, bigint, number, string, or nanoseconds for timestamptz. */
  parameter(storage: SqlStorage, value: SqlValue): Sql;
  /** Whether a column has one of the values (never none): NULL if the column is NULL. */
  isAnyOf(column: Sql, storage: SqlStorage, values: readonly SqlValue[]): Sql;
  /** Whether both are the same, where NULL is the same as NULL. */
  areSame(left: Sql, right: Sql): Sql;
  /** Of this and the next two: the text is not empty; NULL if the column is NULL. */
  startsWith(column: Sql, text: string): Sql;
  endsWith(column: Sql, text: string): Sql;
  contains(column: Sql, text: string): Sql;
}

export type SqlValue = boolean | bigint | number | string;

/**
 * A name, quoted. Both databases take the same quotes.
 * @throws TypeError for a name that no database has.
 */
export function quoted(name: string): Sql {
  if (name === '' || name.includes('\0')) throw new TypeError(`no name of a column or table: ${JSON.stringify(name)}`);
  return raw(`"${name.replaceAll('"', '""')}"`);
}
