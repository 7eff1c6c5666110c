import fc from 'fast-check';
import { expect, test } from 'vitest';
import { factKey } from './relation.ts';

test('two facts of a relation have one key if and only if they are the same', () => {
  const word = fc.oneof(fc.string(), fc.stringMatching(/^[0-9:]{0,5}$/));
  const fact = fc.tuple(word, fc.bigInt({ min: -20n, max: 20n }), word, fc.boolean());
  fc.assert(
    fc.property(fact, fact, (a, b) => {
      expect(factKey(a) === factKey(b)).toBe(a.every((arg, i) => arg === b[i]));
    }),
  );
});
