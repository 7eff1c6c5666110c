import { describe, expect, test } from 'vitest';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

async function withMessages(count: number): Promise<ChatFixture> {
  const chat = await createChat();
  await chat.room({ members: ['anna', 'ben', 'cleo'] });
  for (let at = 1; at <= count; at++) await chat.as('anna')('send', { room: 'room', text: `message ${at}` });
  chat.forget();
  return chat;
}

/** Runs behind messages that are sent in the same turn: they are looked at before they are written. */
async function behind<T>(run: () => Promise<T>): Promise<T> {
  for (let at = 0; at < 50; at++) await Promise.resolve();
  return run();
}

describe('marking as read', () => {
  test('sets the counters, never goes back, and is told to the own devices once', async () => {
    await using chat = await withMessages(5);
    const read = { room: 'room', readSeq: 3, readCountable: 3, deliveredSeq: 3, unread: 2, mentions: 0 };
    expect(await chat.as('ben')('markRead', { room: 'room', seq: 3 })).toEqual(read);
    expect(await chat.as('ben')('markRead', { room: 'room', seq: 2 })).toEqual(read);
    expect(chat.published('chat:user:ben')).toEqual([{ type: 'read', ...read }]);
    expect(await chat.memberRow('ben')).toMatchObject({ read_seq: 3, read_ucount: 3, delivered_seq: 3 });
    expect((await chat.roomRow()).rev).toBe(5);
  });

  test('beyond the latest message is the latest message', async () => {
    await using chat = await withMessages(2);
    expect(await chat.as('ben')('markRead', { room: 'room', seq: 1_000 })).toMatchObject({ readSeq: 2, unread: 0 });
  });

  test('counts what is countable', async () => {
    await using chat = await withMessages(1);
    await chat.as('anna')('send', { room: 'room', text: 'hush', silent: true });
    await chat.as('anna')('send', { room: 'room', text: 'an answer', threadSeq: 1 });
    await chat.as('anna')('send', { room: 'room', text: 'loud' });
    expect(await chat.as('ben')('markRead', { room: 'room', seq: 2 })).toMatchObject({ readSeq: 2, unread: 1 });
    expect(await chat.as('ben')('markRead', { room: 'room', seq: 3 })).toMatchObject({ readSeq: 3, unread: 1 });
    expect(await chat.as('ben')('markRead', { room: 'room', seq: 4 })).toMatchObject({ readSeq: 4, unread: 0 });
  });

  test('leaves the mentions behind it', async () => {
    await using chat = await withMessages(1);
    await chat.as('anna')('send', { room: 'room', text: '@ben', mentions: { users: ['ben'] } });
    await chat.as('anna')('send', { room: 'room', text: '@room', mentions: { room: true } });
    await chat.as('anna')('send', { room: 'room', text: '@ben', mentions: { users: ['ben'], room: true } });
    expect(await chat.as('ben')('markRead', { room: 'room', seq: 1 })).toMatchObject({ mentions: 3 });
    expect(await chat.as('ben')('markRead', { room: 'room', seq: 2 })).toMatchObject({ mentions: 2 });
    expect(await chat.as('ben')('markRead', { room: 'room', seq: 4 })).toMatchObject({ mentions: 0 });
  });

  test('with messages of the same turn', async () => {
    await using chat = await withMessages(1);
    await Promise.all([
      chat.as('anna')('send', { room: 'room', text: 'two', mentions: { users: ['ben'] } }),
      chat.as('anna')('send', { room: 'room', text: 'three', mentions: { room: true } }),
      chat.as('anna')('send', { room: 'room', text: 'four', mentions: { room: true } }),
      behind(() => chat.as('ben')('markRead', { room: 'room', seq: 2 })),
    ]);
    const [{ read_seq, read_ucount, mention_count }, { ucount }] = [await chat.memberRow('ben'), await chat.roomRow()];
    expect({ read_seq, unread: ucount - read_ucount, mention_count }).toEqual({
      read_seq: 2,
      unread: 2,
      mention_count: 2,
    });
  });

  test('is for members, and foreign rooms look like none', async () => {
    await using chat = await withMessages(1);
    await chat.room({ id: 'open', kind: 'public', members: ['anna'] });
    const asked = (user: string, room: string) => chat.as(user)('markRead', { room, seq: 1 });
    await expect(asked('dora', 'room')).rejects.toMatchObject({ code: 600 });
    await expect(asked('dora', 'nowhere')).rejects.toMatchObject({ code: 600 });
    await expect(asked('dora', 'open')).rejects.toMatchObject({ code: 603 });
    await expect(chat.system('markRead', { room: 'room', seq: 1 })).rejects.toMatchObject({ code: 605 });
  });
});

describe('marking as unread', () => {
  test('goes back to before the message, with its unread and mentions', async () => {
    await using chat = await withMessages(2);
    await chat.as('anna')('send', { room: 'room', text: '@ben', mentions: { users: ['ben'] } });
    await chat.as('ben')('markRead', { room: 'room', seq: 3 });
    chat.forget();
    const unread = { room: 'room', readSeq: 1, readCountable: 1, deliveredSeq: 3, unread: 2, mentions: 1 };
    expect(await chat.as('ben')('markUnread', { room: 'room', seq: 2 })).toEqual(unread);
    expect(chat.published('chat:user:ben')).toEqual([{ type: 'read', ...unread }]);
    expect(await chat.as('ben')('markUnread', { room: 'room', seq: 1 })).toMatchObject({ readSeq: 0, unread: 3 });
    expect(await chat.as('ben')('markRead', { room: 'room', seq: 3 })).toMatchObject({ unread: 0, mentions: 0 });
  });

  test('of a message that is not there is an error', async () => {
    await using chat = await withMessages(2);
    await expect(chat.as('ben')('markUnread', { room: 'room', seq: 3 })).rejects.toMatchObject({ code: 601 });
  });

  test('where messages are no longer kept counts those that are', async () => {
    await using chat = await withMessages(6);
    await chat.chat.db.deleteFrom('chat_messages').where('seq', '<=', 3).execute();
    const as = chat.as('ben');
    expect(await as('markRead', { room: 'room', seq: 2 })).toMatchObject({ readSeq: 2, unread: 3 });
    expect(await as('markUnread', { room: 'room', seq: 1 })).toMatchObject({ readSeq: 0, unread: 3 });
    expect(await as('markUnread', { room: 'room', seq: 5 })).toMatchObject({ readSeq: 4, unread: 2 });
    await chat.chat.db.deleteFrom('chat_messages').execute();
    expect(await as('markUnread', { room: 'room', seq: 1 })).toMatchObject({ readSeq: 0, unread: 0 });
    // The next message is not in the database yet when it is counted.
    const [, marked] = await Promise.all([
      chat.as('anna')('send', { room: 'room', text: 'seven' }),
      behind(() => as('markUnread', { room: 'room', seq: 2 })),
    ]);
    expect(marked).toMatchObject({ readSeq: 1, unread: 1 });
  });
});

describe('marking as delivered', () => {
  test('goes up, up to the latest message', async () => {
    await using chat = await withMessages(3);
    const mark = (seq: number) => chat.as('ben')('markDelivered', { room: 'room', seq });
    expect(await mark(2)).toEqual({ delivered: [{ room: 'room', deliveredSeq: 2 }] });
    expect(await mark(1)).toEqual({ delivered: [{ room: 'room', deliveredSeq: 2 }] });
    expect(await mark(9)).toEqual({ delivered: [{ room: 'room', deliveredSeq: 3 }] });
    expect(await chat.memberRow('ben')).toMatchObject({ delivered_seq: 3, read_seq: 0 });
  });

  test('takes many rooms at once, and passes over those one is not in', async () => {
    await using chat = await createChat();
    const rooms = Array.from({ length: 130 }, (_, at) => `room-${at}`);
    for (const id of rooms) await chat.room({ id, members: ['anna', 'ben'], row: { last_seq: 5 } });
    await chat.room({ id: 'foreign', members: ['anna'], row: { last_seq: 5 } });
    const marks = [...rooms, 'foreign', 'nowhere'].map((room) => ({ room, seq: 4 }));
    const { delivered } = await chat.as('ben')('markDelivered', { rooms: [...marks, { room: 'room-3', seq: 1 }] });
    expect(delivered).toHaveLength(130);
    expect(await chat.memberRow('ben', 'room-3')).toMatchObject({ delivered_seq: 4 });
    await expect(chat.as('ben')('markDelivered', { room: 'foreign', seq: 4 })).rejects.toMatchObject({ code: 600 });
    await expect(chat.as('ben')('markDelivered', { room: 'room-1' })).rejects.toMatchObject({ code: 605 });
    await expect(chat.as('ben')('markDelivered', { ...marks[0], rooms: marks })).rejects.toMatchObject({ code: 605 });
  });
});

describe('receipts', () => {
  test('come in pages, by user, of those whom a message has reached', async () => {
    await using chat = await withMessages(4);
    await chat.as('ben')('markRead', { room: 'room', seq: 2 });
    await chat.as('cleo')('markDelivered', { room: 'room', seq: 3 });
    const all = [
      { user: 'anna', readSeq: 4, deliveredSeq: 4 },
      { user: 'ben', readSeq: 2, deliveredSeq: 2 },
      { user: 'cleo', readSeq: 0, deliveredSeq: 3 },
    ];
    const ask = (input: object) => chat.as('ben')('receipts', { room: 'room', ...input });
    expect(await ask({})).toEqual({ receipts: all, hasMore: false });
    expect(await ask({ limit: 2 })).toEqual({ receipts: all.slice(0, 2), hasMore: true });
    expect(await ask({ after: 'ben' })).toEqual({ receipts: all.slice(2), hasMore: false });
    expect(await ask({ seq: 3 })).toEqual({ receipts: [all[0], all[2]], hasMore: false });
  });

  test('are for those who may see them', async () => {
    await using chat = await withMessages(1);
    await chat.room({ id: 'news', kind: 'broadcast', members: ['anna', 'ben'] });
    await chat.room({ id: 'open', kind: 'public', members: ['anna'] });
    await expect(chat.as('dora')('receipts', { room: 'room' })).rejects.toMatchObject({ code: 600 });
    await expect(chat.as('anna')('receipts', { room: 'news' })).rejects.toMatchObject({ code: 604 });
    await expect(chat.as('dora')('receipts', { room: 'open' })).rejects.toMatchObject({ code: 603 });
  });
});
