import { describe, expect, test } from 'vitest';
import { FakeClock, settle } from '../../lib/clock.ts';
import { createLogger } from '../../lib/logger.ts';
import { types } from '../types.ts';
import { Failure } from '../value.ts';
import { factKey, Unprepared, type RelationSignature } from '../relation.ts';
import { FunctionRelation, type RelationFunction } from './function.ts';

const signature: RelationSignature = { name: 'member', parameters: [{ name: 'uid', type: types.string }] };

async function started(ask: RelationFunction, options: { cacheSize?: number; cacheTtlMs?: number } = {}) {
  const clock = new FakeClock();
  let logged = '';
  const relation = new FunctionRelation(signature, {
    ask,
    symmetric: false,
    cacheTtlMs: 30_000,
    cacheSize: 100,
    ...options,
    clock,
    logger: createLogger('error', { write: (line: string) => void (logged += line) }),
  });
  await relation.start();
  const told: string[] = [];
  relation.onChange((changed) => told.push(changed?.map(factKey).join() ?? 'all'));
  return { relation, clock, told, log: () => logged };
}

/** A function that counts its calls and answers what stands in a set. */
function membership(...members: string[]) {
  const facts = new Set(members);
  const asked: string[] = [];
  const ask: RelationFunction = (uid) => {
    asked.push(String(uid));
    return Promise.resolve(facts.has(String(uid)));
  };
  return { facts, asked, ask };
}

describe('answers', () => {
  test('are there after asking, once for all who wait', async () => {
    const { ask, asked } = membership('u1');
    const { relation } = await started(ask);
    expect(relation.has(['u1'])).toBeInstanceOf(Unprepared);
    await Promise.all([relation.prepare(['u1']), relation.prepare(['u1']), relation.prepare(['u2'])]);
    expect([relation.has(['u1']), relation.has(['u2'])]).toEqual([true, false]);
    await relation.prepare(['u1']);
    expect(asked).toEqual(['u1', 'u2']);
  });

  test.each<[string, RelationFunction]>([
    [
      'a throw',
      () => {
        throw new Error('hunter2');
      },
    ],
    ['a rejection', () => Promise.reject(new Error('hunter2'))],
    ['an answer that is neither true nor false', () => 1 as unknown as boolean],
  ])('%s is a failure, for a second', async (_, ask) => {
    let calls = 0;
    const { relation, clock, log } = await started((...args) => (calls++, ask(...args)));
    await relation.prepare(['u1']);
    expect(relation.has(['u1'])).toEqual(new Failure('member failed'));
    expect(relation.has(['u1'])).not.toBeInstanceOf(Unprepared);
    await relation.prepare(['u1']);
    expect(calls).toBe(1);
    expect(log().split('\n').filter(Boolean)).toHaveLength(1);
    await clock.advance(1_000);
    expect(calls).toBe(2);
  });

  test('no answer is a failure after five seconds, and a late one does not count', async () => {
    const late = Promise.withResolvers<boolean>();
    const { relation, clock } = await started(() => late.promise);
    const prepared = relation.prepare(['u1']);
    await settle();
    await clock.advance(5_000);
    await prepared;
    expect(relation.has(['u1'])).toEqual(new Failure('member failed'));
    late.resolve(true);
    await settle();
    expect(relation.has(['u1'])).toBeInstanceOf(Failure);
  });
});

describe('when the time of an answer is over', () => {
  test('one in use is asked for again in the background, serves until then, and listeners are told', async () => {
    const { ask, facts, asked } = membership('u1');
    const gate = { open: Promise.resolve() };
    const { relation, clock, told } = await started(async (...args) => {
      await gate.open;
      return ask(...args);
    });
    await relation.prepare(['u1']);
    expect(relation.has(['u1'])).toBe(true);
    facts.delete('u1');
    const open = Promise.withResolvers<void>();
    gate.open = open.promise;
    await clock.advance(31_000);
    expect([relation.has(['u1']), told]).toEqual([true, []]);
    open.resolve();
    await settle();
    expect([relation.has(['u1']), told]).toEqual([false, ['u1']]);
    expect(asked).toEqual(['u1', 'u1']);
  });

  test('one that a listener still asks for stays, however often', async () => {
    const { ask, asked } = membership('u1');
    const { relation, clock } = await started(ask);
    relation.onChange(() => void relation.has(['u1']));
    await relation.prepare(['u1']);
    relation.has(['u1']);
    for (let i = 0; i < 5; i++) await clock.advance(31_000);
    expect(asked.length).toBeGreaterThanOrEqual(5);
    expect(relation.has(['u1'])).toBe(true);
  });

  test('one that nobody asked for is dropped, and listeners are told', async () => {
    const { ask, asked } = membership('u1');
    const { relation, clock, told } = await started(ask);
    await relation.prepare(['u1']);
    await clock.advance(31_000);
    expect(told).toEqual(['u1']);
    expect(relation.has(['u1'])).toBeInstanceOf(Unprepared);
    expect(asked).toEqual(['u1']);
  });
});

describe('places for answers', () => {
  test('are limited: the one used longest ago goes', async () => {
    const { ask } = membership('u1', 'u2', 'u3');
    const { relation } = await started(ask, { cacheSize: 2 });
    await relation.prepare(['u1']);
    await relation.prepare(['u2']);
    relation.has(['u1']);
    await relation.prepare(['u3']);
    expect([relation.has(['u1']), relation.has(['u3'])]).toEqual([true, true]);
    expect(relation.has(['u2'])).toBeInstanceOf(Unprepared);
  });

  test('that were too few are told of once in a life time', async () => {
    const { ask } = membership();
    const { relation, clock, told } = await started(ask, { cacheSize: 1 });
    for (const uid of ['u1', 'u2', 'u3']) await relation.prepare([uid]);
    await clock.advance(29_999);
    expect(told).toEqual([]);
    await clock.advance(2);
    expect(told.filter((each) => each === 'all')).toHaveLength(1);
  });
});

describe('invalidate', () => {
  test('forgets one answer or all, and tells', async () => {
    const { ask, facts } = membership('u1', 'u2');
    const { relation, told } = await started(ask);
    await relation.prepare(['u1']);
    await relation.prepare(['u2']);
    facts.clear();
    relation.invalidate(['u1']);
    expect(told).toEqual(['u1']);
    expect(relation.has(['u1'])).toBeInstanceOf(Unprepared);
    expect(relation.has(['u2'])).toBe(true);
    relation.invalidate();
    expect(told).toEqual(['u1', 'all']);
    expect(relation.has(['u2'])).toBeInstanceOf(Unprepared);
    await relation.prepare(['u1']);
    expect(relation.has(['u1'])).toBe(false);
  });

  test('an answer that was under way does not count: it is asked for anew', async () => {
    const answers = [Promise.withResolvers<boolean>(), Promise.withResolvers<boolean>()];
    let calls = 0;
    const { relation } = await started(() => (answers[calls++] as PromiseWithResolvers<boolean>).promise);
    const prepared = relation.prepare(['u1']);
    await settle();
    relation.invalidate(['u1']);
    answers[0]?.resolve(true);
    await settle();
    expect(relation.has(['u1'])).toBeInstanceOf(Unprepared);
    answers[1]?.resolve(false);
    await prepared;
    expect([relation.has(['u1']), calls]).toEqual([false, 2]);
  });

  test('a fact that is none is an error', async () => {
    const { relation } = await started(() => true);
    expect(() => relation.invalidate([])).toThrow('0 values; member takes 1 (uid)');
  });
});
