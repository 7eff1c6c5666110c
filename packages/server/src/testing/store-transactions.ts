/** Atomicity and isolation. */
import fc from 'fast-check';
import { sql } from 'kysely';
import { expect } from 'vitest';
import { isUniqueViolation } from '../stores/store.ts';
import type { SkippableTests } from './conformance.ts';
import { append, entries, type FixtureTables, rejection, type StoreFactory, StoreFixture } from './store-fixture.ts';

export function declareTransactionTests(tests: SkippableTests, factory: StoreFactory): void {
  tests.test('what a transaction wrote is there when it resolves, for another process too', async () => {
    await using fixture = await StoreFixture.start(factory);
    const other = await fixture.another();
    const result = await fixture.store.transaction<FixtureTables, string>(async (tx) => {
      await tx.insertInto('counters').values({ name: 'a', value: 1 }).execute();
      await tx.insertInto('counters').values({ name: 'b', value: 2 }).execute();
      return 'done';
    });
    expect(result).toBe('done');
    expect(await fixture.counters(other)).toEqual({ a: 1, b: 2 });
  });

  tests.test('a transaction that throws has written nothing, and rejects with what was thrown', async () => {
    await using fixture = await StoreFixture.start(factory);
    await fixture.addCounter('a', 1);
    const thrown = new Error('changed my mind');
    const error = await rejection(
      fixture.store.transaction<FixtureTables, void>(async (tx) => {
        await tx.insertInto('counters').values({ name: 'b', value: 2 }).execute();
        await tx.updateTable('counters').set({ value: 7 }).where('name', '=', 'a').execute();
        throw thrown;
      }),
    );
    expect(error).toBe(thrown);
    expect(await fixture.counters()).toEqual({ a: 1 });
  });

  tests.test('a statement that fails dooms its transaction, even if the error is caught', async () => {
    await using fixture = await StoreFixture.start(factory);
    await fixture.addCounter('a', 1);
    let later: Error | undefined;
    const error = await rejection(
      fixture.store.transaction<FixtureTables, void>(async (tx) => {
        await tx.insertInto('counters').values({ name: 'b', value: 2 }).execute();
        await rejection(tx.insertInto('counters').values({ name: 'a', value: 2 }).execute());
        later = await rejection(tx.insertInto('counters').values({ name: 'c', value: 2 }).execute());
      }),
    );
    expect(isUniqueViolation(error)).toBe(true);
    expect(isUniqueViolation(later?.cause)).toBe(true);
    expect(await fixture.counters()).toEqual({ a: 1 });
    await fixture.addCounter('d', 4);
    expect(await fixture.counters()).toEqual({ a: 1, d: 4 });
  });

  tests.test('an open transaction holds up no reader, and shows nothing of itself', async () => {
    await using fixture = await StoreFixture.start(factory);
    await fixture.addCounter('a', 1);
    const seen: unknown[] = [];
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    let written = (): void => {};
    const hasWritten = new Promise<void>((resolve) => (written = resolve));
    const transaction = fixture.store.transaction<FixtureTables, void>(async (tx) => {
      await tx.updateTable('counters').set({ value: 2 }).execute();
      seen.push(await tx.selectFrom('counters').select('value').execute());
      written();
      await released;
    });
    await hasWritten;
    seen.push(await fixture.counters());
    release();
    await transaction;
    seen.push(await fixture.counters());
    expect(seen).toEqual([[{ value: 2 }], { a: 1 }, { a: 2 }]);
  });

  tests.test('transactions that count up at the same time get every number once, without a hole', async () => {
    await using fixture = await StoreFixture.start(factory);
    const other = await fixture.another();
    await fixture.addCounter('a');
    await fixture.addCounter('b');
    const got = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const counter = i % 3 === 0 ? 'b' : 'a';
        const seq = await append(i % 2 === 0 ? fixture.store : other, counter, String(i));
        return { counter, seq, body: String(i) };
      }),
    );
    for (const counter of ['a', 'b']) {
      const mine = got.filter((one) => one.counter === counter).toSorted((x, y) => x.seq - y.seq);
      expect(mine.map(({ seq }) => seq)).toEqual(mine.map((_, i) => i + 1));
      expect(await entries(fixture.store, counter)).toEqual(mine.map(({ seq, body }) => ({ seq, body })));
    }
  });

  tests.test('one that fails among many leaves no hole', async () => {
    await using fixture = await StoreFixture.start(factory);
    await fixture.addCounter('a');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, (_, i) =>
        i % 3 === 1
          ? fixture.store.transaction<FixtureTables, number>(async (tx) => {
              await tx
                .updateTable('counters')
                .set((column) => ({ value: column('value', '+', 1) }))
                .execute();
              throw new Error('no');
            })
          : append(fixture.store, 'a', String(i)),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(10);
    const rows = await entries(fixture.store, 'a');
    expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  tests.test('statements of a transaction that are given at once run in that order', async () => {
    await using fixture = await StoreFixture.start(factory);
    await fixture.addCounter('a');
    const values = await fixture.store.transaction<FixtureTables, unknown[]>(async (tx) =>
      Promise.all(
        Array.from({ length: 20 }, () =>
          tx
            .updateTable('counters')
            .set((column) => ({ value: column('value', '+', 1) }))
            .returning('value')
            .executeTakeFirstOrThrow(),
        ),
      ),
    );
    expect(values).toEqual(Array.from({ length: 20 }, (_, i) => ({ value: i + 1 })));
  });

  tests.test('of statements given at once, one that fails dooms all', async () => {
    await using fixture = await StoreFixture.start(factory);
    await fixture.addCounter('a');
    const insert = (
      name: string,
      tx: Parameters<Parameters<typeof fixture.store.transaction<FixtureTables, void>>[0]>[0],
    ) => tx.insertInto('counters').values({ name, value: 0 }).execute();
    const error = await rejection(
      fixture.store.transaction<FixtureTables, void>(async (tx) => {
        await Promise.allSettled([insert('b', tx), insert('a', tx), insert('c', tx)]);
      }),
    );
    expect(isUniqueViolation(error)).toBe(true);
    expect(await fixture.counters()).toEqual({ a: 0 });
  });

  tests.test('statements given to the connection and not waited for belong to the transaction', async () => {
    await using fixture = await StoreFixture.start(factory);
    await fixture.addCounter('a');
    const give = (names: readonly string[]) =>
      fixture.store.transaction<FixtureTables, void>(async (tx) => {
        const statements = names.map((name) => tx.insertInto('counters').values({ name, value: 1 }).compile());
        await tx.getExecutor().provideConnection(async (connection) => {
          for (const statement of statements) connection.executeQuery(statement).catch(() => {});
        });
      });
    await give(['b', 'c']);
    expect(await fixture.counters()).toEqual({ a: 0, b: 1, c: 1 });
    expect(isUniqueViolation(await rejection(give(['d', 'a', 'e'])))).toBe(true);
    expect(await fixture.counters()).toEqual({ a: 0, b: 1, c: 1 });
  });

  tests.test('a transaction within a transaction is an error, not a deadlock', async () => {
    await using fixture = await StoreFixture.start(factory);
    const { store } = fixture;
    const error = await rejection(store.transaction(async () => store.transaction(async () => {})));
    expect(error.message).toMatch(/within a transaction/);
    await fixture.addCounter('a');
    expect(await fixture.counters()).toEqual({ a: 0 });
  });

  tests.test('a tx cannot be used after its transaction', async () => {
    await using fixture = await StoreFixture.start(factory);
    const tx = await fixture.store.transaction<FixtureTables, { late: () => Promise<unknown> }>(async (it) => ({
      late: () => it.insertInto('counters').values({ name: 'late', value: 1 }).execute(),
    }));
    await rejection(tx.late());
    expect(await fixture.counters()).toEqual({});
  });

  tests.test('a statement outside of a transaction is written when it resolves', async () => {
    await using fixture = await StoreFixture.start(factory);
    const other = await fixture.another();
    await Promise.all(Array.from({ length: 20 }, (_, i) => fixture.addCounter(`c${i}`, i)));
    expect(Object.keys(await fixture.counters(other))).toHaveLength(20);
    const { numDeletedRows } = await fixture.db.deleteFrom('counters').where('value', '<', 5).executeTakeFirstOrThrow();
    expect(numDeletedRows).toBe(5n);
    expect(Object.keys(await fixture.counters(other))).toHaveLength(15);
  });

  tests.test('a writing statement within `with` is written', async () => {
    await using fixture = await StoreFixture.start(factory);
    await sql`with source as (select 'a' as name, 3 as value) insert into counters select name, value from source`.execute(
      fixture.db,
    );
    expect(await fixture.counters()).toEqual({ a: 3 });
  });

  tests.test('a key that is not there is refused, at once or at the commit', async () => {
    await using fixture = await StoreFixture.start(factory);
    const error = await rejection(
      fixture.db.insertInto('entries').values({ counter: 'none', seq: 1, body: '' }).execute(),
    );
    expect(error.message).toMatch(/foreign key/i);
    expect(isUniqueViolation(error)).toBe(false);
  });

  tests.test(
    'transfers at random, some of which fail, keep the sum and lose none',
    async () => {
      await using fixture = await StoreFixture.start(factory);
      const other = await fixture.another();
      const names = ['a', 'b', 'c', 'd'];
      for (const name of names) await fixture.addCounter(name);
      const account = fc.constantFrom(...names);
      const transfer = fc.record({
        from: account,
        to: account,
        amount: fc.integer({ min: 1, max: 9 }),
        fails: fc.boolean(),
      });
      const balances = new Map(names.map((name) => [name, 0]));
      await fc.assert(
        fc.asyncProperty(fc.array(transfer, { maxLength: 12 }), async (transfers) => {
          const outcomes = await Promise.allSettled(
            transfers.map(({ from, to, amount, fails }, i) =>
              (i % 2 === 0 ? fixture.store : other).transaction<FixtureTables, void>(async (tx) => {
                // In no fixed order: on PostgreSQL some are deadlocks, and run again.
                for (const [name, by] of [
                  [from, -amount],
                  [to, amount],
                ] as const) {
                  await tx
                    .updateTable('counters')
                    .set((column) => ({ value: column('value', '+', by) }))
                    .where('name', '=', name)
                    .execute();
                }
                if (fails) throw new Error('no');
              }),
            ),
          );
          for (const [i, { from, to, amount, fails }] of transfers.entries()) {
            expect(outcomes[i]?.status).toBe(fails ? 'rejected' : 'fulfilled');
            if (fails) continue;
            balances.set(from, (balances.get(from) ?? 0) - amount);
            balances.set(to, (balances.get(to) ?? 0) + amount);
          }
          expect(await fixture.counters()).toEqual(Object.fromEntries(balances));
        }),
        { numRuns: 25 },
      );
    },
    120_000,
  );
}
