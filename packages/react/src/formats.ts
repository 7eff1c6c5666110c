/** Dates, times and numbers as the person's language writes them, by `Intl`. */

export interface Formats {
  readonly locale: string | undefined;
  /** 14:05 */
  time(ms: number): string;
  /** Wednesday, 12 March 2025 at 14:05, for titles. */
  full(ms: number): string;
  /** Today, yesterday, Wednesday, 12 March: what stands between the messages of two days. */
  day(ms: number, nowMs: number): string;
  /** The shortest that tells it: 14:05, Wed, 12 Mar, 12/03/2024; for lists. */
  short(ms: number, nowMs: number): string;
  /** "5 minutes ago" */
  ago(ms: number, nowMs: number): string;
  number(value: number): string;
  /** 1.4 MB */
  bytes(value: number): string;
  list(values: readonly string[]): string;
  /** A number that is the same for two times of one day, and rises with the days. */
  dayNumber(ms: number): number;
}

const dayMs = 86_400_000;

/** Dates, numbers and lists as a locale writes them. */
export function createFormats(locale?: string, timeZone?: string): Formats {
  const zone = timeZone === undefined ? {} : { timeZone };
  const format = (options: Intl.DateTimeFormatOptions): ((ms: number) => string) => {
    // Made when first needed: each costs a few milliseconds.
    let formatter: Intl.DateTimeFormat | undefined;
    return (ms) => (formatter ??= new Intl.DateTimeFormat(locale, { ...options, ...zone })).format(ms);
  };
  const time = format({ timeStyle: 'short' });
  const full = format({ dateStyle: 'full', timeStyle: 'short' });
  const weekday = format({ weekday: 'long' });
  const shortWeekday = format({ weekday: 'short' });
  const monthDay = format({ month: 'long', day: 'numeric' });
  const shortMonthDay = format({ month: 'short', day: 'numeric' });
  const date = format({ dateStyle: 'long' });
  const shortDate = format({ dateStyle: 'short' });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const integers = new Intl.NumberFormat(locale);
  const decimals = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  const names = new Intl.ListFormat(locale, { type: 'conjunction', style: 'long' });
  const dayNumber = timeZone === undefined ? localDayNumber : zonedDayNumber(timeZone);
  const daysAgo = (ms: number, nowMs: number): number => dayNumber(nowMs) - dayNumber(ms);

  return {
    locale,
    time,
    full,
    dayNumber,
    day(ms, nowMs) {
      const days = daysAgo(ms, nowMs);
      if (days === 0 || days === 1) return capitalise(relative.format(-days, 'day'), locale);
      if (days > 1 && days < 7) return weekday(ms);
      return days >= 0 && days < 300 ? monthDay(ms) : date(ms);
    },
    short(ms, nowMs) {
      const days = daysAgo(ms, nowMs);
      if (days <= 0) return time(ms);
      if (days < 7) return shortWeekday(ms);
      return days < 300 ? shortMonthDay(ms) : shortDate(ms);
    },
    ago(ms, nowMs) {
      const seconds = Math.max(0, nowMs - ms) / 1000;
      if (seconds < 3600) return relative.format(-Math.max(1, Math.round(seconds / 60)), 'minute');
      if (seconds < 86_400) return relative.format(-Math.round(seconds / 3600), 'hour');
      return relative.format(-Math.round(seconds / 86_400), 'day');
    },
    number: (value) => integers.format(value),
    bytes(value) {
      if (value < 1000) return `${integers.format(value)} B`;
      const [size, unit] = value < 1_000_000 ? [value / 1000, 'KB'] : [value / 1_000_000, 'MB'];
      return `${decimals.format(size)} ${unit}`;
    },
    list: (values) => names.format(values),
  };
}

function localDayNumber(ms: number): number {
  const date = new Date(ms);
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / dayMs);
}

function zonedDayNumber(timeZone: string): (ms: number) => number {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  return (ms) => Math.round(Date.parse(`${parts.format(ms)}T00:00:00Z`) / dayMs);
}

function capitalise(text: string, locale: string | undefined): string {
  const [first = ''] = text;
  return first.toLocaleUpperCase(locale) + text.slice(first.length);
}
