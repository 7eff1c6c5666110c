import { expect, test } from 'vitest';
import { DecisionCache } from './decision-cache.ts';
import type { RelationReader } from './value.ts';

const decision = { decision: { allow: true } } as const;

/** Answers from a set, and counts how often it is asked. */
function reader(facts: Set<string>): RelationReader & { asked: number } {
  const counting = {
    asked: 0,
    related: (_relation: string, args: readonly unknown[]) => {
      counting.asked++;
      return facts.has(String(args[0]));
    },
  };
  return counting;
}

test('a decision is found until a fact that it asked is another one', () => {
  const facts = new Set(['a']);
  const relations = reader(facts);
  const cache = new DecisionCache();
  const auth = {};
  cache.keep(auth, 'publish', 'room', decision, [{ relation: 'member', args: ['a'], answer: true }]);
  expect(cache.find(auth, 'publish', 'room', relations)).toBe(decision);
  expect(relations.asked).toBe(0);
  facts.add('b');
  cache.changed();
  expect(cache.find(auth, 'publish', 'room', relations)).toBe(decision);
  expect(cache.find(auth, 'publish', 'room', relations)).toBe(decision);
  expect(relations.asked).toBe(1);
  facts.delete('a');
  cache.changed();
  expect(cache.find(auth, 'publish', 'room', relations)).toBeUndefined();
});

test('of this user, action and channel only, and of these rules', () => {
  const cache = new DecisionCache();
  const relations = reader(new Set());
  const auth = {};
  cache.keep(auth, 'publish', 'room', decision, []);
  expect(cache.find({}, 'publish', 'room', relations)).toBeUndefined();
  expect(cache.find(auth, 'history', 'room', relations)).toBeUndefined();
  expect(cache.find(auth, 'publish', 'hall', relations)).toBeUndefined();
  cache.clear();
  expect(cache.find(auth, 'publish', 'room', relations)).toBeUndefined();
});

test('a client that tries many channels makes it forget the first ones', () => {
  const cache = new DecisionCache();
  const relations = reader(new Set());
  const auth = {};
  for (let i = 0; i < 1_000; i++) cache.keep(auth, 'publish', `room${i}`, decision, []);
  const kept = Array.from({ length: 1_000 }, (_, i) => cache.find(auth, 'publish', `room${i}`, relations)).filter(
    Boolean,
  );
  expect(kept.length).toBe(256);
  expect(cache.find(auth, 'publish', 'room999', relations)).toBe(decision);
});
