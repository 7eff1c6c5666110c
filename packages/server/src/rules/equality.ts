/**
 * `==` of the rule language: values of different kinds are unequal, but numbers are compared as numbers, whatever their
 * kind; NaN equals nothing.
 *
 * Source: https://github.com/google/cel-spec/blob/master/doc/langdef.md#equality
 */
import { maxValueDepth } from './evaluation-limits.ts';
import { orderOf } from './order.ts';
import { kindOf, keysOf, ownValue } from './value-kind.ts';
import { type Duration, Failure, type Timestamp } from './value.ts';

/** @returns a failure where one side holds what is no value, or is nested too deeply. */
export function equals(a: unknown, b: unknown): boolean | Failure {
  // Most comparisons are of text.
  return typeof a === 'string' && typeof b === 'string' ? a === b : equalsWithin(a, b, maxValueDepth);
}

function equalsWithin(a: unknown, b: unknown, depth: number): boolean | Failure {
  const kind = kindOf(a);
  const other = kindOf(b);
  if (kind === 'no value' || other === 'no value') return new Failure('== does not take what is no value');
  if (kind !== other) {
    const numeric = (kind === 'int' && other === 'double') || (kind === 'double' && other === 'int');
    if (numeric) return orderOf(a as number | bigint, b as number | bigint) === 0;
    return false;
  }
  switch (kind) {
    case 'timestamp':
    case 'duration':
      return (a as Timestamp | Duration).nanos === (b as Timestamp | Duration).nanos;
    case 'list':
    case 'map':
      if (depth === 0) return new Failure(`== looks only ${maxValueDepth} levels deep`);
      return kind === 'list'
        ? listsEqual(a as readonly unknown[], b as readonly unknown[], depth - 1)
        : mapsEqual(a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>, depth - 1);
    default:
      return a === b;
  }
}

function listsEqual(a: readonly unknown[], b: readonly unknown[], depth: number): boolean | Failure {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    const same = equalsWithin(a[i], b[i], depth);
    if (same !== true) return same;
  }
  return true;
}

function mapsEqual(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
  depth: number,
): boolean | Failure {
  const keys = keysOf(a);
  if (keys.length !== keysOf(b).length) return false;
  for (const key of keys) {
    const other = ownValue(b, key);
    if (other === undefined) return false;
    const same = equalsWithin(a[key], other, depth);
    if (same !== true) return same;
  }
  return true;
}
