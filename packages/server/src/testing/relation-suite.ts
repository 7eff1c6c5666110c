/** The law of `Relation`, for every implementation. */
import { afterEach, describe, expect, test } from 'vitest';
import { factKey, type Relation, type RelationSignature } from '../rules/relation.ts';
import { types } from '../rules/types.ts';
import { Failure, type Value } from '../rules/value.ts';

/** Arguments of the relation under test: the group and the number. */
export type Pair = readonly [group: string, number: bigint];
/** Of the symmetric one. */
export type Friends = readonly [one: string, other: string];

export const pairSignature: RelationSignature = {
  name: 'pair',
  parameters: [
    { name: 'group', type: types.string },
    { name: 'number', type: types.int },
  ],
};
export const friendSignature: RelationSignature = {
  name: 'friend',
  parameters: [
    { name: 'one', type: types.string },
    { name: 'other', type: types.string },
  ],
};

export interface RelationUnderTest<Args> {
  /** Not started. */
  readonly relation: Relation;
  /** Makes a fact hold, or not, where the relation has it from. */
  set(args: Args, holds: boolean): Promise<void>;
  remove(): Promise<void>;
}

export interface RelationFactory {
  pair(facts: readonly Pair[]): Promise<RelationUnderTest<Pair>>;
  friend(facts: readonly Friends[]): Promise<RelationUnderTest<Friends>>;
}

/** Waits, with real time, for what another process or a database has to tell. */
export async function eventually(assertion: () => void | Promise<void>, withinMs = 10_000): Promise<void> {
  await expect.poll(async () => (await assertion(), true), { timeout: withinMs, interval: 5 }).toBe(true);
}

async function ask(relation: Relation, args: readonly Value[]): Promise<boolean | Failure> {
  await relation.prepare?.(args);
  return relation.has(args);
}

/** Texts and numbers that are easily taken for one another. */
const oddPairs: readonly Pair[] = [
  ['', 1n],
  ['1', 1n],
  ['1:', 1n],
  ['a', 11n],
  ['a1', 1n],
  ['A', 1n],
  ['é😀"\\', -1n],
  [' x ', 9_007_199_254_740_993n],
  ['__proto__', 9_223_372_036_854_775_807n],
  ['m', -9_223_372_036_854_775_808n],
];

/** @param factory makes relations called `pair` and `friend`, the second one symmetric. */
export function testRelation(name: string, factory: RelationFactory): void {
  describe(name, () => {
    const used: RelationUnderTest<never>[] = [];
    afterEach(async () => {
      for (const each of used.splice(0)) {
        await each.relation.stop();
        await each.remove();
      }
    });
    async function pair(facts: readonly Pair[]): Promise<RelationUnderTest<Pair>> {
      const made = await factory.pair(facts);
      used.push(made);
      return made;
    }
    async function friend(facts: readonly Friends[]): Promise<RelationUnderTest<Friends>> {
      const made = await factory.friend(facts);
      used.push(made);
      return made;
    }

    test('before the start and after the end every answer is a failure', async () => {
      const { relation } = await pair([['a', 1n]]);
      expect(await ask(relation, ['a', 1n])).toBeInstanceOf(Failure);
      await relation.start();
      expect(await ask(relation, ['a', 1n])).toBe(true);
      await relation.stop();
      expect(await ask(relation, ['a', 1n])).toBeInstanceOf(Failure);
    });

    test('to stop twice, or without a start, does nothing', async () => {
      const { relation } = await pair([]);
      await relation.stop();
      await relation.start();
      await relation.stop();
      await relation.stop();
    });

    test('the facts hold, and no others', async () => {
      const { relation } = await pair(oddPairs);
      await relation.start();
      for (const [i, fact] of oddPairs.entries()) {
        expect([fact, await ask(relation, fact)]).toEqual([fact, true]);
        const other: Pair = [fact[0], oddPairs[(i + 6) % oddPairs.length]?.[1] ?? 0n];
        const isFact = oddPairs.some(([group, number]) => group === other[0] && number === other[1]);
        expect([other, await ask(relation, other)]).toEqual([other, isFact]);
      }
    });

    test('arguments of another number or type are a failure, and never throw', async () => {
      const { relation } = await pair([['1', 1n]]);
      await relation.start();
      const hostile: readonly (readonly Value[])[] = [
        [],
        ['1'],
        ['1', 1n, 1n],
        ['1', 1],
        ['1', '1'],
        [1n, 1n],
        [null, 1n],
        [Object.create(null) as Value, 1n],
        ['1', [1n]],
      ];
      for (const args of hostile) expect(await ask(relation, args)).toBeInstanceOf(Failure);
    });

    test('a change is told once the answer is the new one', async () => {
      const { relation, set } = await pair([['a', 1n]]);
      await relation.start();
      expect(await ask(relation, ['b', 2n])).toBe(false);
      const told: (boolean | Failure)[] = [];
      relation.onChange((changed) => {
        if (changed?.some(([group, number]) => group === 'b' && number === 2n) === false) return;
        void ask(relation, ['b', 2n]).then((answer) => told.push(answer));
      });
      await set(['b', 2n], true);
      await eventually(() => expect(told.at(-1)).toBe(true));
      await set(['b', 2n], false);
      await eventually(() => expect(told.at(-1)).toBe(false));
      expect(await ask(relation, ['a', 1n])).toBe(true);
    });

    test('who is off is not told, and neither is anybody after the end', async () => {
      const { relation, set } = await pair([]);
      await relation.start();
      await ask(relation, ['b', 2n]);
      let off = 0;
      let on = 0;
      const takeOff = relation.onChange(() => off++);
      relation.onChange(() => on++);
      const before = off;
      takeOff();
      await set(['b', 2n], true);
      await eventually(() => expect(on).toBeGreaterThan(0));
      expect(off).toBe(before);
      await relation.stop();
      const told = on;
      await set(['b', 3n], true);
      expect(on).toBe(told);
    });

    test('a symmetric one holds both ways round, and tells both', async () => {
      const { relation, set } = await friend([
        ['ann', 'bob'],
        ['zoe', 'ann'],
      ]);
      await relation.start();
      for (const both of [
        ['ann', 'bob'],
        ['bob', 'ann'],
        ['ann', 'zoe'],
        ['zoe', 'ann'],
      ]) {
        expect([both, await ask(relation, both)]).toEqual([both, true]);
      }
      expect(await ask(relation, ['bob', 'zoe'])).toBe(false);
      const told = new Set<string>();
      relation.onChange((changed) => {
        for (const args of changed ?? []) told.add(factKey(args));
      });
      await set(['ann', 'bob'], false);
      await eventually(async () => expect(await ask(relation, ['bob', 'ann'])).toBe(false));
      await eventually(() => expect(told).toEqual(new Set([factKey(['ann', 'bob']), factKey(['bob', 'ann'])])));
      expect(await ask(relation, ['zoe', 'ann'])).toBe(true);
    });
  });
}
