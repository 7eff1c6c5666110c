import { expect, test } from 'vitest';
import type { ChatTables } from './tables.ts';
import { createChat } from './testing/chat-fixture.ts';

const at = { room: 'room', seq: 1 };

async function busy() {
  const chat = await createChat();
  await chat.room({ members: ['olga', 'anna', 'ben'] });
  await chat.chat.writer.run({}, (tx) =>
    tx.write
      .insertInto('chat_attachments')
      .values({
        id: 'file',
        room_id: 'room',
        user_id: 'anna',
        message_seq: null,
        name: 'a.png',
        content_type: 'image/png',
        bytes: 3,
        storage_key: 'k',
        created_at: chat.clock.now(),
      })
      .execute(),
  );
  await chat.as('anna')('send', {
    room: 'room',
    clientId: 'c1',
    text: 'secret',
    attachments: ['file'],
    mentions: { users: ['ben'] },
  });
  await chat.as('anna')('edit', { ...at, text: 'more secret' });
  await chat.as('ben')('react', { ...at, emoji: '👍' });
  await chat.as('olga')('pin', at);
  chat.forget();
  return chat;
}

test('a deleted message leaves a tombstone, and nothing of what it said in any table', async () => {
  await using chat = await busy();
  const { message } = await chat.as('anna')('delete', at);
  expect(message).toEqual({
    room: 'room',
    seq: 1,
    id: expect.any(String),
    sender: 'anna',
    clientId: 'c1',
    kind: 'text',
    version: 2,
    createdAt: expect.any(Number),
    deletedAt: chat.clock.now(),
    rev: 5,
  });
  expect(chat.published('chat:room:room')).toEqual([{ type: 'message', message }]);
  expect(chat.eventTypes).toEqual(['chat.message.deleted']);
  const rows = async (table: keyof ChatTables) => chat.chat.db.selectFrom(table).selectAll().execute();
  for (const table of ['chat_message_versions', 'chat_reactions', 'chat_mentions'] as const) {
    expect(await rows(table), table).toEqual([]);
  }
  expect(await rows('chat_attachments')).toMatchObject([{ message_seq: -1 }]);
  expect(JSON.stringify(await rows('chat_messages'))).not.toContain('secret');
  expect(await chat.as('ben')('pins', { room: 'room' })).toEqual({ messages: [], hasMore: false, own: [] });
  expect(await chat.as('ben')('reactions', at)).toEqual({ reactions: [], hasMore: false });
});

test('deleting again does nothing', async () => {
  await using chat = await busy();
  const first = await chat.as('anna')('delete', at);
  await chat.clock.advance(10);
  expect(await chat.as('olga')('delete', at)).toEqual(first);
  expect(chat.published('chat:room:room')).toHaveLength(1);
});

test('unread mentions of it are taken back; as a message it stays counted until it is read', async () => {
  await using chat = await busy();
  expect(await chat.memberRow('ben')).toMatchObject({ mention_count: 1 });
  await chat.as('anna')('delete', at);
  expect(await chat.memberRow('ben')).toMatchObject({ mention_count: 0, read_ucount: 0 });
  expect(await chat.roomRow()).toMatchObject({ ucount: 1, last_seq: 1 });
});

test('only who wrote it and who moderates may, and nobody does anything with it afterwards', async () => {
  await using chat = await busy();
  await expect(chat.as('ben')('delete', at)).rejects.toMatchObject({ code: 604 });
  await expect(chat.as('carl')('delete', at)).rejects.toMatchObject({ code: 600 });
  await expect(chat.as('anna')('delete', { ...at, seq: 2 })).rejects.toMatchObject({ code: 601 });
  await chat.as('olga')('delete', at);
  for (const [name, more] of [
    ['edit', { ...at, text: 'x' }],
    ['react', { ...at, emoji: 'x' }],
    ['unreact', { ...at, emoji: '👍' }],
    ['pin', at],
    ['send', { room: 'room', text: 'x', replySeq: 1 }],
    ['send', { room: 'room', text: 'x', threadSeq: 1 }],
  ] as const) {
    await expect(
      chat
        .as('anna')(name, more)
        .then(() => name),
      name,
    ).rejects.toMatchObject({
      code: 615,
    });
  }
});

test('a reply that is deleted no longer counts in its thread, and the replies under a tombstone stay', async () => {
  await using chat = await busy();
  await chat.as('ben')('send', { room: 'room', text: 'r1', threadSeq: 1 });
  await chat.as('ben')('send', { room: 'room', text: 'r2', threadSeq: 1 });
  await chat.as('ben')('delete', { room: 'room', seq: 2 });
  expect((await chat.as('anna')('message', at)).message.thread).toMatchObject({ count: 1, lastSeq: 3 });
  await chat.as('anna')('delete', at);
  const { messages } = await chat.as('ben')('messages', { room: 'room', threadSeq: 1 });
  expect(messages).toMatchObject([
    { seq: 2, deletedAt: expect.any(Number) },
    { seq: 3, text: 'r2' },
  ]);
});
