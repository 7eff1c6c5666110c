import { describe, expect, test } from 'vitest';
import { createChat, type ChatFixtureOptions } from './testing/chat-fixture.ts';

const at = { room: 'room', seq: 1 };

async function sent(options: ChatFixtureOptions = {}) {
  const chat = await createChat(options);
  await chat.room({ members: ['anna', 'ben', 'carl'] });
  await chat.as('anna')('send', { room: 'room', text: 'hello' });
  chat.forget();
  return chat;
}

describe('a reaction', () => {
  test('counts once for each user, and is told', async () => {
    await using chat = await sent();
    await chat.as('ben')('react', { ...at, emoji: '👍' });
    const { message } = await chat.as('carl')('react', { ...at, emoji: '👍' });
    expect(message).toMatchObject({ reactions: { '👍': 2 }, rev: 3, version: 1 });
    const offsets = () => chat.publications.flatMap(({ position }) => position?.offset ?? []);
    expect(offsets()).toEqual([2, 3]);
    expect(chat.eventTypes).toEqual(['chat.message.reacted', 'chat.message.reacted']);
    expect((await chat.as('carl')('react', { ...at, emoji: '👍' })).message).toMatchObject({ rev: 3 });
    expect(offsets()).toEqual([2, 3]);
  });

  test('is taken back; the last of a kind takes the kind with it', async () => {
    await using chat = await sent();
    await chat.as('ben')('react', { ...at, emoji: 'a' });
    await chat.as('carl')('react', { ...at, emoji: 'a' });
    await chat.as('carl')('react', { ...at, emoji: 'b' });
    expect((await chat.as('carl')('unreact', { ...at, emoji: 'a' })).message.reactions).toEqual({ a: 1, b: 1 });
    expect((await chat.as('ben')('unreact', { ...at, emoji: 'a' })).message.reactions).toEqual({ b: 1 });
    expect((await chat.as('ben')('unreact', { ...at, emoji: 'b' })).message).toMatchObject({ rev: 6 });
    expect((await chat.as('carl')('unreact', { ...at, emoji: 'b' })).message).not.toHaveProperty('reactions');
  });

  test('of many at once is counted for each', async () => {
    await using chat = await sent();
    const users = Array.from({ length: 30 }, (_, nth) => `u${nth}`);
    await chat.room({ id: 'big', members: users });
    await chat.as('u0')('send', { room: 'big', text: 'hello' });
    await Promise.all(users.map((user) => chat.as(user)('react', { room: 'big', seq: 1, emoji: 'x' })));
    expect((await chat.as('u0')('message', { room: 'big', seq: 1 })).message.reactions).toEqual({ x: 30 });
  });

  test('may have the name of what every object has', async () => {
    await using chat = await sent();
    for (const emoji of ['constructor', 'toString']) await chat.as('ben')('react', { ...at, emoji });
    expect((await chat.as('ben')('message', at)).message.reactions).toEqual({ constructor: 1, toString: 1 });
    await expect(chat.as('ben')('react', { ...at, emoji: '__proto__' })).rejects.toMatchObject({ code: 605 });
  });

  test.for([
    ['empty', '', 605],
    ['too long', 'x'.repeat(65), 605],
    ['broken Unicode', '\uD83D', 605],
  ] as const)('that is %s is refused', async ([, emoji, code]) => {
    await using chat = await sent();
    await expect(chat.as('ben')('react', { ...at, emoji })).rejects.toMatchObject({ code });
  });

  test('beyond the limits is refused: kinds of a message, and reactions of one user', async () => {
    await using chat = await sent({ config: { enabled: true, limits: { reactionKinds: 3, reactionsPerUser: 2 } } });
    await chat.as('ben')('react', { ...at, emoji: 'a' });
    await chat.as('ben')('react', { ...at, emoji: 'b' });
    await expect(chat.as('ben')('react', { ...at, emoji: 'c' })).rejects.toMatchObject({ code: 607 });
    await chat.as('carl')('react', { ...at, emoji: 'c' });
    await expect(chat.as('anna')('react', { ...at, emoji: 'd' })).rejects.toMatchObject({ code: 607 });
    await chat.as('anna')('react', { ...at, emoji: 'c' });
    expect((await chat.as('ben')('message', at)).message.reactions).toEqual({ a: 1, b: 1, c: 2 });
  });

  test('is of a user who may: not of the back end itself, nor of somebody outside', async () => {
    await using chat = await sent();
    await expect(chat.system('react', { ...at, emoji: 'x' })).rejects.toMatchObject({ code: 605 });
    await expect(chat.as('dora')('react', { ...at, emoji: 'x' })).rejects.toMatchObject({ code: 600 });
    await expect(chat.as('ben')('react', { ...at, seq: 2, emoji: 'x' })).rejects.toMatchObject({ code: 601 });
  });
});

test('who reacted is listed by emoji and user, in pages', async () => {
  await using chat = await sent();
  for (const [user, emoji] of [
    ['ben', 'b'],
    ['anna', 'b'],
    ['carl', 'a'],
  ] as const) {
    await chat.as(user)('react', { ...at, emoji });
  }
  const time = chat.clock.now();
  expect(await chat.as('anna')('reactions', { ...at, limit: 2 })).toEqual({
    reactions: [
      { emoji: 'a', user: 'carl', at: time },
      { emoji: 'b', user: 'anna', at: time },
    ],
    hasMore: true,
  });
  const after = { emoji: 'b', user: 'anna' };
  expect(await chat.as('anna')('reactions', { ...at, after })).toMatchObject({
    reactions: [{ user: 'ben' }],
    hasMore: false,
  });
  expect((await chat.as('anna')('reactions', { ...at, emoji: 'b' })).reactions).toHaveLength(2);
  await expect(chat.as('dora')('reactions', at)).rejects.toMatchObject({ code: 600 });
});
