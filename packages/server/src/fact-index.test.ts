import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FactIndex } from './fact-index.ts';

const fact = (relation: string, key: string) => ({ relation, key });

test('dependents of a fact, of several, and of a whole relation', () => {
  const index = new FactIndex<{ name: string }>();
  const a = { name: 'a' };
  const b = { name: 'b' };
  index.add(a, [fact('member', 'g1'), fact('friend', 'x')]);
  index.add(b, [fact('member', 'g1'), fact('member', 'g2')]);
  expect([...index.dependents('member', ['g1'])]).toEqual([a, b]);
  expect([...index.dependents('member', ['g2', 'g3'])]).toEqual([b]);
  expect(new Set(index.dependents('member', undefined))).toEqual(new Set([a, b]));
  expect([...index.dependents('nothing', undefined)]).toEqual([]);
});

test('agrees with a list of pairs, and holds nothing when all have gone', () => {
  const operation = fc.record({
    add: fc.boolean(),
    who: fc.integer({ min: 0, max: 3 }),
    relation: fc.constantFrom('r', 's'),
    key: fc.constantFrom('a', 'b', 'c'),
  });
  fc.assert(
    fc.property(fc.array(operation), (operations) => {
      const people = [0, 1, 2, 3].map((id) => ({ id }));
      const index = new FactIndex<{ id: number }>();
      const model = new Map<string, { who: { id: number }; relation: string; key: string }>();
      for (const { add, who, relation, key } of operations) {
        const person = people[who]!;
        if (add) {
          index.add(person, [fact(relation, key)]);
          model.set(`${who} ${relation} ${key}`, { who: person, relation, key });
        } else {
          index.remove(person, [fact(relation, key)]);
          model.delete(`${who} ${relation} ${key}`);
        }
      }
      for (const relation of ['r', 's']) {
        for (const key of ['a', 'b', 'c']) {
          const expected = [...model.values()].filter((pair) => pair.relation === relation && pair.key === key);
          expect(new Set(index.dependents(relation, [key]))).toEqual(new Set(expected.map(({ who }) => who)));
        }
      }
      for (const { who, relation, key } of model.values()) index.remove(who, [fact(relation, key)]);
      expect(index.size).toBe(0);
    }),
  );
});
