/** Moderation, polls, scheduled messages, retention, erasing, export and import on a real PostgreSQL. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { chatSchema } from '../../packages/server/src/config/chat-schema.ts';
import { systemClock } from '../../packages/server/src/lib/clock.ts';
import { createLogger } from '../../packages/server/src/lib/logger.ts';
import { importChat } from '../../packages/server/src/modules/chat/import/import-chat.ts';
import { createChat } from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';
import { PostgresStore } from '../../packages/server/src/stores/postgres.ts';
import { describeWithPostgres, startPostgres, type PostgresServer } from '../support/postgres.ts';

const minuteMs = 60_000;

describeWithPostgres('on PostgreSQL', () => {
  let server: PostgresServer;
  let store: PostgresStore;

  beforeAll(async () => {
    server = await startPostgres({ settings: { synchronous_commit: 'off' } });
  }, 120_000);

  beforeEach(async () => {
    await server.empty();
    const logger = createLogger('silent');
    store = new PostgresStore({ url: server.url, maxConnections: 5, timeoutMs: 10_000, clock: systemClock, logger });
    await store.start();
    return () => store.stop();
  });

  afterAll(() => server?.stop());

  test('who is banned is out, and a report is resolved with all that belongs to it', async () => {
    await using chat = await createChat({ store });
    const room = await chat.room({ kind: 'public', members: ['anna', 'ben', 'cleo'] });
    await chat.as('ben')('send', { room, text: 'buy now' });
    await chat.as('anna')('mute', { room, user: 'ben', until: chat.clock.now() + minuteMs });
    await chat.as('anna')('mute', { room, user: 'ben' });
    await expect(chat.as('ben')('send', { room, text: 'x' })).rejects.toMatchObject({ code: 612 });
    const { id } = await chat.as('cleo')('report', { room, seq: 1, reason: 'spam' });
    await chat.as('anna')('resolveReport', { id, resolution: 'x', delete: true, restrict: { kind: 'ban' } });
    await expect(chat.as('ben')('messages', { room })).rejects.toMatchObject({ code: 611 });
    const page = await chat.as('anna')('restrictions', { room, limit: 1 });
    const after = { user: page.restrictions[0].user, kind: page.restrictions[0].kind };
    const rest = await chat.as('anna')('restrictions', { room, after });
    expect([...page.restrictions, ...rest.restrictions].map(({ kind }) => kind)).toEqual(['ban', 'mute']);
    await chat.as('anna')('block', { user: 'ben' });
    await chat.as('anna')('block', { user: 'ben' });
    expect((await chat.as('anna')('blocks', {})).blocks).toHaveLength(1);
  });

  test('polls are counted right, whoever votes at once, and close', async () => {
    await using chat = await createChat({ store });
    const users = Array.from({ length: 20 }, (_, at) => `u${at}`);
    const room = await chat.room({ members: users });
    const closesAt = chat.clock.now() + minuteMs;
    await chat.as('u0')('createPoll', { room, question: 'q', options: ['a', 'b', 'c'], multiple: true, closesAt });
    await Promise.all(
      users.flatMap((user, at) =>
        [['1'], ['1', '2'], [String((at % 3) + 1)]].map((options) => chat.as(user)('vote', { room, seq: 1, options })),
      ),
    );
    const votes = await chat.chat.db.selectFrom('chat_poll_votes').select('option_id').execute();
    const { poll } = (await chat.as('u0')('message', { room, seq: 1 })).message;
    for (const option of poll.options) {
      expect(option.votes).toBe(votes.filter(({ option_id }) => option_id === option.id).length);
    }
    expect(poll.voters).toBe(20);
    await chat.clock.advance(minuteMs);
    await chat.module.jobs.run('polls');
    expect((await chat.as('u0')('message', { room, seq: 1 })).message.poll.closedAt).toBe(closesAt);
  });

  test('scheduled messages are sent once, by whichever of two nodes', async () => {
    await using one = await createChat({ store, context: { nodeId: 'one' } });
    await using two = await createChat({ store, context: { nodeId: 'two' }, clock: one.clock });
    const room = await one.room({ members: ['anna'] });
    for (let at = 1; at <= 70; at++) {
      await one.as('anna')('schedule', { room, text: String(at), sendAt: one.clock.now() + at });
    }
    await one.clock.advance(minuteMs);
    await Promise.all([one.module.jobs.run('scheduled'), two.module.jobs.run('scheduled')]);
    const { messages } = await one.as('anna')('messages', { room, limit: 100 });
    expect(messages.map(({ text }: { text: string }) => Number(text))).toEqual(
      Array.from({ length: 70 }, (_, at) => at + 1),
    );
  });

  test('retention removes what is old and keeps unread right; deleted rooms are cleared', async () => {
    await using chat = await createChat({ store, config: { enabled: true, retention: '1h' } });
    const room = await chat.room({ members: ['anna', 'ben'] });
    await chat.as('anna')('send', { room, text: 'old', mentions: { users: ['ben'] } });
    await chat.clock.advance(61 * minuteMs);
    await chat.as('anna')('send', { room, text: 'new', mentions: { users: ['ben'] } });
    await chat.module.jobs.run('retention');
    const [row, ben] = [await chat.roomRow(), await chat.memberRow('ben')];
    expect([row.ucount - ben.read_ucount, ben.mention_count, row.min_rev]).toEqual([1, 1, 1]);
    expect((await chat.as('ben')('messages', { room })).messages).toMatchObject([{ text: 'new' }]);
    await chat.as('anna')('deleteRoom', { room });
    await chat.module.jobs.run('deletedRooms');
    expect(await chat.chat.db.selectFrom('chat_messages').selectAll().execute()).toEqual([]);
    await chat.module.jobs.run('restrictions');
  });

  test('an imported user is exported, and erased in both ways', async () => {
    await using chat = await createChat({ store });
    const lines = [
      { type: 'user', id: 'ben', name: 'Ben' },
      { type: 'room', id: 'r1', kind: 'group' },
      { type: 'member', room: 'r1', user: 'ben', role: 'owner' },
      { type: 'member', room: 'r1', user: 'anna' },
      { type: 'message', room: 'r1', id: 'm1', sender: 'ben', at: 1, text: 'hello' },
      {
        type: 'message',
        room: 'r1',
        id: 'm2',
        sender: 'anna',
        at: 2,
        text: '@ben',
        mentions: { users: ['ben'] },
        thread: 'm1',
      },
      { type: 'reaction', room: 'r1', message: 'm2', user: 'ben', emoji: 'x' },
      { type: 'read', room: 'r1', user: 'anna', message: 'm1' },
    ].map((line) => JSON.stringify(line));
    const options = { store, clock: chat.clock, config: chatSchema.parse({ enabled: true }), lines };
    expect(await importChat(options)).toMatchObject({ users: 1, rooms: 1, members: 2, messages: 2, reactions: 1 });
    expect(await importChat(options)).toMatchObject({ users: 0, messages: 0, known: 7 });
    const { records } = await chat.system('exportUser', { user: 'ben' });
    expect(records.map(({ type }: { type: string }) => type)).toEqual(['user', 'membership', 'message', 'reaction']);
    for (const [user, mode] of [
      ['ben', 'anonymise'],
      ['anna', 'delete'],
    ]) {
      await chat.system('eraseUser', { user, mode });
      await chat.module.jobs.run('erasures');
      expect((await chat.system('exportUser', { user })).records).toMatchObject([{ type: 'user', name: null }]);
    }
    const texts = await chat.chat.db
      .selectFrom('chat_messages')
      .select(['body', 'deleted_at'])
      .orderBy('seq')
      .execute();
    expect(texts.map(({ deleted_at }) => deleted_at === null)).toEqual([true, false]);
  });

  test('what others said no longer names who is erased, whatever their id looks like in a pattern', async () => {
    await using chat = await createChat({ store });
    for (const user of ['b_n', 'b%', String.raw`b\n`, 'b"n']) {
      const room = await chat.room({ id: `of-${user}`, members: ['anna'] });
      const mentions = { users: ['bxn', user] };
      for (const seq of [1, 2]) await chat.as('anna')('send', { room, text: String(seq), mentions });
      await chat.as('anna')('edit', { room, seq: 1, mentions: null });
      await chat.system('eraseUser', { user, mode: 'anonymise' });
      await chat.module.jobs.run('erasures');
      await chat.module.idle();
      const { users } = (await chat.as('anna')('message', { room, seq: 2 })).message.mentions;
      expect(users, user).toEqual(['bxn', expect.stringMatching(/^deleted-/)]);
      const { versions } = await chat.as('anna')('versions', { room, seq: 1 });
      expect(versions, user).toMatchObject([{ version: 1, mentions: { users } }]);
    }
  });
});
