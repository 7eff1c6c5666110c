/**
 * Timestamps and durations as text, their ranges, and their parts.
 *
 * Sources: RFC 3339; https://github.com/google/cel-spec/blob/master/doc/langdef.md#datetime-functions; Go's
 * `time.ParseDuration`, whose notation CEL takes.
 */
import { isInt64 } from './value-kind.ts';
import { Duration, Failure, Timestamp } from './value.ts';

const minNanos = -62_135_596_800_000_000_000n;
const maxNanos = 253_402_300_799_999_999_999n;
const nanosPerSecond = 1_000_000_000n;

/** @returns a failure outside of the years 1 to 9999. */
export function timestampOf(nanos: bigint): Timestamp | Failure {
  return nanos >= minNanos && nanos <= maxNanos
    ? new Timestamp(nanos)
    : new Failure('a timestamp outside of the years 1 to 9999');
}

/** @returns a failure beyond 64 bits of nanoseconds, about 292 years. */
export function durationOf(nanos: bigint): Duration | Failure {
  return isInt64(nanos) ? new Duration(nanos) : new Failure('a duration of more than 292 years');
}

const rfc3339 =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** @param text RFC 3339 with at most nine digits of a second; no leap seconds. */
export function parseTimestamp(text: string): Timestamp | Failure {
  const match = rfc3339.exec(text);
  if (!match) return notTimestamp;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(0);
  // `Date.UTC` would take the years 0 to 99 as 1900 to 1999.
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59) {
    return notTimestamp;
  }
  date.setUTCHours(hour, minute, second);
  const offsetMinutes = match[8] === undefined ? 0 : (Number(match[9]) * 60 + Number(match[10])) * sign(match[8]);
  const seconds = BigInt(date.getTime() / 1000 - offsetMinutes * 60);
  return timestampOf(seconds * nanosPerSecond + BigInt((match[7] ?? '').padEnd(9, '0')));
}

const notTimestamp = new Failure('no timestamp of RFC 3339, such as 2030-01-31T12:00:00Z');

/** RFC 3339 in UTC, with as many digits of the second as needed. */
export function formatTimestamp(timestamp: Timestamp): string {
  const seconds = floorDivide(timestamp.nanos, nanosPerSecond);
  const fraction = timestamp.nanos - seconds * nanosPerSecond;
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}${formatFraction(fraction)}Z`;
}

/** Whole seconds since 1970, rounded down. */
export function secondsOf(timestamp: Timestamp): bigint {
  return floorDivide(timestamp.nanos, nanosPerSecond);
}

const nanosPerUnit: Readonly<Record<string, bigint>> = {
  h: 3600n * nanosPerSecond,
  m: 60n * nanosPerSecond,
  s: nanosPerSecond,
  ms: 1_000_000n,
  us: 1_000n,
  // Go takes both the micro sign and the Greek letter.
  '\u00b5s': 1_000n,
  '\u03bcs': 1_000n,
  ns: 1n,
};
const durationPart = /(\d*)(?:\.(\d*))?(h|ms|m|s|us|\u00b5s|\u03bcs|ns)/y;

/** @param text a signed sequence of decimals with units: `1h30m`, `-1.5s`, `0`. Below a nanosecond is cut off. */
export function parseDuration(text: string): Duration | Failure {
  const negative = text.startsWith('-');
  const unsigned = negative || text.startsWith('+') ? text.slice(1) : text;
  if (unsigned === '0') return new Duration(0n);
  // The longest that fits has far fewer; more digits would only cost time.
  if (unsigned === '' || unsigned.length > 200) return notDuration;
  let nanos = 0n;
  let at = 0;
  while (at < unsigned.length) {
    durationPart.lastIndex = at;
    const match = durationPart.exec(unsigned);
    if (!match) return notDuration;
    const [all, whole, fraction = '', unit] = match as unknown as [string, string, string | undefined, string];
    if (whole === '' && fraction === '') return notDuration;
    const scale = nanosPerUnit[unit] as bigint;
    nanos += BigInt(whole || '0') * scale + (BigInt(fraction || '0') * scale) / 10n ** BigInt(fraction.length);
    at += all.length;
  }
  return durationOf(negative ? -nanos : nanos);
}

const notDuration = new Failure('no duration, such as 1h30m or 1.5s');

/** Seconds with as many digits as needed: `5400s`, `-1.5s`. */
export function formatDuration(duration: Duration): string {
  const negative = duration.nanos < 0n;
  const nanos = negative ? -duration.nanos : duration.nanos;
  return `${negative ? '-' : ''}${nanos / nanosPerSecond}${formatFraction(nanos % nanosPerSecond)}s`;
}

/** The functions that take a timestamp apart. */
export type TimestampPart =
  | 'getFullYear'
  | 'getMonth'
  | 'getDate'
  | 'getDayOfMonth'
  | 'getDayOfWeek'
  | 'getDayOfYear'
  | 'getHours'
  | 'getMinutes'
  | 'getSeconds'
  | 'getMilliseconds';

const millisecondsPerDay = 86_400_000;

/** @param offsetSeconds of the time zone, east of UTC positive. */
export function timestampPart(part: TimestampPart, timestamp: Timestamp, offsetSeconds = 0): bigint {
  const local = new Date(Number(floorDivide(timestamp.nanos, 1_000_000n)) + offsetSeconds * 1000);
  return BigInt(partOf(part, local));
}

function partOf(part: TimestampPart, local: Date): number {
  switch (part) {
    case 'getFullYear':
      return local.getUTCFullYear();
    case 'getMonth':
      return local.getUTCMonth();
    case 'getDate':
      return local.getUTCDate();
    case 'getDayOfMonth':
      return local.getUTCDate() - 1;
    case 'getDayOfWeek':
      return local.getUTCDay();
    case 'getDayOfYear': {
      const start = new Date(local);
      start.setUTCMonth(0, 1);
      return Math.round((local.getTime() - start.getTime()) / millisecondsPerDay);
    }
    case 'getHours':
      return local.getUTCHours();
    case 'getMinutes':
      return local.getUTCMinutes();
    case 'getSeconds':
      return local.getUTCSeconds();
    case 'getMilliseconds':
      return local.getUTCMilliseconds();
  }
}

/**
 * Of a duration: the whole of it in that unit, but for the milliseconds, which are those of its last second.
 * @returns undefined for parts that durations do not have.
 */
export function durationPartOf(part: TimestampPart, duration: Duration): bigint | undefined {
  switch (part) {
    case 'getHours':
      return duration.nanos / (3600n * nanosPerSecond);
    case 'getMinutes':
      return duration.nanos / (60n * nanosPerSecond);
    case 'getSeconds':
      return duration.nanos / nanosPerSecond;
    case 'getMilliseconds':
      return (duration.nanos % nanosPerSecond) / 1_000_000n;
    default:
      return undefined;
  }
}

function formatFraction(nanos: bigint): string {
  return nanos === 0n ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}

function sign(text: string): 1 | -1 {
  return text === '-' ? -1 : 1;
}
