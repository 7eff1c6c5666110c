import { describe, expect, test } from 'vitest';
import { chatSchema } from '../../../config/chat-schema.ts';
import { countMentions } from '../mentions.ts';
import { importChat } from './import-chat.ts';
import { noCounts } from './import-work.ts';
import { createChat, type ChatFixture } from '../testing/chat-fixture.ts';

const config = chatSchema.parse({ enabled: true });

function load(chat: ChatFixture, lines: readonly (object | string)[], onProgress?: () => void) {
  return importChat({
    store: chat.store,
    clock: chat.clock,
    config,
    lines: lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))),
    ...(onProgress && { onProgress }),
  });
}

const file = [
  { type: 'user', id: 'anna', name: 'Anna', createdAt: 5 },
  { type: 'user', id: 'ben', name: 'Ben', data: { a: 1 } },
  { type: 'room', id: 'r1', kind: 'group', name: 'Old times', createdBy: 'anna', createdAt: 1_000 },
  { type: 'room', id: 'd1', kind: 'direct', users: ['ben', 'anna'] },
  { type: 'member', room: 'r1', user: 'anna', role: 'owner' },
  { type: 'member', room: 'r1', user: 'ben' },
  { type: 'member', room: 'd1', user: 'anna' },
  { type: 'member', room: 'd1', user: 'ben' },
  { type: 'message', room: 'r1', id: 'm1', sender: 'anna', at: 2_000, text: 'first', pinnedAt: 2_500 },
  { type: 'message', room: 'r1', id: 'm2', sender: 'ben', at: 3_000, text: '@anna', mentions: { users: ['anna'] } },
  '',
  { type: 'message', room: 'r1', id: 'm3', sender: 'ben', at: 4_000, text: 'reply', replyTo: 'm1', editedAt: 4_500 },
  { type: 'message', room: 'r1', id: 'm4', sender: 'ben', at: 5_000, text: 'in the thread', thread: 'm1' },
  { type: 'message', room: 'r1', id: 'm5', at: 6_000, kind: 'system', data: { renamed: true } },
  { type: 'message', room: 'r1', id: 'm6', sender: 'anna', at: 7_000, deletedAt: 7_500 },
  { type: 'message', room: 'd1', id: 'm1', sender: 'ben', at: 8_000, text: 'hi', silent: true },
  { type: 'reaction', room: 'r1', message: 'm1', user: 'ben', emoji: 'x', at: 2_100 },
  { type: 'reaction', room: 'r1', message: 'm1', user: 'anna', emoji: 'x' },
  { type: 'reaction', room: 'r1', message: 'm2', user: 'anna', emoji: 'y' },
  { type: 'read', room: 'r1', user: 'anna', message: 'm1' },
];

/** What is kept of each room, counted anew. */
async function recount(chat: ChatFixture): Promise<void> {
  const { db } = chat.chat;
  for (const room of await db.selectFrom('chat_rooms').selectAll().execute()) {
    const messages = await db
      .selectFrom('chat_messages')
      .selectAll()
      .where('room_id', '=', room.id)
      .orderBy('seq')
      .execute();
    expect(messages.map(({ seq }) => seq)).toEqual(Array.from({ length: room.last_seq }, (_, at) => at + 1));
    let ucount = 0;
    for (const row of messages) {
      if (row.kind !== 'system' && row.silent === 0 && row.thread_seq === null) ucount++;
      expect(row.ucount).toBe(ucount);
      const replies = messages.filter((other) => other.thread_seq === row.seq);
      expect(row.thread_count).toBe(replies.filter((reply) => reply.deleted_at === null).length);
      expect(row.thread_last_seq).toBe(replies.at(-1)?.seq ?? 0);
      const reactions = await db
        .selectFrom('chat_reactions')
        .select((eb) => ['emoji', eb.fn.countAll<number>().as('count')])
        .where('room_id', '=', room.id)
        .where('seq', '=', row.seq)
        .groupBy('emoji')
        .execute();
      expect(JSON.parse(row.reactions ?? '{}')).toEqual(
        Object.fromEntries(reactions.map(({ emoji, count }) => [emoji, count])),
      );
    }
    expect(room.ucount).toBe(ucount);
    const members = await db.selectFrom('chat_members').selectAll().where('room_id', '=', room.id).execute();
    expect(room.member_count).toBe(members.length);
    for (const member of members) {
      const unread = messages.filter(
        (row) => row.seq > member.read_seq && row.kind !== 'system' && row.silent === 0 && row.thread_seq === null,
      );
      expect(room.ucount - member.read_ucount, `${member.user_id} in ${room.id}`).toBe(unread.length);
    }
    const revs = [...messages, ...members].map(({ rev }) => rev).filter((rev) => rev > 0);
    expect(new Set(revs).size).toBe(revs.length);
    expect(Math.max(0, ...revs)).toBeLessThanOrEqual(room.rev);
  }
}

async function everything(chat: ChatFixture): Promise<unknown[]> {
  const tables = [
    'chat_users',
    'chat_rooms',
    'chat_members',
    'chat_messages',
    'chat_reactions',
    'chat_mentions',
  ] as const;
  return Promise.all(tables.map((table) => chat.chat.db.selectFrom(table).selectAll().execute()));
}

describe('an import', () => {
  test('keeps ids, times and order, and its rooms are used like any other', async () => {
    await using chat = await createChat();
    expect(await load(chat, file)).toEqual({
      ...noCounts,
      lines: 20,
      users: 2,
      rooms: 2,
      members: 4,
      messages: 7,
      reactions: 3,
    });
    await recount(chat);
    const anna = chat.as('anna');
    const { messages } = await anna('messages', { room: 'r1' });
    expect(messages).toMatchObject([
      {
        seq: 1,
        sender: 'anna',
        text: 'first',
        createdAt: 2_000,
        pinnedAt: 2_500,
        reactions: { x: 2 },
        thread: { count: 1 },
      },
      { seq: 2, sender: 'ben', text: '@anna', reactions: { y: 1 } },
      { seq: 3, text: 'reply', replySeq: 1, version: 2, editedAt: 4_500 },
      { seq: 5, sender: '', kind: 'system', data: { renamed: true } },
      { seq: 6, deletedAt: 7_500 },
    ]);
    expect((await anna('user', { id: 'ben' })).user).toMatchObject({ name: 'Ben', data: { a: 1 } });
    expect(await chat.memberRow('anna', 'r1')).toMatchObject({ read_seq: 1, mention_count: 1, role: 'owner' });
    expect(await chat.memberRow('ben', 'r1')).toMatchObject({ read_seq: 6 });
    expect((await anna('send', { room: 'r1', text: 'back again' })).message.seq).toBe(7);
    await recount(chat);
  });

  test('done twice is done once', async () => {
    await using chat = await createChat();
    await load(chat, file);
    const before = await everything(chat);
    expect(await load(chat, file)).toEqual({ ...noCounts, lines: 20, known: 18 });
    expect(await everything(chat)).toEqual(before);
  });

  test('counts what mentions a member who has something unread, and nobody else', async () => {
    await using chat = await createChat();
    await load(chat, file);
    await load(
      chat,
      ['cleo', 'dora'].map((user) => ({ type: 'member', room: 'r1', user })),
    );
    const users = ['anna', 'ben', 'cleo', 'eve'];
    const more = [
      { type: 'message', room: 'r1', id: 'm7', sender: 'ben', at: 8_000, text: '@all', mentions: { users } },
      {
        type: 'message',
        room: 'r1',
        id: 'm8',
        sender: 'cleo',
        at: 9_000,
        text: '.',
        thread: 'm1',
        mentions: { users },
      },
      {
        type: 'message',
        room: 'r1',
        id: 'm9',
        sender: 'cleo',
        at: 9_500,
        text: '@anna',
        mentions: { users: ['anna'] },
      },
      { type: 'read', room: 'r1', user: 'cleo', message: 'm7' },
    ];
    const counts = async () => {
      const members = await chat.chat.db.selectFrom('chat_members').selectAll().where('room_id', '=', 'r1').execute();
      for (const { user_id, read_seq, mention_count } of members) {
        expect(await countMentions({ read: chat.chat.db }, 'r1', user_id, read_seq), user_id).toBe(mention_count);
      }
      return Object.fromEntries(members.map(({ user_id, mention_count }) => [user_id, mention_count]));
    };
    expect(await counts()).toEqual({ anna: 1, ben: 0, cleo: 0, dora: 0 });
    for (const _ of ['first', 'again']) {
      await load(chat, more);
      expect(await counts()).toEqual({ anna: 4, ben: 0, cleo: 0, dora: 0 });
    }
    await chat.as('cleo')('send', { room: 'r1', text: 'live', mentions: { users: ['anna'] } });
    await chat.system('delete', { room: 'r1', seq: 7 });
    expect(await counts()).toEqual({ anna: 4, ben: 0, cleo: 0, dora: 0 });
  });

  test('of many lines goes in batches, and on where it was broken off', async () => {
    await using chat = await createChat();
    const users = Array.from({ length: 20 }, (_, at) => `u${at}`);
    const lines: object[] = [{ type: 'room', id: 'big', kind: 'group' }];
    for (const user of users) lines.push({ type: 'member', room: 'big', user });
    for (let at = 1; at <= 2_000; at++) {
      const sender = users[at % 20];
      lines.push({
        type: 'message',
        room: 'big',
        id: `m${at}`,
        sender,
        at,
        text: `${at}`,
        ...(at % 7 === 0 && { thread: 'm1' }),
      });
      if (at % 3 === 0) lines.push({ type: 'reaction', room: 'big', message: `m${at - 1}`, user: 'u1', emoji: 'x' });
    }
    let batches = 0;
    const broken = [...lines.slice(0, 1_500), '{', ...lines.slice(1_500)];
    await expect(load(chat, broken, () => batches++)).rejects.toThrow(
      /^line 1501: no JSON.*\(lines 1 to 1500 are imported\)$/,
    );
    expect(batches).toBe(3);
    await recount(chat);
    const counts = await load(chat, lines);
    expect(counts.known).toBe(1_500);
    await recount(chat);
    expect(await chat.roomRow('big')).toMatchObject({ last_seq: 2_000, member_count: 20 });
  });

  test('into a room that is in use: who had read everything still has, and the others have more to read', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna', 'ben'] });
    await chat.as('anna')('send', { room, text: 'now' });
    await load(chat, [{ type: 'message', room, id: 'm1', sender: 'ben', at: 1, text: 'then' }]);
    await recount(chat);
    expect(await chat.memberRow('anna')).toMatchObject({ read_seq: 2 });
    expect(await chat.memberRow('ben')).toMatchObject({ read_seq: 0 });
    const row = await chat.roomRow();
    expect(row.min_rev).toBe(row.rev);
  });

  test.each([
    ['no JSON', '{', 'no JSON'],
    ['a kind that is not known', { type: 'massage' }, 'type'],
    ['a field that is not known', { type: 'user', id: 'x', nmae: 'X' }, 'nmae'],
    ['an id that cannot be used', { type: 'user', id: 'a b' }, 'id: an id of 1 to 128 characters'],
    ['a room that is not there', { type: 'member', room: 'none', user: 'x' }, 'room none is not known'],
    [
      'an answer to nothing',
      { type: 'message', room: 'r1', id: 'x', at: 1, text: 'x', replyTo: 'y' },
      'message y is not known',
    ],
    ['a message that says nothing', { type: 'message', room: 'r1', id: 'x', at: 1 }, 'a message needs text'],
    [
      'a reaction to nothing',
      { type: 'reaction', room: 'r1', message: 'y', user: 'x', emoji: 'x' },
      'message y is not known',
    ],
    [
      'a thread in a thread',
      { type: 'message', room: 'r1', id: 'x', at: 1, text: 'x', thread: 'm4' },
      'itself in a thread',
    ],
    ['a reader who is not there', { type: 'read', room: 'r1', user: 'eve', message: 'm1' }, 'no member'],
    ['a third one in a direct room', { type: 'member', room: 'd1', user: 'eve' }, 'user eve is none of its two'],
    ['a direct room of nobody', { type: 'room', id: 'x', kind: 'direct' }, 'the two of a direct room'],
    [
      'a second direct room',
      { type: 'room', id: 'x', kind: 'direct', users: ['anna', 'ben'] },
      'a direct room already: d1',
    ],
  ])('says which line has %s, and keeps nothing of its batch', async (_name, line, message) => {
    await using chat = await createChat();
    await load(chat, file);
    const before = await everything(chat);
    const lines = [{ type: 'user', id: 'new' }, line];
    await expect(load(chat, lines)).rejects.toThrow(new RegExp(`^line 2: .*${message}.*\\(nothing was imported\\)$`));
    expect(await everything(chat)).toEqual(before);
  });
});
