import { afterEach, expect, test, vi } from 'vitest';
import { newClientId } from './client-id.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test.each(['with crypto', 'without'])('ids are UUIDs of version 7, and sort by time, %s', (how) => {
  if (how === 'without') vi.stubGlobal('crypto', undefined);
  vi.useFakeTimers();
  const ids = [0, 1, 1_800_000_000_000, 1_800_000_000_001].map((at) => {
    vi.setSystemTime(at);
    return newClientId();
  });
  for (const id of ids) expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  expect(ids.toSorted()).toEqual(ids);
  expect(ids[2]).toMatch(
    new RegExp(
      `^${(1_800_000_000_000)
        .toString(16)
        .padStart(12, '0')
        .replace(/(.{8})/, '$1-')}`,
    ),
  );
});

test('no two are the same, in one millisecond either', () => {
  vi.useFakeTimers();
  const ids = Array.from({ length: 10_000 }, newClientId);
  expect(new Set(ids).size).toBe(ids.length);
});
