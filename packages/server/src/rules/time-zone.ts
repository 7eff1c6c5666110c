/** Time zones for the parts of timestamps: names of the IANA database, and fixed offsets such as `+02:00`. */
import { Failure, type Timestamp } from './value.ts';

/** @returns seconds east of UTC at that moment. */
export type TimeZone = (timestamp: Timestamp) => number;

const fixedOffset = /^([+-]?)(\d{2}):(\d{2})$/;
const zoneName = /^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/;
const namedOffset = /^GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/;

/** Costs about a tenth of a millisecond for a name: keep it. */
export function openTimeZone(name: string): TimeZone | Failure {
  const fixed = fixedOffset.exec(name);
  if (fixed) {
    const offset = secondsOf(fixed[1], fixed[2], fixed[3]);
    return Number(fixed[2]) > 23 || Number(fixed[3]) > 59 ? unknownZone : () => offset;
  }
  if (!zoneName.test(name)) return unknownZone;
  if (name === 'UTC') return () => 0;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
  } catch {
    return unknownZone;
  }
  return (timestamp) => {
    const parts = format.formatToParts(Number(timestamp.nanos / 1_000_000n));
    const match = namedOffset.exec(parts.find((part) => part.type === 'timeZoneName')?.value ?? '');
    return match?.[1] === undefined ? 0 : secondsOf(match[1], match[2], match[3], match[4]);
  };
}

const unknownZone = new Failure('no time zone, such as Europe/Paris, UTC or +02:00');

function secondsOf(sign: string | undefined, hours = '0', minutes = '0', seconds = '0'): number {
  const value = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return sign === '-' ? -value : value;
}
