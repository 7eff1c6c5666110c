import { describe, expect, test } from 'vitest';
import { loopingMaker, rowMaker } from './row-maker.ts';

describe.each([
  ['rowMaker', rowMaker],
  ['loopingMaker', loopingMaker],
])('%s', (_name, make) => {
  test('names the values', () => {
    expect(make(['a', 'b'])([1, null])).toEqual({ a: 1, b: null });
  });

  test('a name is a name, whatever stands in it', () => {
    const names = ['__proto__', 'a"]: 1, ["b', 'c\n\\', '\u2028', 'count(*)', ''];
    const row = make(names)([{ hidden: 1 }, 2, 3, 4, 5, 6]);
    expect(Object.keys(row)).toEqual(names);
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
  });

  test('of those with one name, the last counts', () => {
    expect(make(['a', 'a'])([1, 2])).toEqual({ a: 2 });
  });
});
