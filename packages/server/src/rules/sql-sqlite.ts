/**
 * SQLite. It has no booleans and no times: they are integers. It converts text and numbers into each other when a column
 * is compared with a parameter of another kind; the compiler never does that. NaN it stores as NULL.
 */
import { parameter, raw, sql, type SqlDialect, type SqlStorage, type SqlValue } from './sql-dialect.ts';

export const sqlSqlite: SqlDialect = {
  verdicts: { true: raw('TRUE'), false: raw('FALSE'), unknown: raw('NULL') },
  byCodePoints: ' COLLATE BINARY',
  nan: undefined,
  impossibleInText: /\p{Surrogate}/u,
  storageOf(kind) {
    switch (kind) {
      case 'bool':
      case 'int':
      case 'timestamp':
        return 'bigint';
      case 'double':
        return 'float8';
      case 'string':
        return 'text';
    }
  },
  placeholder: () => '?',
  parameter: (_storage, value) => parameter(value),
  // One parameter for a list of any length, but for doubles: SQLite does not read every one of them exactly from text.
  isAnyOf: (column, storage, values) =>
    storage === 'float8'
      ? sql`${column} IN (${values.flatMap((value, index) => (index === 0 ? parameter(value) : [', ', ...parameter(value)]))})`
      : sql`${column} IN (SELECT value FROM json_each(${parameter(jsonList(storage, values))}))`,
  areSame: (left, right) => sql`${left} IS ${right}`,
  // LIKE has characters of its own and ignores case; substr and length stop at NUL. instr compares bytes.
  startsWith: (column, text) => sql`instr(${column}, ${parameter(text)}) = 1`,
  endsWith(column, text) {
    const bytes = raw(String(Buffer.byteLength(text)));
    // substr of an empty BLOB is NULL.
    return sql`CASE WHEN length(CAST(${column} AS BLOB)) < ${bytes} THEN FALSE ELSE substr(CAST(${column} AS BLOB), -${bytes}) = CAST(${parameter(text)} AS BLOB) END`;
  },
  contains: (column, text) => sql`instr(${column}, ${parameter(text)}) > 0`,
};

function jsonList(storage: SqlStorage, values: readonly SqlValue[]): string {
  return `[${values.map((value) => (storage === 'text' ? JSON.stringify(value) : String(value))).join(',')}]`;
}
