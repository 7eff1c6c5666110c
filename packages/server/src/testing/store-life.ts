/** Start, stop, and a database that goes away and comes back. */
import { expect } from 'vitest';
import { StoreUnavailableError } from '../stores/store.ts';
import { eventually, type SkippableTests } from './conformance.ts';
import { append, entries, type FixtureTables, rejection, type StoreFactory, StoreFixture } from './store-fixture.ts';

export function declareStoreLifeTests(tests: SkippableTests, factory: StoreFactory): void {
  tests.test('before the start and after the stop everything rejects, and stopping twice is nothing', async () => {
    await using fixture = await StoreFixture.start(factory);
    const store = fixture.database.open();
    const uses = () => [
      rejection(store.database<FixtureTables>().selectFrom('counters').selectAll().execute()),
      rejection(store.database<FixtureTables>().insertInto('counters').values({ name: 'a', value: 1 }).execute()),
      rejection(store.transaction(async () => {})),
      rejection(store.migrate([])),
    ];
    for (const error of await Promise.all(uses())) expect(error).toBeInstanceOf(StoreUnavailableError);
    await store.start();
    await store.transaction(async () => {});
    await store.stop();
    await store.stop();
    for (const error of await Promise.all(uses())) expect(error).toBeInstanceOf(StoreUnavailableError);
    const neverStarted = fixture.database.open();
    await neverStarted.stop();
  });

  tests.test('what was begun before the stop is finished; what it told as written is written', async () => {
    await using fixture = await StoreFixture.start(factory);
    const store = await fixture.another();
    await fixture.addCounter('a');
    const sends = Array.from({ length: 40 }, (_, i) => append(store, 'a', String(i)));
    await sends[0];
    const settled = Promise.allSettled(sends);
    await store.stop();
    const outcomes = await settled;
    const resolved = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [String(i)] : []));
    const written = (await entries(fixture.store, 'a')).map(({ body }) => body);
    expect(written.toSorted()).toEqual(resolved.toSorted());
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(StoreUnavailableError);
    }
  });

  tests.test(
    'a database that is away rejects as unavailable, and works again when it is back',
    async () => {
      await using fixture = await StoreFixture.start(factory);
      const { store, database } = fixture;
      const { outage } = database;
      if (!outage) throw new Error('the factory has no outage');
      await fixture.addCounter('a');
      await append(store, 'a', 'before');
      const told: string[] = [];
      store.onNotify('topic', (payload) => told.push(payload));
      await outage.begin();
      const errors = await Promise.all([
        rejection(append(store, 'a', 'during')),
        rejection(entries(store, 'a')),
        rejection(store.notify('topic', 'lost')),
      ]);
      for (const error of errors) expect(error).toBeInstanceOf(StoreUnavailableError);
      const other = database.open();
      expect(await rejection(other.start())).toBeInstanceOf(StoreUnavailableError);
      await other.stop();
      await outage.end();
      await append(store, 'a', 'after');
      expect((await entries(store, 'a')).map(({ body }) => body)).toEqual(['before', 'after']);
      // Something may have been missed.
      await eventually(() => expect(told).toEqual(['']));
      await store.notify('topic', 'again');
      await eventually(() => expect(told).toEqual(['', 'again']));
    },
    60_000,
  );

  tests.test(
    'an open transaction whose database goes away rejects, and has written nothing',
    async () => {
      await using fixture = await StoreFixture.start(factory);
      const { store, database } = fixture;
      const { outage } = database;
      if (!outage) throw new Error('the factory has no outage');
      const error = await rejection(
        store.transaction<FixtureTables, void>(async (tx) => {
          await tx.insertInto('counters').values({ name: 'lost', value: 1 }).execute();
          await outage.begin();
          await outage.end();
          await tx.insertInto('counters').values({ name: 'too late', value: 1 }).execute();
        }),
      );
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(await fixture.counters()).toEqual({});
    },
    60_000,
  );

  tests.test(
    'everything acknowledged is there after the database was killed while it wrote',
    async () => {
      await using fixture = await StoreFixture.start(factory);
      const { store, database } = fixture;
      const { outage } = database;
      if (!outage) throw new Error('the factory has no outage');
      await fixture.addCounter('a');
      const acknowledged: string[] = [];
      let stop = false;
      const writers = Array.from({ length: 4 }, async (_, writer) => {
        for (let i = 0; !stop; i++) {
          const body = `${writer}:${i}`;
          try {
            await append(store, 'a', body);
            acknowledged.push(body);
          } catch (error) {
            expect(error).toBeInstanceOf(StoreUnavailableError);
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        }
      });
      for (let round = 1; round <= 3; round++) {
        const enough = acknowledged.length + 50;
        await eventually(() => expect(acknowledged.length).toBeGreaterThan(enough));
        await outage.begin();
        await outage.end();
      }
      stop = true;
      await Promise.all(writers);
      const rows = await entries(store, 'a');
      const written = new Set(rows.map(({ body }) => body));
      expect(acknowledged.filter((body) => !written.has(body))).toEqual([]);
      expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, i) => i + 1));
    },
    120_000,
  );
}
