/** Users who are kicked from a room and restricted in it are counted by an index, and rightly when two nodes remove them at once. */
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createChat,
  emptyMember,
  type ChatFixture,
} from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';
import { systemClock } from '../../packages/server/src/lib/clock.ts';
import { createLogger } from '../../packages/server/src/lib/logger.ts';
import { PostgresStore } from '../../packages/server/src/stores/postgres.ts';
import { describeWithPostgres, startPostgres, type PostgresServer } from '../support/postgres.ts';

const limit = 5;
const config = { enabled: true, limits: { removedPerRoom: limit } };
const users = (count: number): string[] => Array.from({ length: count }, (_, at) => `u${at}`);

/** How the database finds who was kicked. */
async function planOf(chat: ChatFixture): Promise<string> {
  const row = { ...emptyMember, room_id: 'room', role: 'member', joined_at: 0, updated_at: 0 } as const;
  for (let at = 0; at < 5_000; at += 500) {
    const some = users(5_000).slice(at, at + 500);
    await chat.chat.db
      .insertInto('chat_members')
      .values(some.map((user_id) => ({ ...row, user_id })))
      .execute();
  }
  await sql`analyze`.execute(chat.chat.db);
  const explain = chat.store.dialect === 'postgres' ? 'explain' : 'explain query plan';
  const plan = await sql`${sql.raw(explain)} select user_id from chat_members
    where room_id = ${'room'} and state = 'kicked' limit 100`.execute(chat.chat.db);
  return JSON.stringify(plan.rows);
}

test('SQLite counts them by their index', async () => {
  await using chat = await createChat();
  await chat.room({ members: ['anna'] });
  expect(await planOf(chat)).toContain('chat_members_kicked');
});

describeWithPostgres('on PostgreSQL', () => {
  let server: PostgresServer;
  const stores: PostgresStore[] = [];
  beforeAll(async () => {
    server = await startPostgres();
    const options = { url: server.url, maxConnections: 5, timeoutMs: 5_000, clock: systemClock };
    for (let at = 0; at < 2; at++) {
      const store = new PostgresStore({ ...options, logger: createLogger('silent') });
      await store.start();
      stores.push(store);
    }
  }, 60_000);
  afterAll(async () => {
    for (const store of stores) await store.stop();
    await server?.stop();
  });

  test('two nodes that remove users at once do not go beyond the limit', async () => {
    await using one = await createChat({ store: stores[0]!, config });
    await using two = await createChat({ store: stores[1]!, config });
    await one.room({ members: ['anna', ...users(20)] });
    const results = await Promise.allSettled(
      users(20).flatMap((user, at) => {
        const node = at % 2 === 0 ? one : two;
        return [
          node.as('anna')('kick', { room: 'room', user }),
          node.as('anna')('mute', { room: 'room', user: `x${user}` }),
        ];
      }),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(limit);
    const reasons = results.flatMap((one) =>
      one.status === 'rejected' ? [(one.reason as { code: number }).code] : [],
    );
    expect(new Set(reasons)).toEqual(new Set([607]));
  });

  test('they are counted by their index', async () => {
    await using chat = await createChat({ store: stores[0]! });
    await chat.room({ members: ['anna'] }).catch(() => undefined);
    await chat.chat.db.deleteFrom('chat_members').execute();
    expect(await planOf(chat)).toContain('chat_members_kicked');
  });
});
