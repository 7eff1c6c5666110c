import fc from 'fast-check';
import { expect, test } from 'vitest';
import { duration, formatDuration, formatSize, parseDurationMs, size } from './units.ts';

test.each([
  ['250ms', 250],
  ['25s', 25_000],
  ['1.5m', 90_000],
  [' 2 h ', 7_200_000],
  ['7d', 604_800_000],
  ['100', 100],
  [100, 100],
])('duration %j is %d ms', (text, ms) => {
  expect(duration().parse(text)).toBe(ms);
});

test.each(['', 's', '5 parsecs', '-1s', '1s2', 'Infinity', '5 constructor', -1, Number.NaN, true])(
  '%j is no duration',
  (value) => {
    expect(duration().safeParse(value).success).toBe(false);
  },
);

test.each([
  ['512B', 512],
  ['64KB', 65_536],
  ['1MB', 1_048_576],
  [7, 7],
])('size %j is %d bytes', (text, bytes) => {
  expect(size().parse(text)).toBe(bytes);
});

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.nat(), (value) => {
      expect(parseDurationMs(formatDuration(value))).toBe(value);
      expect(size().parse(formatSize(value))).toBe(value);
    }),
  );
  expect(formatDuration(90_000)).toBe('90s');
  expect(formatSize(65_536)).toBe('64KB');
  expect(formatDuration(0)).toBe('0ms');
});
