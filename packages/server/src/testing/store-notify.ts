/** Notifications: after the commit or not at all. */
import type { Transaction } from 'kysely';
import { expect } from 'vitest';
import type { Store } from '../stores/store.ts';
import { eventually, quiet, type SkippableTests } from './conformance.ts';
import { rejection, type StoreFactory, StoreFixture } from './store-fixture.ts';

/** What arrives on a topic, in order. */
function listen(store: Store, topic: string): { readonly got: string[]; readonly off: () => void } {
  const got: string[] = [];
  const off = store.onNotify(topic, (payload) => got.push(payload));
  return { got, off };
}

export function declareNotifyTests(tests: SkippableTests, factory: StoreFactory): void {
  tests.test('a notification of a transaction arrives after its commit, and not before', async () => {
    await using fixture = await StoreFixture.start(factory, { empty: true });
    const { store } = fixture;
    const { got } = listen(store, 'topic');
    await store.transaction<never, void>(async (tx) => {
      await store.notify('topic', 'one', tx);
      await store.notify('topic', 'two', tx);
      await quiet(undefined);
      expect(got).toEqual([]);
    });
    await eventually(() => expect(got).toEqual(['one', 'two']));
  });

  tests.test('a notification of a transaction that fails never arrives', async () => {
    await using fixture = await StoreFixture.start(factory, { empty: true });
    const { store } = fixture;
    const { got } = listen(store, 'topic');
    await rejection(
      store.transaction<never, void>(async (tx) => {
        await store.notify('topic', 'rolled back', tx);
        throw new Error('no');
      }),
    );
    await store.notify('topic', 'after');
    await eventually(() => expect(got).toContain('after'));
    await quiet(undefined);
    expect(got).toEqual(['after']);
  });

  tests.test('a notification outside of a transaction arrives at once, at every listener of the topic', async () => {
    await using fixture = await StoreFixture.start(factory, { empty: true });
    const { store } = fixture;
    const first = listen(store, 'topic');
    const second = listen(store, 'topic');
    const other = listen(store, 'topics');
    await store.notify('topic', 'päy\n"load" 😀');
    await eventually(() => expect([first.got, second.got]).toEqual([['päy\n"load" 😀'], ['päy\n"load" 😀']]));
    expect(other.got).toEqual([]);
  });

  tests.test('who was taken off is told nothing more', async () => {
    await using fixture = await StoreFixture.start(factory, { empty: true });
    const { store } = fixture;
    const gone = listen(store, 'topic');
    const stays = listen(store, 'topic');
    gone.off();
    gone.off();
    await store.notify('topic', 'x');
    await eventually(() => expect(stays.got).toEqual(['x']));
    expect(gone.got).toEqual([]);
  });

  tests.test('a listener that throws keeps nobody else from being told', async () => {
    await using fixture = await StoreFixture.start(factory, { empty: true });
    const { store } = fixture;
    store.onNotify('topic', () => {
      throw new Error('a broken listener');
    });
    const { got } = listen(store, 'topic');
    await store.notify('topic', 'x');
    await store.notify('topic', 'y');
    await eventually(() => expect(got).toEqual(['x', 'y']));
  });

  tests.test('a listener may use the store, and sees what was committed', async () => {
    await using fixture = await StoreFixture.start(factory);
    const { store } = fixture;
    const seen: unknown[] = [];
    store.onNotify('topic', () => {
      void store
        .transaction(async () => {})
        .then(
          async () => seen.push(await fixture.counters()),
          (error) => seen.push(error),
        );
    });
    await store.transaction<{ counters: { name: string; value: number } }, void>(async (tx) => {
      await tx.insertInto('counters').values({ name: 'a', value: 1 }).execute();
      await store.notify('topic', '', tx as unknown as Transaction<never>);
    });
    await eventually(() => expect(seen).toEqual([{ a: 1 }]));
  });

  tests.test('a payload that is too long arrives empty', async () => {
    await using fixture = await StoreFixture.start(factory, { empty: true });
    const { store } = fixture;
    const { got } = listen(store, 'topic');
    await store.notify('topic', 'ä'.repeat(4_000));
    await eventually(() => expect(got).toEqual(['']));
    await store.notify('topic', 'a'.repeat(7_900));
    await eventually(() => expect(got.map((payload) => payload.length)).toEqual([0, 7_900]));
  });

  tests.test('a topic or a payload that cannot be sent is an error', async () => {
    await using fixture = await StoreFixture.start(factory, { empty: true });
    const { store } = fixture;
    for (const topic of ['', 'a\nb', 'a\0', 'x'.repeat(201)]) {
      expect(await rejection(store.notify(topic, ''))).toBeInstanceOf(TypeError);
      expect(() => store.onNotify(topic, () => {})).toThrow(TypeError);
    }
    expect(await rejection(store.notify('topic', 'a\0b'))).toBeInstanceOf(TypeError);
  });

  tests.test('a notification reaches another process on the database', async () => {
    await using fixture = await StoreFixture.start(factory, { empty: true });
    const { store } = fixture;
    const other = await fixture.another();
    const here = listen(store, 'topic');
    const there = listen(other, 'topic');
    await store.transaction<never, void>(async (tx) => store.notify('topic', 'x', tx));
    await other.notify('topic', 'y');
    await eventually(() =>
      expect([here.got, there.got]).toEqual([
        ['x', 'y'],
        ['x', 'y'],
      ]),
    );
  });
}
