import { describe, expect, test } from 'vitest';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

async function room(): Promise<ChatFixture> {
  const chat = await createChat({ config: { limits: { messageSize: 100 } } });
  await chat.room({ members: ['anna', 'ben'] });
  return chat;
}

describe('a draft', () => {
  test('is kept for each room and thread, and told to the own devices', async () => {
    await using chat = await room();
    await chat.as('ben')('send', { room: 'room', text: 'one' });
    chat.forget();
    const set = (input: object) => chat.as('anna')('setDraft', { room: 'room', ...input });
    const { draft: first } = await set({ text: 'hel' });
    await chat.clock.advance(5);
    const { draft: second } = await set({ text: 'an answer', threadSeq: 1 });
    await chat.clock.advance(5);
    const { draft: third } = await set({ text: 'hello' });
    expect(third).toEqual({ room: 'room', text: 'hello', updatedAt: first.updatedAt + 10 });
    expect(await chat.as('anna')('drafts')).toEqual({ drafts: [third, second] });
    expect(await chat.as('ben')('drafts')).toEqual({ drafts: [] });
    expect(chat.publications.map(({ channel, data }) => [channel, data])).toEqual(
      [first, second, third].map((draft) => ['chat:user:anna', { type: 'draft', draft }]),
    );
  });

  test('goes with an empty text, and is told to be gone once', async () => {
    await using chat = await room();
    const set = (text: string) => chat.as('anna')('setDraft', { room: 'room', text });
    await set('hel');
    await set('hel');
    await set('');
    await set('');
    expect(chat.published('chat:user:anna')).toMatchObject([{ draft: { text: 'hel' } }, { draft: { text: '' } }]);
    expect(await chat.as('anna')('drafts')).toEqual({ drafts: [] });
  });

  test('of two devices at once, the last wins everywhere', async () => {
    await using chat = await room();
    await Promise.all(['a', 'b', 'c'].map((text) => chat.as('anna')('setDraft', { room: 'room', text })));
    const { drafts } = await chat.as('anna')('drafts');
    expect(drafts).toEqual([(chat.published('chat:user:anna').at(-1) as { draft: unknown }).draft]);
  });

  test('goes when its user leaves, and with the room', async () => {
    await using chat = await room();
    await chat.room({ id: 'other', members: ['anna', 'ben'] });
    for (const id of ['room', 'other']) {
      for (const user of ['anna', 'ben']) await chat.as(user)('setDraft', { room: id, text: 'hel' });
    }
    await chat.as('ben')('leave', { room: 'room' });
    await chat.as('anna')('deleteRoom', { room: 'other' });
    const rows = await chat.chat.db.selectFrom('chat_drafts').select(['room_id', 'user_id']).execute();
    expect(rows).toEqual([{ room_id: 'room', user_id: 'anna' }]);
  });

  test('that is too large, in a room or thread that is not there, or one too many, is refused', async () => {
    await using chat = await room();
    const set = (input: object, user = 'anna') =>
      chat.as(user)('setDraft', { room: 'room', text: 'x', ...input }) as Promise<unknown>;
    await chat.as('ben')('send', { room: 'room', text: 'one' });
    await chat.as('ben')('send', { room: 'room', text: 'two', threadSeq: 1 });
    await expect(set({ text: 'ä'.repeat(51) })).rejects.toMatchObject({ code: 606 });
    await expect(set({ text: 'a\0b' })).rejects.toMatchObject({ code: 605 });
    await expect(set({ threadSeq: 9 })).rejects.toMatchObject({ code: 601 });
    await expect(set({ threadSeq: 2 })).rejects.toMatchObject({ code: 605 });
    await expect(set({}, 'dora')).rejects.toMatchObject({ code: 600 });
    await chat.chat.db
      .insertInto('chat_drafts')
      .values(
        Array.from({ length: 500 }, (_, at) => ({
          user_id: 'anna',
          room_id: 'room',
          thread_seq: at + 100,
          text: 'x',
          updated_at: 0,
        })),
      )
      .execute();
    await expect(set({})).rejects.toMatchObject({ code: 607 });
  });
});
