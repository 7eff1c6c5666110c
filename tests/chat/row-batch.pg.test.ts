import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createChat,
  emptyRoom,
  type ChatFixture,
} from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';
import { RowBatch } from '../../packages/server/src/modules/chat/row-batch.ts';
import type { ChatTables } from '../../packages/server/src/modules/chat/tables.ts';
import { systemClock } from '../../packages/server/src/lib/clock.ts';
import { createLogger } from '../../packages/server/src/lib/logger.ts';
import { PostgresStore } from '../../packages/server/src/stores/postgres.ts';
import type { Store } from '../../packages/server/src/stores/store.ts';
import { describeWithPostgres, startPostgres, type PostgresServer } from '../support/postgres.ts';

/** The same on both: what a batch reads is what was written, whatever characters it is made of. */
async function roundTrip(store: Store): Promise<void> {
  const room = (id: string, name: string | null) => ({
    ...emptyRoom,
    id,
    name,
    epoch: 'e',
    kind: 'group',
    dm_key: null,
    created_by: 'anna',
    created_at: 1_700_000_000_123,
    last_at: 2 ** 52,
    member_count: 0,
  });
  const rooms = [room('B', 'ünï "quoted" \\ \\u0000 \u0001'), room('a', null), room('ä', "it's 😀")];
  const run = (fill: (batch: RowBatch) => void) =>
    store.transaction<ChatTables, void>(async (db) => {
      const batch = new RowBatch(store.dialect);
      fill(batch);
      await batch.run(db);
    });
  const read = async (ids: readonly string[]) => {
    const found: ChatTables['chat_rooms'][] = [];
    await run((batch) =>
      batch.find(
        'chat_rooms',
        ['id'],
        ids.map((id) => [id]),
        (rows) => void found.push(...rows),
        true,
      ),
    );
    return found.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  };
  await run((batch) => batch.insert('chat_rooms', rooms));
  expect(await read(['ä', 'a', 'B', 'none'])).toEqual(rooms.toSorted((a, b) => (a.id < b.id ? -1 : 1)));
  await expect(run((batch) => batch.insert('chat_rooms', [room('a', 'again')]))).rejects.toThrow();
  await run((batch) => {
    batch.put('chat_rooms', ['id'], [room('a', 'changed'), room('new', 'made')]);
    batch.remove('chat_rooms', 'id', ['B', 'none']);
  });
  expect((await read(['a', 'B', 'new'])).map(({ id, name }) => [id, name])).toEqual([
    ['a', 'changed'],
    ['new', 'made'],
  ]);
}

test('rows come back as they were written, on SQLite', async () => {
  await using chat = await createChat();
  await roundTrip(chat.store);
});

describeWithPostgres('on PostgreSQL', () => {
  let server: PostgresServer;
  let store: PostgresStore;
  beforeAll(async () => {
    server = await startPostgres();
    const logger = createLogger('silent');
    store = new PostgresStore({ url: server.url, maxConnections: 5, timeoutMs: 5_000, clock: systemClock, logger });
    await store.start();
  }, 60_000);
  afterAll(async () => {
    await store?.stop();
    await server?.stop();
  });

  test('rows come back as they were written', async () => {
    await using chat = await createChat({ store });
    await roundTrip(chat.store);
  });

  test('a locked row is read as whoever had it locked before has left it', async () => {
    await using chat = await createChat({ store });
    for (const id of ['x', 'y', 'z']) await chat.room({ id });
    const first = Promise.withResolvers<void>();
    const [locked, seen] = [Promise.withResolvers<void>(), new Map<string, string | null>()];
    const lock = (found: (rows: ChatTables['chat_rooms'][]) => void, then: () => Promise<void>) =>
      store.transaction<ChatTables, void>(async (db) => {
        const batch = new RowBatch('postgres');
        batch.find('chat_rooms', ['id'], [['z'], ['y'], ['x']], found, true);
        await batch.run(db);
        await then();
        await db.updateTable('chat_rooms').set({ topic: 'changed' }).where('id', 'in', ['x', 'z']).execute();
      });
    const one = lock(
      () => locked.resolve(),
      () => first.promise,
    );
    await locked.promise;
    const two = lock(
      (rows) => rows.forEach(({ id, topic }) => seen.set(id, topic)),
      async () => {},
    );
    // Without the lock it would be through by the time that others have been asked.
    for (let asked = 0; asked < 5; asked++) await chat.roomRow('y');
    expect([...seen]).toEqual([]);
    first.resolve();
    await Promise.all([one, two]);
    expect([...seen]).toEqual([
      ['x', 'changed'],
      ['y', null],
      ['z', 'changed'],
    ]);
  });

  test('a message is found by its client id in the index of client ids, however many its room has', async () => {
    await using chat = await createChat({ store });
    await chat.room({ id: 'full', members: ['anna'] });
    await sql`insert into chat_messages (room_id, seq, id, sender_id, client_id, ucount, rev, first_rev, kind, body, created_at)
      select 'full', n, 'm' || n, 'anna', 'c-' || n, n, n, n, 'text', '{}', 0 from generate_series(1, 20000) n`.execute(
      chat.chat.db,
    );
    const found: number[] = [];
    await chat.store.transaction<ChatTables, void>(async (db) => {
      const batch = new RowBatch('postgres');
      const keys = ['c-1', 'c-19999', 'c-0'].map((id) => ['full', 'anna', id]);
      batch.find('chat_messages', ['room_id', 'sender_id', 'client_id'], keys, (rows) =>
        found.push(...rows.map(({ seq }) => seq)),
      );
      await batch.run(db);
      await sql`select pg_stat_force_next_flush()`.execute(db);
    });
    expect(found).toEqual([1, 19_999]);
    const { rows } = await sql<{ name: string; scans: number }>`
      select indexrelname as name, idx_scan::int as scans from pg_stat_user_indexes
      where relname = 'chat_messages' and idx_scan > 0`.execute(chat.chat.db);
    expect(rows).toEqual([{ name: 'chat_messages_client_id', scans: 3 }]);
  });

  test('a value that the database does not take fails its own work alone', async () => {
    await using chat: ChatFixture = await createChat({ store });
    for (const id of ['t1', 't2', 't3']) await chat.room({ id, members: ['anna'] });
    const change = (id: string, topic: string) =>
      chat.chat.writer.run({ rooms: [id] }, async (tx) => {
        await tx.room(id);
        tx.nextRev(id, { topic });
      });
    const outcomes = await Promise.allSettled([change('t1', 'fine'), change('t2', 'a\0b'), change('t3', 'fine too')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await Promise.all(['t1', 't2', 't3'].map(async (id) => (await chat.roomRow(id)).topic))).toEqual([
      'fine',
      null,
      'fine too',
    ]);
  });

  test('many send into few rooms at once: dense numbers, each message once', async () => {
    await using chat = await createChat({ store });
    for (const id of ['one', 'two', 'three']) await chat.room({ id, members: ['anna', 'ben'] });
    const sends = Array.from({ length: 600 }, (_, at) =>
      chat.as(at % 2 ? 'anna' : 'ben')('send', {
        room: ['one', 'two', 'three'][at % 3],
        clientId: `c-${at % 540}`,
        text: 'hello',
      }),
    );
    await Promise.all(sends);
    for (const id of ['one', 'two', 'three']) {
      const rows = await chat.chat.db
        .selectFrom('chat_messages')
        .select('seq')
        .where('room_id', '=', id)
        .orderBy('seq')
        .execute();
      expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, at) => at + 1));
      expect(rows).toHaveLength(180);
      expect((await chat.roomRow(id)).last_seq).toBe(180);
    }
  });
});
