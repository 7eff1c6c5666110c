import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { types } from '../types.ts';
import { Facts, FactSet, type Argument } from './facts.ts';

const facts = new Facts(
  {
    name: 'm',
    parameters: [
      { name: 'a', type: types.string },
      { name: 'b', type: types.int },
      { name: 'c', type: types.bool },
    ],
  },
  false,
);

describe('FactSet', () => {
  test.each([1, 2, 3])('with %i arguments behaves as a set of their texts', (count) => {
    const arg = fc.constantFrom<Argument[]>('', 'a', '1:', '1', 'aa');
    const step = fc.tuple(fc.boolean(), fc.array(arg, { minLength: count, maxLength: count }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const set = new FactSet();
        const model = new Set<string>();
        for (const [add, args] of steps) {
          expect(set.has(args)).toBe(model.has(JSON.stringify(args)));
          if (add) {
            set.add(args);
            model.add(JSON.stringify(args));
          } else {
            set.delete(args);
            model.delete(JSON.stringify(args));
          }
          expect(set.size).toBe(model.size);
        }
        for (const [, args] of steps) expect(set.has(args)).toBe(model.has(JSON.stringify(args)));
      }),
    );
  });
});

describe('a fact is read', () => {
  test.each<[unknown[], unknown]>([
    [
      ['x', 1, true],
      ['x', 1n, true],
    ],
    [
      ['x', 9_007_199_254_740_993n, false],
      ['x', 9_007_199_254_740_993n, false],
    ],
    [['x', 1], '2 values; m takes 3 (a, b, c)'],
    [[1, 1, true], 'a number as a; it is string'],
    [['x', 1.5, true], 'a number that is not whole or not exact as b; it is int'],
    [['x', 2 ** 60, true], 'a number that is not whole or not exact as b; it is int'],
    [['x', 2n ** 63n, true], 'an int beyond 64 bits as b'],
    [['x', '1', true], 'a string as b; it is int'],
    [['x', 1, null], 'null as c; it is bool'],
  ])('%# of what people give', (input, expected) => {
    expect(facts.read(input)).toEqual(expected);
  });

  test.each<[(string | null)[], unknown]>([
    [
      ['x', '9223372036854775807', 'true'],
      ['x', 9_223_372_036_854_775_807n, true],
    ],
    [
      ['', '-1', '0'],
      ['', -1n, false],
    ],
    [['x', null, 'true'], undefined],
    [['x', '1.5', 'true'], undefined],
    [['x', '', 'true'], undefined],
    [['x', '1', 'maybe'], undefined],
    [['x', '1'], undefined],
  ])('%# of texts of a database', (texts, expected) => {
    expect(facts.readTexts(texts)).toEqual(expected);
  });
});
