import { expect, test } from 'vitest';
import { newSortableId, SortableIds } from './ids.ts';

const version7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

test('a sortable id is a version 7 UUID of its time', () => {
  const id = newSortableId(0x0123_4567_89ab);
  expect(id).toMatch(version7);
  expect(id.startsWith('01234567-89ab-7')).toBe(true);
});

test('many of one millisecond sort in the order in which they were made, and are those of nobody else', () => {
  const [ids, others] = [new SortableIds(), new SortableIds()];
  const times = [1_000, 1_000, 1_000, 1_001, 1_001, 2_000_000_000_000, 2_000_000_000_000];
  const made = times.map((time) => ids.next(time));
  for (const id of made) expect(id).toMatch(version7);
  expect(made.toSorted()).toEqual(made);
  expect(new Set([...made, ...times.map((time) => others.next(time))]).size).toBe(times.length * 2);
});

test('a clock that is set back gives nothing twice', () => {
  const ids = new SortableIds();
  const made = [5, 4, 5, 5, 4].map((time) => ids.next(time));
  expect(new Set(made).size).toBe(made.length);
});
