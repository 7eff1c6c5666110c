/**
 * What may be a parameter of a statement, the same for both databases, so that a value that only one of them would take
 * is found by whatever test comes first.
 */
import type { SQLInputValue } from 'node:sqlite';

/** Most integers are small, and making a bigint costs more than finding one. */
const smallIntegers = Array.from({ length: 1_024 }, (_, value) => BigInt(value));

/**
 * Parameters as SQLite wants them. Whole numbers are bound as integers: `node:sqlite` binds numbers as floating point,
 * which a column of text would keep as `1.0`.
 * @throws TypeError naming the first that is none.
 */
export function sqliteParameters(parameters: readonly unknown[]): SQLInputValue[] {
  const bound = new Array<SQLInputValue>(parameters.length);
  for (let i = 0; i < parameters.length; i++) bound[i] = sqliteParameter(parameters[i], i);
  return bound;
}

/** One of them. @param index where it stands, from 0. */
export function sqliteParameter(value: unknown, index: number): SQLInputValue {
  switch (typeof value) {
    case 'string':
      return value.includes('\0') ? refuse(index, value) : value;
    case 'number':
      if (Number.isSafeInteger(value)) return smallIntegers[value] ?? BigInt(value);
      return Number.isFinite(value) ? value : refuse(index, value);
    case 'bigint':
      return BigInt.asIntN(64, value) === value ? value : refuse(index, value);
    case 'boolean':
      return value ? 1n : 0n;
    default:
      return value === null || value instanceof Uint8Array ? value : refuse(index, value);
  }
}

/**
 * Parameters as `pg` wants them.
 * @throws TypeError naming the first that is none.
 */
export function postgresParameters(parameters: readonly unknown[]): unknown[] {
  return parameters.map((value, i) => (Array.isArray(value) ? value.map((v) => one(v, i)) : one(value, i)));
}

function one(value: unknown, i: number): unknown {
  switch (typeof value) {
    case 'string':
      return value.includes('\0') ? refuse(i, value) : value;
    case 'number':
      return Number.isFinite(value) ? value : refuse(i, value);
    case 'bigint':
      return BigInt.asIntN(64, value) === value ? value : refuse(i, value);
    case 'boolean':
      return value ? 1 : 0;
    default:
      return value === null || value instanceof Uint8Array ? value : refuse(i, value);
  }
}

function refuse(index: number, value: unknown): never {
  throw new TypeError(
    `parameter ${index + 1} is ${describe(value)}; valid are text without NUL, finite numbers, 64-bit bigint, booleans, bytes and null`,
  );
}

/** The kind only: values do not belong into errors. */
function describe(value: unknown): string {
  if (typeof value === 'string') return 'text with a NUL character';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'bigint') return 'a bigint of more than 64 bits';
  if (typeof value === 'object') return `an object (${value?.constructor?.name ?? 'without a class'})`;
  return typeof value;
}
