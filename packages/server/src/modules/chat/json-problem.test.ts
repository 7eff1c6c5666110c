import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonProblem } from './json-problem.ts';

test('every JSON value of sound text and moderate depth can be stored', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 20 }), (value) => {
      const text = JSON.stringify(value);
      const sound = !/\\u0000|\\ud[89a-f]/i.test(text);
      expect(jsonProblem(JSON.parse(text)) === undefined).toBe(sound);
    }),
  );
});

test.for([
  ['U+0000', 'a\0', /well-formed/],
  ['a lone surrogate in a name', { '\uD800': 1 }, /well-formed/],
  ['no number', { a: [Number.NaN] }, /found NaN/],
  ['something else', [() => {}], /found function/],
  ['nothing', { a: undefined }, /found undefined/],
] as const)('%s is named', ([, value, words]) => {
  expect(jsonProblem(value)).toMatch(words);
});

test('depth ends at 32, however deep it goes', () => {
  const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown;
  expect(jsonProblem(nested(33))).toBeUndefined();
  expect(jsonProblem(nested(34))).toBe('nested deeper than 32');
  expect(jsonProblem(nested(100_000))).toBe('nested deeper than 32');
});
