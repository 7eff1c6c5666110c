import { describe, expect, test } from 'vitest';
import { RoomHistory } from './room-history.ts';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

const hourMs = 3_600_000;

async function sweep(chat: ChatFixture): Promise<void> {
  await chat.module.jobs.run('retention');
  await chat.module.idle();
}

async function seqs(chat: ChatFixture, room: string): Promise<number[]> {
  const { messages } = await chat.system('messages', { room, limit: 100 });
  return messages.map(({ seq }: { seq: number }) => seq);
}

/** Two messages that are too old after another half hour, and two that are not. */
async function withOldMessages(chat: ChatFixture): Promise<string> {
  const room = await chat.room({ members: ['anna', 'ben', 'cleo'], row: { retention_ms: hourMs } });
  await chat.as('anna')('send', { room, text: '1', mentions: { users: ['ben'] } });
  await chat.as('anna')('send', { room, text: '2' });
  await chat.clock.advance(hourMs / 2);
  await chat.as('anna')('send', { room, text: '3', mentions: { users: ['ben'] } });
  await chat.as('anna')('send', { room, text: '4' });
  return room;
}

describe('retention', () => {
  test('removes messages that are older than the room keeps them, and what hangs on them', async () => {
    await using chat = await createChat();
    const room = await withOldMessages(chat);
    await chat.as('ben')('react', { room, seq: 1, emoji: 'x' });
    await chat.as('ben')('react', { room, seq: 3, emoji: 'x' });
    await chat.as('anna')('edit', { room, seq: 1, text: '1!' });
    await chat.as('anna')('pin', { room, seq: 1 });
    await chat.as('anna')('pin', { room, seq: 4 });
    await chat.as('ben')('send', { room, text: 'in the thread', threadSeq: 1 });
    await chat.clock.advance(hourMs / 2 + 1);
    await sweep(chat);
    expect(await seqs(chat, room)).toEqual([3, 4]);
    const { db } = chat.chat;
    for (const table of ['chat_reactions', 'chat_mentions'] as const) {
      expect(await db.selectFrom(table).select('seq').execute(), table).toEqual([{ seq: 3 }]);
    }
    expect(await db.selectFrom('chat_message_versions').selectAll().execute()).toEqual([]);
    expect(await db.selectFrom('chat_thread_members').selectAll().execute()).toEqual([]);
    expect((await chat.as('ben')('pins', { room })).messages).toMatchObject([{ seq: 4 }]);
    const { message } = await chat.as('anna')('send', { room, text: '6' });
    expect(message.seq).toBe(6);
  });

  test('leaves messages as long as the configuration says, where the room says nothing', async () => {
    await using chat = await createChat({ config: { enabled: true, retention: '1h' } });
    const kept = await chat.room({ id: 'kept', members: ['anna'], row: { retention_ms: 10 * hourMs } });
    const room = await chat.room({ members: ['anna'] });
    for (const id of [kept, room]) await chat.as('anna')('send', { room: id, text: 'x' });
    await chat.clock.advance(hourMs + 1);
    await sweep(chat);
    expect(await seqs(chat, kept)).toEqual([1]);
    expect(await seqs(chat, room)).toEqual([]);
  });

  test('leaves everything where nothing is said', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna'] });
    await chat.as('anna')('send', { room, text: 'x' });
    await chat.clock.advance(10 * hourMs);
    await sweep(chat);
    expect(await seqs(chat, room)).toEqual([1]);
  });

  test('goes through many messages and rooms', async () => {
    await using chat = await createChat({ config: { enabled: true, retention: '1h' } });
    for (let at = 0; at < 230; at++) await chat.room({ id: `r${at}`, members: ['anna'] });
    await Promise.all(
      Array.from({ length: 1_200 }, (_, at) => chat.as('anna')('send', { room: 'r0', text: String(at) })),
    );
    await chat.as('anna')('send', { room: 'r99', text: 'the last room by name' });
    await chat.clock.advance(hourMs + 1);
    await chat.as('anna')('send', { room: 'r0', text: 'new' });
    await sweep(chat);
    expect(await seqs(chat, 'r0')).toEqual([1_201]);
    expect(await seqs(chat, 'r99')).toEqual([]);
  });
});

describe('a client that was away while messages were removed', () => {
  test('gets a reset if it had not seen their last change, and no reset if it had', async () => {
    await using chat = await createChat();
    const room = await withOldMessages(chat);
    const { epoch } = await chat.roomRow();
    await chat.clock.advance(hourMs / 2 + 1);
    await sweep(chat);
    const history = new RoomHistory(chat.store);
    const read = (offset: number) => history.read(`chat:room:${room}`, { since: { offset, epoch }, limit: -1 });
    expect(await read(0)).toMatchObject({ complete: false });
    expect(await read(1)).toMatchObject({ complete: false });
    const page = await read(2);
    expect(page.complete).toBe(true);
    expect(page.publications.map(({ offset }) => offset)).toEqual([3, 4]);
    expect(await read(4)).toMatchObject({ complete: true, publications: [] });
  });

  test('gets a reset for a removed message that was changed late', async () => {
    await using chat = await createChat();
    const room = await withOldMessages(chat);
    await chat.as('ben')('react', { room, seq: 2, emoji: 'x' });
    const { epoch, rev } = await chat.roomRow();
    await chat.clock.advance(hourMs / 2 + 1);
    await sweep(chat);
    const history = new RoomHistory(chat.store);
    const read = (offset: number) => history.read(`chat:room:${room}`, { since: { offset, epoch }, limit: -1 });
    expect(await read(rev - 1)).toMatchObject({ complete: false });
    expect(await read(rev)).toMatchObject({ complete: true });
  });

  test('goes on as before when all messages are gone', async () => {
    await using chat = await createChat();
    const room = await withOldMessages(chat);
    const { epoch, rev } = await chat.roomRow();
    await chat.clock.advance(hourMs + 1);
    await sweep(chat);
    await chat.as('anna')('send', { room, text: '5' });
    const page = await new RoomHistory(chat.store).read(`chat:room:${room}`, {
      since: { offset: rev, epoch },
      limit: -1,
    });
    expect(page).toMatchObject({ complete: true, position: { offset: rev + 1 } });
    expect(page.publications).toHaveLength(1);
  });
});

describe('what is unread', () => {
  async function stateOf(chat: ChatFixture, user: string): Promise<{ unread: number; mentions: number }> {
    const [room, member] = [await chat.roomRow(), await chat.memberRow(user)];
    return { unread: room.ucount - member.read_ucount, mentions: member.mention_count };
  }

  test('holds no mention of all that one has made oneself', async () => {
    await using chat = await createChat();
    const room = await withOldMessages(chat);
    await chat.as('ben')('send', { room, text: '5', threadSeq: 3, mentions: { room: true } });
    expect((await stateOf(chat, 'ben')).mentions).toBe(2);
    await chat.clock.advance(hourMs / 2 + 1);
    await sweep(chat);
    expect((await stateOf(chat, 'ben')).mentions).toBe(1);
    expect((await stateOf(chat, 'cleo')).mentions).toBe(1);
  });

  test('is what is still there', async () => {
    await using chat = await createChat();
    const room = await withOldMessages(chat);
    await chat.as('cleo')('markRead', { room, seq: 3 });
    expect(await stateOf(chat, 'ben')).toEqual({ unread: 4, mentions: 2 });
    await chat.clock.advance(hourMs / 2 + 1);
    chat.forget();
    await sweep(chat);
    expect(await stateOf(chat, 'ben')).toEqual({ unread: 2, mentions: 1 });
    expect(await stateOf(chat, 'cleo')).toEqual({ unread: 1, mentions: 0 });
    expect(chat.published('chat:user:ben')).toMatchObject([{ type: 'read', room, readSeq: 2, unread: 2, mentions: 1 }]);
    expect(chat.published('chat:user:cleo')).toEqual([]);
    await chat.as('ben')('markRead', { room, seq: 4 });
    expect(await stateOf(chat, 'ben')).toEqual({ unread: 0, mentions: 0 });
  });

  test('is nothing when all messages are gone', async () => {
    await using chat = await createChat();
    const room = await withOldMessages(chat);
    await chat.clock.advance(hourMs + 1);
    await sweep(chat);
    expect(await seqs(chat, room)).toEqual([]);
    for (const user of ['anna', 'ben', 'cleo']) expect(await stateOf(chat, user)).toEqual({ unread: 0, mentions: 0 });
  });
});

describe('a deleted room', () => {
  test('loses its messages at once and its members later, and keeps its id', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna', 'ben'] });
    for (let at = 0; at < 3; at++) await chat.as('anna')('send', { room, text: 'x' });
    await chat.as('anna')('deleteRoom', { room });
    await chat.module.jobs.run('deletedRooms');
    const { db } = chat.chat;
    expect(await db.selectFrom('chat_messages').selectAll().execute()).toEqual([]);
    expect(await db.selectFrom('chat_members').selectAll().execute()).toHaveLength(2);
    await db
      .updateTable('chat_rooms')
      .set({ deleted_at: chat.clock.now() - 31 * 24 * hourMs })
      .execute();
    await chat.module.jobs.run('deletedRooms');
    expect(await db.selectFrom('chat_members').selectAll().execute()).toEqual([]);
    const row = await chat.roomRow();
    expect(row.min_rev).toBe(row.rev);
    await expect(chat.system('createRoom', { id: room, kind: 'group' })).rejects.toMatchObject({ code: 621 });
  });
});
