import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/logger.ts';
import { SqliteStore } from '../../stores/sqlite.ts';
import { StoreUnavailableError } from '../../stores/store.ts';
import { importChat } from './import/import-chat.ts';
import { KeptRows } from './kept-rows.ts';
import { RowCache } from './row-cache.ts';
import type { ChatTables } from './tables.ts';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

test('what another connection has changed is read anew', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-kept-'));
  try {
    const file = join(folder, 'tidings.sqlite');
    const logger = createLogger('silent');
    const store = new SqliteStore({ file, synchronous: 'off', timeoutMs: 5_000, clock: systemClock, logger });
    await store.start();
    await using chat = await createChat({ store });
    await chat.room({ members: ['anna'] });
    await chat.as('anna')('send', { room: 'room', text: 'one' });
    const other = new DatabaseSync(file);
    other.exec(`update chat_rooms set last_seq = 41, rev = 41`);
    other.close();
    expect((await chat.as('anna')('send', { room: 'room', text: 'two' })).message).toMatchObject({ seq: 42, rev: 42 });
    await chat.module.stop();
    await store.stop();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('after a transaction that was not committed, rows are as they were', async () => {
  await using chat = await createChat();
  await chat.room({ members: ['anna'] });
  const { writer } = chat.chat;
  await writer.run(
    { rooms: ['room'] },
    async (tx) => void tx.changeRoom('room', { last_seq: (await tx.room('room')).last_seq }),
  );
  const failed = writer.run({ rooms: ['room'] }, async (tx) => {
    await tx.room('room');
    tx.changeRoom('room', { last_seq: 99 });
    throw new StoreUnavailableError('gone');
  });
  await expect(failed).rejects.toMatchObject({ code: 619 });
  expect(await writer.run({ rooms: ['room'] }, async (tx) => (await tx.room('room')).last_seq)).toBe(0);
});

test('what one piece of work wrote past them is read anew', async () => {
  await using chat = await createChat();
  await chat.room({ members: ['anna'] });
  const { writer } = chat.chat;
  const needs = { members: [['room', 'anna']] } as const;
  await writer.run(needs, (tx) => tx.member('room', 'anna'));
  await writer.run({}, async (tx) => {
    await tx.write.deleteFrom('chat_members').where('user_id', '=', 'anna').execute();
  });
  expect(await writer.run(needs, (tx) => tx.member('room', 'anna'))).toBeUndefined();
});

test('what an import over the same store wrote is read anew', async () => {
  await using chat = await createChat();
  await chat.room({ members: ['anna'] });
  const ben = chat.as('ben');
  await chat.as('anna')('send', { room: 'room', text: 'one' });
  await expect(ben('send', { room: 'room', text: 'two' })).rejects.toMatchObject({ code: 600 });
  const { store, clock } = chat;
  const lines = [JSON.stringify({ type: 'member', room: 'room', user: 'ben' })];
  await importChat({ store, clock, config: chat.chat.config, lines });
  const { rev } = await chat.roomRow('room');
  expect((await ben('send', { room: 'room', text: 'two' })).message).toMatchObject({ seq: 2, rev: rev + 1 });
});

describe('what is kept is bounded', () => {
  const data = JSON.stringify('x'.repeat(64 * 1024));

  /**
   * Reads 300 rooms, and the restrictions of users called like them, 100 at a time.
   * @returns how many rows were kept before each reading, and at the end.
   */
  async function readRooms(chat: ChatFixture, kept: KeptRows, use?: (cache: RowCache) => void): Promise<number[]> {
    const sizes: number[] = [];
    for (let at = 0; at < 400; at += 100) {
      const rooms = Array.from({ length: at === 300 ? 0 : 100 }, (_, more) => `room-${at + more}`);
      await chat.store.transaction<ChatTables, void>(async (db) => {
        await kept.check(db);
        sizes.push(kept.rooms.size + kept.restrictions.size);
        const cache = new RowCache(db, 'sqlite', kept);
        await cache.load([{ rooms, restrictions: rooms }], false);
        use?.(cache);
      });
    }
    return sizes;
  }

  test('by the text of rooms, as they were read and as they are changed', async () => {
    await using chat = await createChat();
    for (let at = 0; at < 300; at++) await chat.room({ id: `room-${at}`, row: { data } });
    expect(await readRooms(chat, new KeptRows())).toEqual([0, 200, 400, 0]);
    await chat.chat.db.updateTable('chat_rooms').set({ data: null }).execute();
    expect(await readRooms(chat, new KeptRows())).toEqual([0, 200, 400, 600]);
    const grow = (cache: RowCache) => {
      for (let at = 0; at < 300; at++) if (cache.rooms.get(`room-${at}`)) cache.changeRoom(`room-${at}`, { data });
      cache.keepWork();
    };
    expect(await readRooms(chat, new KeptRows(), grow)).toEqual([0, 200, 0, 200]);
  });

  test('and by the text of restrictions', async () => {
    await using chat = await createChat();
    const other = { kind: 'mute', reason: data, until: null, created_by: '', created_at: 0 };
    const rows = Array.from({ length: 300 }, (_, at) => ({ scope: 'room', user_id: `room-${at}`, ...other }));
    await chat.chat.db.insertInto('chat_restrictions').values(rows).execute();
    expect(await readRooms(chat, new KeptRows())).toEqual([0, 200, 400, 0]);
  });
});

test('so is what anybody wrote to these tables past the writer', async () => {
  await using chat = await createChat();
  await chat.room({ members: ['anna'] });
  const anna = chat.as('anna');
  await anna('send', { room: 'room', text: 'one' });
  const { db } = chat.chat;
  await db.updateTable('chat_rooms').set({ rev: 41 }).where('id', '=', 'room').execute();
  expect((await anna('send', { room: 'room', text: 'two' })).message).toMatchObject({ rev: 42 });
  await chat.store.transaction<ChatTables, unknown>((tx) =>
    sql`insert into chat_restrictions (scope, user_id, kind, created_by, created_at)
      values ('room', 'anna', 'mute', '', 0)`.execute(tx),
  );
  await expect(anna('send', { room: 'room', text: 'three' })).rejects.toMatchObject({ code: 612 });
  await db.deleteFrom('chat_restrictions').execute();
  await db.deleteFrom('chat_members').where('user_id', '=', 'anna').execute();
  await expect(anna('send', { room: 'room', text: 'four' })).rejects.toMatchObject({ code: 600 });
});
