/** The law of `OutboxStore` as tests. Whoever writes one runs them against it. */
import { describe, expect, test } from 'vitest';
import type { OutboxRecord, OutboxStore } from '../outbox-store.ts';

export function aRecord(clientId: string, changes: Partial<OutboxRecord> = {}): OutboxRecord {
  const content = { text: `text of ${clientId}` };
  return { clientId, room: 'r', createdAt: 1, content, files: [], bytes: 10, revision: 1, ...changes };
}

/**
 * Declares the suite.
 * @param open the store of a user, as a tab opens it. Called once a test, unless the store is `isShared`.
 * @param isShared whether stores opened for the same user share what they hold, and outlive being closed.
 */
export function testOutboxStore(name: string, open: (user: string) => OutboxStore, isShared: boolean): void {
  describe(`${name}: the law of OutboxStore`, () => {
    test('what is added is there, with its files', async () => {
      await using store = open('ann');
      await store.add(aRecord('a'), new Map([['a.0', new Blob(['hello'])]]));
      await store.add(aRecord('b'), new Map());
      expect((await store.all()).toSorted((a, b) => (a.clientId < b.clientId ? -1 : 1))).toEqual([
        aRecord('a'),
        aRecord('b'),
      ]);
      expect(await (await store.file('a', 'a.0'))?.text()).toBe('hello');
      expect(await store.file('a', 'a.1')).toBeUndefined();
      expect(await store.file('b', 'a.0')).toBeUndefined();
    });

    test('a record is changed as it is then; one that is gone does not come back', async () => {
      await using store = open('ann');
      await store.add(aRecord('a'), new Map());
      const raise = (record: OutboxRecord): OutboxRecord => ({ ...record, revision: record.revision + 1 });
      await Promise.all([store.change('a', raise), store.change('a', raise), store.change('never', raise)]);
      expect(await store.all()).toEqual([aRecord('a', { revision: 3 })]);
      await Promise.all([store.remove('a'), store.change('a', raise)]);
      expect(await store.all()).toEqual([]);
    });

    test('a removed record takes its files with it, and nothing else', async () => {
      await using store = open('ann');
      for (const id of ['a', 'a.0', 'ab']) await store.add(aRecord(id), new Map([[`${id}.0`, new Blob([id])]]));
      await store.remove('a');
      expect((await store.all()).map(({ clientId }) => clientId).toSorted()).toEqual(['a.0', 'ab']);
      expect(await store.file('a', 'a.0')).toBeUndefined();
      expect(await (await store.file('ab', 'ab.0'))?.text()).toBe('ab');
      await store.clear();
      expect([await store.all(), await store.file('ab', 'ab.0')]).toEqual([[], undefined]);
    });

    if (!isShared) return;

    test('it outlives being closed, and another user sees nothing of it', async () => {
      {
        await using store = open('ann');
        await store.add(aRecord('a'), new Map([['a.0', new Blob(['hello'])]]));
      }
      await using other = open('ben');
      expect(await other.all()).toEqual([]);
      await using again = open('ann');
      expect(await again.all()).toEqual([aRecord('a')]);
      expect(await (await again.file('a', 'a.0'))?.text()).toBe('hello');
    });
  });
}
