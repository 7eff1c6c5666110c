import { describe, expect, test } from 'vitest';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

const typed = (chat: ChatFixture, room = 'room') =>
  chat.published(`chat:room:${room}`).filter((one) => (one as { type: string }).type === 'typing');

async function room(): Promise<ChatFixture> {
  const chat = await createChat();
  await chat.room({ members: ['anna', 'ben'] });
  return chat;
}

async function restrict(chat: ChatFixture, kind: string, until: number | null = null): Promise<void> {
  await chat.chat.db
    .insertInto('chat_restrictions')
    .values({ scope: 'room', user_id: 'anna', kind, reason: null, until, created_by: 'ben', created_at: 0 })
    .execute();
}

describe('typing', () => {
  test('is passed on at most every two seconds per user, and stored nowhere', async () => {
    await using chat = await room();
    const type = (user: string) => chat.as(user)('typing', { room: 'room' });
    await Promise.all([type('anna'), type('anna'), type('ben')]);
    await chat.clock.advance(1_999);
    await type('anna');
    expect(chat.publications).toEqual([
      { channel: 'chat:room:room', data: { type: 'typing', user: 'anna' }, position: undefined },
      { channel: 'chat:room:room', data: { type: 'typing', user: 'ben' }, position: undefined },
    ]);
    await chat.clock.advance(1);
    await type('anna');
    expect(typed(chat)).toHaveLength(3);
    expect((await chat.roomRow()).rev).toBe(0);
  });

  test('stops once, where it was', async () => {
    await using chat = await room();
    const run = chat.as('anna');
    await run('typing', { room: 'room', stopped: true });
    await run('typing', { room: 'room', threadSeq: 4 });
    await run('typing', { room: 'room', stopped: true });
    await run('typing', { room: 'room', stopped: true });
    await run('typing', { room: 'room' });
    expect(typed(chat)).toEqual([
      { type: 'typing', user: 'anna', threadSeq: 4 },
      { type: 'typing', user: 'anna', threadSeq: 4, stopped: true },
    ]);
  });

  test('ends with the message: nothing more is said, and what is typed next is told at once', async () => {
    await using chat = await room();
    await chat.as('anna')('typing', { room: 'room' });
    await chat.as('anna')('send', { room: 'room', text: 'there' });
    await chat.as('anna')('typing', { room: 'room', stopped: true });
    expect(typed(chat)).toHaveLength(1);
    await chat.as('anna')('typing', { room: 'room' });
    expect(typed(chat)).toHaveLength(2);
  });

  test('that nobody shows any more need not be stopped', async () => {
    await using chat = await room();
    await chat.as('anna')('typing', { room: 'room' });
    await chat.clock.advance(7_000);
    await chat.as('anna')('typing', { room: 'room', stopped: true });
    expect(typed(chat)).toHaveLength(1);
  });
});

describe('who may not write', () => {
  test('does not type', async () => {
    await using chat = await room();
    await chat.room({ id: 'news', kind: 'broadcast', members: ['ben', 'anna'] });
    await chat.room({ id: 'ice', members: ['ben', 'anna'], row: { frozen: 1 } });
    const type = (user: string, id: string) => chat.as(user)('typing', { room: id });
    await expect(type('dora', 'room')).rejects.toMatchObject({ code: 600 });
    await expect(type('anna', 'news')).rejects.toMatchObject({ code: 604 });
    await expect(type('anna', 'ice')).rejects.toMatchObject({ code: 610 });
    await type('ben', 'ice');
    await restrict(chat, 'mute');
    await expect(type('anna', 'room')).rejects.toMatchObject({ code: 612 });
    await restrict(chat, 'ban');
    await expect(type('anna', 'room')).rejects.toMatchObject({ code: 611 });
    expect(chat.publications.map(({ channel }) => channel)).toEqual(['chat:room:ice']);
  });

  test('or whose messages nobody sees, types unseen', async () => {
    await using chat = await room();
    await restrict(chat, 'shadow', chat.clock.now() + 10_000);
    await chat.room({ id: 'two', kind: 'direct', members: ['anna', 'ben'] });
    await chat.chat.db
      .insertInto('chat_blocks')
      .values({ user_id: 'ben', blocked_id: 'anna', created_at: 0 })
      .execute();
    await chat.as('anna')('typing', { room: 'room' });
    await chat.as('anna')('typing', { room: 'two' });
    expect(chat.publications).toEqual([]);
    await chat.clock.advance(10_000);
    await chat.as('anna')('typing', { room: 'room' });
    expect(typed(chat)).toHaveLength(1);
  });
});
