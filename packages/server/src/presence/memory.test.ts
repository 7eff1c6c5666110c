import { describe, expect, test } from 'vitest';
import { FakeClock } from '../lib/clock.ts';
import { testPresenceStore } from '../testing/presence-suite.ts';
import { MemoryPresenceStore, PresenceTable } from './memory.ts';

testPresenceStore('memory presence store', async (nodes) => {
  const clock = new FakeClock();
  const table = new PresenceTable(clock);
  const stores = Array.from(
    { length: nodes },
    () => new MemoryPresenceStore(nodes === 1 ? { clock } : { clock, table }),
  );
  const stop = async (): Promise<void> => {
    for (const store of stores) await store.stop();
  };
  return { stores, clock, stop };
});

describe('MemoryPresenceStore', () => {
  test('keeps nothing of a channel that nobody is on', async () => {
    const clock = new FakeClock();
    const table = new PresenceTable(clock);
    const store = new MemoryPresenceStore({ clock, table });
    await store.start();
    await store.touch('a', { user: 'ann', client: 'c1' }, 5_000);
    await store.touch('b', { user: 'ann', client: 'c1' }, 5_000);
    expect(table.size).toBe(2);
    await store.remove('a', 'c1');
    expect(table.size).toBe(1);
    // Nobody asks: the sweep finds it.
    await clock.advance(6_000);
    expect(table.size).toBe(0);
    await store.stats('b');
    await store.list('c');
    expect(table.size).toBe(0);
  });

  test('renewing for years leaves one entry', async () => {
    const clock = new FakeClock();
    const table = new PresenceTable(clock);
    const store = new MemoryPresenceStore({ clock, table });
    await store.start();
    for (let i = 0; i < 500; i++) {
      await store.touch('a', { user: 'ann', client: 'c1' }, 60_000);
      await clock.advance(25_000);
      expect(await store.stats('a')).toEqual({ clients: 1, users: 1 });
    }
    await store.stop();
  });

  test('counts a client that changed its user once', async () => {
    const store = new MemoryPresenceStore({ clock: new FakeClock() });
    await store.touch('a', { user: 'ann', client: 'c1' }, 60_000);
    await store.touch('a', { user: 'bob', client: 'c1' }, 60_000);
    expect(await store.stats('a')).toEqual({ clients: 1, users: 1 });
    await store.remove('a', 'c1');
    expect(await store.stats('a')).toEqual({ clients: 0, users: 0 });
  });

  test('a shorter ttl holds at once', async () => {
    const clock = new FakeClock();
    const store = new MemoryPresenceStore({ clock });
    await store.touch('a', { user: 'ann', client: 'c1' }, 60_000);
    await store.touch('a', { user: 'ann', client: 'c1' }, 1_000);
    await clock.advance(1_500);
    expect(await store.stats('a')).toEqual({ clients: 0, users: 0 });
  });
});
