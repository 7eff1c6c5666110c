/**
 * `int()`, `double()`, `string()`, `bool()`, `timestamp()` and `duration()`.
 *
 * Source: https://github.com/google/cel-spec/blob/master/doc/langdef.md#types-and-conversions; where that leaves the
 * notation open, as the Go implementation.
 */
import { formatDuration, formatTimestamp, parseDuration, parseTimestamp, secondsOf, timestampOf } from './timestamp.ts';
import { isInt64, noOverload } from './value-kind.ts';
import { Duration, Failure, Timestamp, type Value } from './value.ts';

/** Cuts off a fraction; takes decimal text and timestamps (seconds since 1970). */
export function toInt(value: Value): bigint | Failure {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') {
    // Both ends are excluded: the nearest doubles of the largest ints are out of range.
    return value > -(2 ** 63) && value < 2 ** 63 ? BigInt(Math.trunc(value)) : new Failure('a double outside of int');
  }
  if (typeof value === 'string') {
    // 64 bits need 19 digits; zeros in front are the only reason for more.
    const parsed = value.length <= 100 && /^[+-]?\d+$/.test(value) ? BigInt(value.replace(/^\+/, '')) : undefined;
    return parsed !== undefined && isInt64(parsed) ? parsed : new Failure('a string that is no int');
  }
  return value instanceof Timestamp ? secondsOf(value) : noOverload('int', [value]);
}

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const infinity = /^[+-]?inf(?:inity)?$/i;

export function toDouble(value: Value): number | Failure {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'string') return noOverload('double', [value]);
  if (infinity.test(value)) return value.startsWith('-') ? -Infinity : Infinity;
  if (/^nan$/i.test(value)) return Number.NaN;
  const parsed = decimal.test(value) ? Number(value) : Number.NaN;
  return Number.isFinite(parsed) ? parsed : new Failure('a string that is no double');
}

export function toText(value: Value): string | Failure {
  switch (typeof value) {
    case 'string':
      return value;
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'number':
      return formatDouble(value);
    default:
      if (value instanceof Timestamp) return formatTimestamp(value);
      return value instanceof Duration ? formatDuration(value) : noOverload('string', [value]);
  }
}

/** The shortest digits that give the same double, as Go's `%g` writes them: `0.0045`, `1e+06`, `1.5e-07`, `+Inf`. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [digits, exponent] = value.toExponential().split('e') as [string, string];
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

const bools: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false] as const),
]);

export function toBool(value: Value): boolean | Failure {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return noOverload('bool', [value]);
  return bools.get(value) ?? new Failure('a string that is no bool');
}

/** Takes RFC 3339 and ints: seconds since 1970. */
export function toTimestamp(value: Value): Timestamp | Failure {
  if (value instanceof Timestamp) return value;
  if (typeof value === 'bigint') return timestampOf(value * 1_000_000_000n);
  return typeof value === 'string' ? parseTimestamp(value) : noOverload('timestamp', [value]);
}

export function toDuration(value: Value): Duration | Failure {
  if (value instanceof Duration) return value;
  return typeof value === 'string' ? parseDuration(value) : noOverload('duration', [value]);
}
