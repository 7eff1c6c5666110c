import { expect, test } from 'vitest';
import { maxBlocks } from './blocks.ts';
import { presencePattern } from './channel-names.ts';
import { createChat, userActor } from './testing/chat-fixture.ts';

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

test('whoever is blocked is not shown when the other is there, or was', async () => {
  await using chat = await createChat();
  await chat.system('upsertUsers', { users: [{ id: 'anna', name: 'Anna' }, { id: 'cleo' }] });
  await chat.chat.db.updateTable('chat_users').set({ last_seen_at: 7 }).execute();
  const seen = async (user: string, by = chat.as(user)) => {
    const { users } = (await by('presence', { users: ['anna', 'cleo'] })) as { users: { lastSeenAt?: number }[] };
    const profiles = (await by('users', { ids: ['anna', 'cleo'] })) as { users: { lastSeenAt?: number }[] };
    const { user: one } = (await by('user', { id: 'anna' })) as { user: { lastSeenAt?: number } };
    return [...users, ...profiles.users, one].map(({ lastSeenAt }) => lastSeenAt);
  };
  await chat.as('anna')('block', { user: 'ben' });
  await chat.as('ben')('block', { user: 'cleo' });
  expect(await seen('ben')).toEqual([undefined, 7, undefined, 7, undefined]);
  for (const by of [chat.system, chat.as('dora'), chat.as('anna'), chat.as('cleo')]) {
    expect(await seen('', by)).toEqual([7, 7, 7, 7, 7]);
  }
  await chat.context.presence.touch('chat:presence:anna', { user: 'anna', client: 'online' }, 60_000);
  const states = async (user: string) => (await chat.as(user)('presence', { users: ['anna'] })).users;
  expect(await states('ben')).toEqual([{ user: 'anna', status: 'offline' }]);
  expect(await states('dora')).toEqual([{ user: 'anna', status: 'online' }]);
  await chat.as('anna')('unblock', { user: 'ben' });
  expect(await states('ben')).toEqual([{ user: 'anna', status: 'online' }]);
});

test('what the blocked one is given of presence is asked anew, once for each change', async () => {
  await using chat = await createChat();
  for (const name of ['unblock', 'block', 'block', 'unblock', 'unblock']) await chat.as('anna')(name, { user: 'ben' });
  const asked = { channel: 'chat:presence:anna', user: 'ben' };
  expect(chat.reconsidered).toEqual([asked, asked]);
});

test('what many subscriptions ask is answered for each', async () => {
  await using chat = await createChat();
  for (const user of ['anna', 'cleo']) await chat.as(user)('block', { user: 'ben' });
  const { decide } = chat.module.channels.find(({ pattern }) => pattern === presencePattern)!;
  const ask = async (by: string) => {
    const users = ['anna', 'ben', 'cleo', 'dora'];
    const answers = users.map(async (user) => decide(userActor(by), 'subscribe', { user }));
    return (await Promise.all(answers)).map((answer) => answer.only && JSON.parse(answer.only));
  };
  const hidden = (user: string) => ({ user, status: 'offline' });
  const [ben, dora, nobody] = await Promise.all([ask('ben'), ask('dora'), ask('')]);
  expect(ben).toEqual([hidden('anna'), undefined, hidden('cleo'), undefined]);
  expect([dora, nobody]).toEqual([Array(4).fill(undefined), Array(4).fill(undefined)]);
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
