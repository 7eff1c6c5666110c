/**
 * Runs a prepared statement with the columns of a row. Thousands of rows are written by the same few statements: a function
 * made for one of them costs half of what an array of parameters costs that is made, checked and spread for each row.
 */
import type { StatementSync } from 'node:sqlite';
import { generatedOr } from './generated-code.ts';
import { sqliteParameter } from './parameters.ts';
import type { BoundColumn } from './store.ts';

/** @throws TypeError naming the parameter that is none; what the statement throws. */
export type RowBinder = (statement: StatementSync, row: object) => void;

/** @param columns in the order of the parameters. */
export function rowBinder(columns: readonly BoundColumn[]): RowBinder {
  return generatedOr(
    () => generatedBinder(columns),
    () => loopingBinder(columns),
  );
}

/** @throws EvalError where code must not be generated. */
function generatedBinder(columns: readonly BoundColumn[]): RowBinder {
  const values = columns.map(({ name, kind }, at) => `${kind}(row[${JSON.stringify(name)}], ${at})`);
  const code = `return (statement, row) => { statement.run(${values.join(', ')}); };`;
  // oxlint-disable-next-line typescript/no-implied-eval -- only names of columns go into it, as strings
  const make = new Function('text', 'int', code) as (text: typeof sqliteParameter, int: typeof whole) => RowBinder;
  return make(sqliteParameter, whole);
}

export function loopingBinder(columns: readonly BoundColumn[]): RowBinder {
  return (statement, row) => {
    const values = columns.map(({ name, kind }, at) => {
      const value = (row as Readonly<Record<string, unknown>>)[name];
      return kind === 'int' ? whole(value, at) : sqliteParameter(value, at);
    });
    statement.run(...values);
  };
}

/** Bound as floating point, which costs less than a bigint: SQLite keeps it as the integer that the column asks for. */
function whole(value: unknown, index: number): ReturnType<typeof sqliteParameter> {
  return Number.isSafeInteger(value) ? (value as number) : sqliteParameter(value, index);
}
