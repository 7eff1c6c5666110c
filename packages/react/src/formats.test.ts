import { expect, test } from 'vitest';
import { createFormats } from './formats.ts';

const at = (text: string): number => Date.parse(`${text}Z`);
const now = at('2026-03-18T12:00:00');
const formats = createFormats('en-GB', 'UTC');

test.each([
  ['2026-03-18T09:05:00', 'Today', '09:05'],
  ['2026-03-17T23:59:00', 'Yesterday', 'Tue'],
  ['2026-03-14T10:00:00', 'Saturday', 'Sat'],
  ['2026-02-01T10:00:00', '1 February', '1 Feb'],
  ['2024-02-01T10:00:00', '1 February 2024', '01/02/2024'],
])('%s is %j between messages and %j in lists', (time, day, short) => {
  expect(formats.day(at(time), now)).toBe(day);
  expect(formats.short(at(time), now)).toBe(short);
});

test('the day is that of the time zone', () => {
  const tokyo = createFormats('en-GB', 'Asia/Tokyo');
  const [evening, night] = [at('2026-03-18T14:59:00'), at('2026-03-18T15:01:00')];
  expect(formats.dayNumber(night) - formats.dayNumber(evening)).toBe(0);
  expect(tokyo.dayNumber(night) - tokyo.dayNumber(evening)).toBe(1);
});

test('times ago, sizes and lists', () => {
  expect(formats.ago(now - 5 * 60_000, now)).toBe('5 minutes ago');
  expect(formats.ago(now - 3 * 3_600_000, now)).toBe('3 hours ago');
  expect(formats.bytes(999)).toBe('999 B');
  expect(formats.bytes(1_440_000)).toBe('1.4 MB');
  expect(formats.list(['a', 'b', 'c'])).toBe('a, b and c');
  expect(createFormats('de', 'UTC').day(now - 86_400_000, now)).toBe('Gestern');
});
