/** PostgreSQL. Every parameter says its type: PostgreSQL would infer another one for some, and fail on its values. */
import { parameter, raw, sql, type Sql, type SqlDialect, type SqlStorage, type SqlValue } from './sql-dialect.ts';
import { countCodePoints } from './strings.ts';

export const sqlPostgres: SqlDialect = {
  verdicts: { true: raw('TRUE'), false: raw('FALSE'), unknown: raw('NULL::boolean') },
  byCodePoints: ' COLLATE "C"',
  nan: raw(`'NaN'::float8`),
  // A text of PostgreSQL cannot have NUL, and the encoding no lone surrogate.
  impossibleInText: /\0|\p{Surrogate}/u,
  storageOf(kind, encoding) {
    switch (kind) {
      case 'bool':
        return encoding === 'zero-one' ? 'bigint' : 'boolean';
      case 'int':
        return 'bigint';
      case 'double':
        return 'float8';
      case 'string':
        return 'text';
      case 'timestamp':
        return encoding === 'unix-ms' ? 'bigint' : 'timestamptz';
    }
  },
  placeholder: (position) => `$${position}`,
  parameter: (storage, value) => sql`${parameter(written(storage, value))}::${raw(storage)}`,
  isAnyOf(column, storage, values) {
    const list = values.map((value) => String(written(storage, value)));
    return sql`${column} = ANY(${parameter(list)}::${raw(storage)}[])`;
  },
  areSame: (left, right) => sql`${left} IS NOT DISTINCT FROM ${right}`,
  startsWith: (column, text) => sql`starts_with(${column}, ${asText(text)})`,
  endsWith: (column, text) => sql`right(${column}, ${raw(String(countCodePoints(text)))}) = ${asText(text)}`,
  contains: (column, text) => sql`strpos(${column}, ${asText(text)}) > 0`,
};

function asText(text: string): Sql {
  return sqlPostgres.parameter('text', text);
}

function written(storage: SqlStorage, value: SqlValue): SqlValue {
  return storage === 'timestamptz' ? formatTime(value as bigint) : value;
}

/** @param nanos since 1970, of a whole microsecond. The text is ISO 8601, which every DateStyle reads alike. */
function formatTime(nanos: bigint): string {
  const microsOfMs = (((nanos / 1000n) % 1000n) + 1000n) % 1000n;
  const ms = (nanos / 1000n - microsOfMs) / 1000n;
  return new Date(Number(ms)).toISOString().replace('Z', `${String(microsOfMs).padStart(3, '0')}Z`);
}
