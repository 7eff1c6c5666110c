/** How values of PostgreSQL are read, so that the same query gives the same in both databases. */
import type { CustomTypesConfig } from 'pg';

/** Object ids of types, from pg_type of the server, where they never change. */
const types = { bool: 16, int8: 20, numeric: 1700 } as const;

/** @param usual parsers for everything else. */
export function postgresTypes(usual: CustomTypesConfig): CustomTypesConfig {
  return {
    getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
      if (format !== 'binary') {
        if (oid === types.int8) return readInteger;
        if (oid === types.numeric) return readNumeric;
        if (oid === types.bool) return readBoolean;
      }
      return usual.getTypeParser(oid, format as 'text');
    }) as CustomTypesConfig['getTypeParser'],
  };
}

function readInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`the integer ${text} is beyond 2^53`);
  return value;
}

/** A sum of integers is numeric. Others stay text, as `pg` has it. */
function readNumeric(text: string): number | string {
  return /^-?\d+$/.test(text) ? readInteger(text) : text;
}

/** As SQLite has it. */
function readBoolean(text: string): number {
  return text === 't' ? 1 : 0;
}
