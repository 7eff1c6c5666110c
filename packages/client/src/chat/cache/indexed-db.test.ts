import fc from 'fast-check';
import { deleteDB, openDB } from 'idb';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { stubIndexedDb } from '../../storage/testing/fake-indexed-db.ts';
import type { ChatCache } from './chat-cache.ts';
import { createIndexedDbCache } from './indexed-db.ts';
import { createMemoryCache } from './memory.ts';
import { testChatCache } from './testing/cache-suite.ts';
import { aRoom, aTimeline, seqs } from './testing/cache-values.ts';

beforeEach(() => void stubIndexedDb());
afterEach(() => void vi.unstubAllGlobals());

testChatCache('IndexedDB', (user) => createIndexedDbCache(`cache ${user}`), true);

/** Everything that can be read, in an order that does not depend on the implementation. */
async function everything(cache: ChatCache): Promise<unknown> {
  const { rooms, drafts, users, ...rest } = await cache.load();
  const byText = (list: readonly unknown[]): string[] => list.map((item) => JSON.stringify(item)).toSorted();
  const timelines = await Promise.all(['a', 'b'].map((room) => cache.timeline(room)));
  return { rooms: byText(rooms), drafts: byText(drafts), users: byText(users), rest, timelines };
}

test('it keeps what the memory keeps, whatever is done', async () => {
  const room = fc.constantFrom('a', 'b');
  const small = fc.integer({ min: 1, max: 6 });
  const step = fc.oneof(
    fc.tuple(room, small, small).map(
      ([id, rev, readSeq]) =>
        (cache: ChatCache) =>
          cache.putRooms([aRoom(id, { rev, readSeq })]),
    ),
    room.map((id) => (cache: ChatCache) => cache.removeRooms([id])),
    fc.tuple(room, small, small, small, fc.constantFrom('e', 'f'), fc.constantFrom('merge', 'replace')).map(
      ([id, from, length, offset, epoch, how]) =>
        (cache: ChatCache) =>
          cache.putTimeline(id, aTimeline(from, from + length - 1, { offset, epoch }), how as 'merge'),
    ),
    fc.tuple(room, fc.option(small, { nil: undefined }), fc.constantFrom('', 'x', 'y'), small, fc.boolean()).map(
      ([id, threadSeq, text, updatedAt, isUnsaved]) =>
        (cache: ChatCache) =>
          cache.putDraft({
            ...{ room: id, ...(threadSeq !== undefined && { threadSeq }), text, updatedAt },
            ...(isUnsaved && { unsaved: true }),
          }),
    ),
    fc.tuple(small, fc.constantFrom('e', 'f')).map(
      ([offset, epoch]) =>
        (cache: ChatCache) =>
          cache.putPosition({ offset, epoch }),
    ),
  );
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      await using memory = createMemoryCache();
      await using cache = createIndexedDbCache(`run ${(runs += 1)}`);
      for (const take of steps) await Promise.all([take(memory), take(cache)]);
      expect(await everything(cache)).toEqual(await everything(memory));
    }),
    { numRuns: 100 },
  );
});

test('without IndexedDB every method rejects with `storage`', async () => {
  vi.stubGlobal('indexedDB', undefined);
  await using cache = createIndexedDbCache('cache');
  await expect(cache.load()).rejects.toMatchObject({ code: 7 });
  await expect(cache.putRooms([aRoom('a')])).rejects.toMatchObject({ code: 7 });
});

test('where the browser refuses to open, it works as soon as it does not', async () => {
  const real = indexedDB;
  await using cache = createIndexedDbCache('cache');
  vi.stubGlobal('indexedDB', {
    open: () => {
      throw new DOMException('not in private windows', 'SecurityError');
    },
  });
  await expect(cache.load()).rejects.toMatchObject({ code: 7, message: expect.stringContaining('private') as string });
  vi.stubGlobal('indexedDB', real);
  await cache.putRooms([aRoom('a')]);
  expect((await cache.load()).rooms).toHaveLength(1);
});

test('a database that is deleted under an open tab is made anew', async () => {
  await using cache = createIndexedDbCache('cache');
  await cache.putRooms([aRoom('a')]);
  await deleteDB('cache');
  expect((await cache.load()).rooms).toEqual([]);
  await cache.putRooms([aRoom('b')]);
  expect((await cache.load()).rooms.map(({ room }) => room.id)).toEqual(['b']);
});

test('a newer version may upgrade at once; the older tab then goes on without', async () => {
  await using cache = createIndexedDbCache('cache');
  await cache.putRooms([aRoom('a')]);
  const newer = await openDB('cache', 99);
  expect(await newer.getAll('rooms')).toHaveLength(1);
  await expect(cache.load()).rejects.toMatchObject({ code: 7 });
  newer.close();
});

test('records that cannot be understood are as if they were not there', async () => {
  await using cache = createIndexedDbCache('cache');
  await cache.putRooms([aRoom('a')]);
  const raw = await openDB('cache');
  for (const junk of [null, 7, 'x', {}, { room: null }, { position: 1, messages: {} }]) {
    await raw.put('rooms', junk, 'junk');
    await raw.put('drafts', junk, ['r', 0]);
    await raw.put('users', junk, 'junk');
    await raw.put('timelines', junk, 'r');
    await raw.put('own', junk, 'position');
    await raw.put('own', junk, 'profile');
    expect(await cache.load()).toMatchObject({ rooms: [{ room: { id: 'a' } }], drafts: [], users: [] });
    expect(await cache.timeline('r')).toBeUndefined();
  }
  raw.close();
  await cache.putTimeline('r', aTimeline(1, 3), 'merge');
  await cache.putDraft({ room: 'r', text: 'x', updatedAt: 1 });
  await cache.putPosition({ offset: 1, epoch: 'e' });
  expect(seqs(await cache.timeline('r'))).toEqual([1, 2, 3]);
  expect(await cache.load()).toMatchObject({ drafts: [{ text: 'x' }], position: { offset: 1 } });
});

test('what cannot be stored is refused, and nothing of it stays', async () => {
  await using cache = createIndexedDbCache('cache');
  const bad = { ...aRoom('b'), room: { ...aRoom('b').room, data: () => 'no data' } };
  await expect(cache.putRooms([aRoom('a'), bad])).rejects.toMatchObject({ code: 7 });
  expect((await cache.load()).rooms).toEqual([]);
});
