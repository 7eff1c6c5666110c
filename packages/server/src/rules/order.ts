/**
 * `<`, `<=`, `>` and `>=` of the rule language.
 *
 * Source: https://github.com/google/cel-spec/blob/master/doc/langdef.md#ordering
 */
import { kindOf } from './value-kind.ts';
import type { Duration, Timestamp } from './value.ts';

/**
 * Compares two values.
 * @returns below 0, 0 or above 0; NaN where one is NaN, so that every comparison of the result with 0 is false; undefined
 * where the kinds have no order.
 */
export function order(a: unknown, b: unknown): number | undefined {
  const kind = kindOf(a);
  const other = kindOf(b);
  const numeric = (kind === 'int' || kind === 'double') && (other === 'int' || other === 'double');
  if (kind !== other && !numeric) return undefined;
  switch (kind) {
    case 'bool':
    case 'int':
    case 'double':
      return orderOf(a as number, b as number);
    case 'string':
      return compareStrings(a as string, b as string);
    case 'timestamp':
    case 'duration':
      return orderOf((a as Timestamp | Duration).nanos, (b as Timestamp | Duration).nanos);
    default:
      return undefined;
  }
}

/**
 * Compares numbers. An int beside a double counts as the nearest double, as in the Go implementation and the conformance
 * data, although JavaScript could compare the two exactly.
 * @returns NaN where one is NaN.
 */
export function orderOf(a: number | bigint, b: number | bigint): number {
  if (typeof a !== typeof b) return orderOf(Number(a), Number(b));
  if (a < b) return -1;
  if (a > b) return 1;
  return a >= b ? 0 : Number.NaN;
}

/**
 * Compares by code points, as UTF-8 bytes do. JavaScript's own `<` compares UTF-16 code units, which puts U+1F600 (a
 * surrogate pair) before U+FF01.
 * @returns below 0, 0 or above 0.
 */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Puts surrogates above all other code units, in one linear order. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
