/**
 * `+ - * / %` and the minus sign of the rule language. ints are 64 bits wide and never wrap around; doubles are IEEE 754.
 *
 * Source: https://github.com/google/cel-spec/blob/master/doc/langdef.md#overflow
 */
import { maxListElements, maxStringUnits } from './evaluation-limits.ts';
import { durationOf, timestampOf } from './timestamp.ts';
import { isInt64, minInt, noOverload } from './value-kind.ts';
import { Duration, Failure, Timestamp, type Value } from './value.ts';

export const tooLongString = new Failure(`a string of more than ${maxStringUnits} UTF-16 code units`);
export const tooLongList = new Failure(`a list of more than ${maxListElements} elements`);
export const overflow = new Failure('int overflow');
export const divisionByZero = new Failure('division by zero');
export const moduloByZero = new Failure('modulo by zero');

export function add(a: Value, b: Value): Value | Failure {
  if (typeof a === 'bigint' && typeof b === 'bigint') return checked(a + b);
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (typeof a === 'string' && typeof b === 'string') return concatenate(a, b);
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length + b.length > maxListElements ? tooLongList : ([...a, ...b] as Value);
  }
  if (a instanceof Timestamp && b instanceof Duration) return timestampOf(a.nanos + b.nanos);
  if (a instanceof Duration && b instanceof Timestamp) return timestampOf(a.nanos + b.nanos);
  if (a instanceof Duration && b instanceof Duration) return durationOf(a.nanos + b.nanos);
  return noOverload('+', [a, b]);
}

export function subtract(a: Value, b: Value): Value | Failure {
  if (typeof a === 'bigint' && typeof b === 'bigint') return checked(a - b);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (a instanceof Timestamp && b instanceof Duration) return timestampOf(a.nanos - b.nanos);
  if (a instanceof Timestamp && b instanceof Timestamp) return durationOf(a.nanos - b.nanos);
  if (a instanceof Duration && b instanceof Duration) return durationOf(a.nanos - b.nanos);
  return noOverload('-', [a, b]);
}

export function multiply(a: Value, b: Value): Value | Failure {
  if (typeof a === 'bigint' && typeof b === 'bigint') return checked(a * b);
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  return noOverload('*', [a, b]);
}

export function divide(a: Value, b: Value): Value | Failure {
  if (typeof a === 'bigint' && typeof b === 'bigint') return b === 0n ? divisionByZero : checked(a / b);
  if (typeof a === 'number' && typeof b === 'number') return a / b;
  return noOverload('/', [a, b]);
}

export function modulo(a: Value, b: Value): Value | Failure {
  if (typeof a !== 'bigint' || typeof b !== 'bigint') return noOverload('%', [a, b]);
  if (b === 0n) return moduloByZero;
  // The remainder would fit, but the division it comes from overflows; the Go implementation fails here too.
  return a === minInt && b === -1n ? overflow : a % b;
}

export function negate(a: Value): Value | Failure {
  if (typeof a === 'bigint') return checked(-a);
  return typeof a === 'number' ? -a : noOverload('-_', [a]);
}

export function concatenate(a: string, b: string): string | Failure {
  return a.length + b.length > maxStringUnits ? tooLongString : a + b;
}

function checked(value: bigint): bigint | Failure {
  return isInt64(value) ? value : overflow;
}
