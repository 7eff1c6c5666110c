/**
 * Values as columns can hold them. A column of integers has no 1.5, a text of PostgreSQL no NUL, a column of milliseconds
 * no nanoseconds; comparing with such a value is comparing with the nearest that the column can hold, and a database
 * that is left to convert them loses digits instead.
 */
import type { ColumnKind, SqlDialect, SqlStorage, SqlValue } from './sql-dialect.ts';
import { maxInt, minInt } from './value-kind.ts';
import { Timestamp, type Value } from './value.ts';

export type Bound =
  /**
   * The value, if it is `at` that; or the nearest of which the column can hold nothing between it and the value, `below`
   * or `above` it.
   */
  | { readonly kind: 'at' | 'below' | 'above'; readonly value: SqlValue }
  /** For a column of ints: each counts as the double nearest to it, and is compared with this. */
  | { readonly kind: 'as double'; readonly value: number }
  /** More than everything that the column can hold. */
  | { readonly kind: 'end' }
  /** NaN: neither less nor more than anything. */
  | { readonly kind: 'unordered' }
  /** Of another kind: unequal, and to order them is an error. */
  | { readonly kind: 'incomparable' };

/** What to compare a column with, to compare it with a value. */
export function boundOf(kind: ColumnKind, storage: SqlStorage, value: Value, dialect: SqlDialect): Bound {
  switch (kind) {
    case 'bool':
      if (typeof value !== 'boolean') return incomparable;
      return at(storage === 'boolean' ? value : BigInt(value));
    case 'int':
      if (typeof value === 'bigint') return within(value, minInt, maxInt);
      return typeof value === 'number' ? wholeBound(value) : incomparable;
    case 'double':
      if (typeof value !== 'number' && typeof value !== 'bigint') return incomparable;
      // An int counts as the double nearest to it.
      return Number.isNaN(value) ? unordered : at(Number(value));
    case 'string':
      return typeof value === 'string' ? textBound(value, dialect.impossibleInText) : incomparable;
    case 'timestamp':
      return value instanceof Timestamp ? timeBound(value.nanos, storage) : incomparable;
  }
}

const incomparable: Bound = { kind: 'incomparable' };
const unordered: Bound = { kind: 'unordered' };

function at(value: SqlValue): Bound {
  return { kind: 'at', value };
}

function within(value: bigint, min: bigint, max: bigint): Bound {
  if (value > max) return { kind: 'below', value: max };
  return value < min ? { kind: 'above', value: min } : at(value);
}

/** Below 2^53 there is no more than one int to a double. */
function wholeBound(value: number): Bound {
  if (Number.isNaN(value)) return unordered;
  if (Math.abs(value) >= 2 ** 53) return { kind: 'as double', value };
  const floor = Math.floor(value);
  return { kind: floor === value ? 'at' : 'below', value: BigInt(floor) };
}

/** The order is that of `compareStrings`, in which a lone surrogate stands where a pair that starts with it would. */
function textBound(text: string, impossible: RegExp): Bound {
  const index = text.search(impossible);
  if (index < 0) return at(text);
  const prefix = text.slice(0, index);
  const unit = text.charCodeAt(index);
  // Only what goes on with another NUL would be between.
  if (unit === 0) return { kind: 'below', value: prefix };
  // The second half of a pair is more than what any character starts with, so all texts with the prefix are less.
  const next = unit < 0xdc00 ? prefix + String.fromCharCode(unit, 0xdc00) : firstWithout(prefix);
  return next === undefined ? { kind: 'end' } : { kind: 'above', value: next };
}

/** The first text, in order, that is more than all that start with the prefix; undefined if there is none. */
function firstWithout(prefix: string): string | undefined {
  const points = Array.from(prefix, (point) => point.codePointAt(0) as number);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue;
    return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}

/** From the year 1 to 9999, as in CEL. */
const minTimeNanos = -62_135_596_800n * 1_000_000_000n;
const maxTimeNanos = 253_402_300_800n * 1_000_000_000n - 1n;

/** In nanoseconds for timestamptz, which holds microseconds; else in milliseconds. */
function timeBound(nanos: bigint, storage: SqlStorage): Bound {
  if (nanos < minTimeNanos) return { kind: 'above', value: inUnits(minTimeNanos, storage) };
  const floor = inUnits(nanos < maxTimeNanos ? nanos : maxTimeNanos, storage);
  const isExact = storage === 'timestamptz' ? floor === nanos : floor * 1_000_000n === nanos;
  return { kind: isExact ? 'at' : 'below', value: floor };
}

function inUnits(nanos: bigint, storage: SqlStorage): bigint {
  return storage === 'timestamptz' ? floorOf(nanos, 1000n) : floorOf(nanos, 1_000_000n) / 1_000_000n;
}

function floorOf(value: bigint, unit: bigint): bigint {
  const rest = value % unit;
  return value - (rest < 0n ? rest + unit : rest);
}
