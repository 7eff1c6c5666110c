import { expect, test } from 'vitest';
import { maxBlocks } from './blocks.ts';
import { createChat } from './testing/chat-fixture.ts';

test('a block keeps both from writing in their direct room, and is told to the own devices alone', async () => {
  await using chat = await createChat();
  const room = await chat.room({ kind: 'direct', members: ['anna', 'ben'] });
  await chat.as('anna')('block', { user: 'ben' });
  await chat.as('anna')('block', { user: 'ben' });
  expect(chat.publications).toEqual([
    { channel: 'chat:user:anna', data: { type: 'block', user: 'ben', blocked: true }, position: undefined },
  ]);
  await expect(chat.as('ben')('send', { room, text: 'x' })).rejects.toMatchObject({ code: 613, message: 'blocked' });
  await expect(chat.as('anna')('send', { room, text: 'x' })).rejects.toThrow('you blocked ben');
  await chat.as('anna')('unblock', { user: 'ben' });
  await chat.as('anna')('unblock', { user: 'ben' });
  expect(chat.published('chat:user:anna').at(-1)).toEqual({ type: 'block', user: 'ben', blocked: false });
  await chat.as('ben')('send', { room, text: 'x' });
});

test('mentions by who is blocked do not reach', async () => {
  await using chat = await createChat();
  const room = await chat.room({ members: ['anna', 'ben', 'cleo'] });
  await chat.as('anna')('block', { user: 'ben' });
  chat.forget();
  await chat.as('ben')('send', { room, text: '@anna @cleo', mentions: { users: ['anna', 'cleo'] } });
  expect(chat.published('chat:user:anna').filter((one) => (one as { type: string }).type === 'mention')).toEqual([]);
  expect(await chat.memberRow('anna')).toMatchObject({ mention_count: 0 });
  expect((await chat.as('anna')('mentions', {})).mentions).toEqual([]);
  expect(await chat.memberRow('cleo')).toMatchObject({ mention_count: 1 });
});

test('blocks are listed in pages, for who made them', async () => {
  await using chat = await createChat();
  for (const user of ['cleo', 'ben', 'dora']) await chat.as('anna')('block', { user });
  const first = await chat.as('anna')('blocks', { limit: 2 });
  expect(first.blocks.map(({ user }: { user: string }) => user)).toEqual(['ben', 'cleo']);
  expect(first.hasMore).toBe(true);
  expect((await chat.as('anna')('blocks', { after: 'cleo' })).blocks).toMatchObject([{ user: 'dora' }]);
  expect((await chat.as('ben')('blocks', {})).blocks).toEqual([]);
});

test('nobody blocks themselves, or without end', async () => {
  await using chat = await createChat();
  await expect(chat.as('anna')('block', { user: 'anna' })).rejects.toMatchObject({ code: 605 });
  await expect(chat.system('block', { user: 'anna' })).rejects.toMatchObject({ code: 605 });
  await chat.chat.db
    .insertInto('chat_blocks')
    .values(Array.from({ length: maxBlocks }, (_, at) => ({ user_id: 'anna', blocked_id: `u${at}`, created_at: 0 })))
    .execute();
  await expect(chat.as('anna')('block', { user: 'ben' })).rejects.toMatchObject({ code: 607 });
  await chat.as('anna')('block', { user: 'u7' });
});
