import { describe, expect, test } from 'vitest';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

const limit = 3;
const config = { enabled: true, limits: { removedPerRoom: limit } };
const tooMany = `at most ${limit}: lift some, or leave it to a back end`;

async function roomWith(chat: ChatFixture, users: readonly string[], kind: 'group' | 'livestream' = 'group') {
  await chat.room({ kind, members: [['anna', 'owner'], ['mona', 'moderator'], ...users] });
}
const kick = (chat: ChatFixture, user: string, by = 'anna') => chat.as(by)('kick', { room: 'room', user });
const rows = async (chat: ChatFixture, table: 'chat_members' | 'chat_restrictions') =>
  (await chat.chat.db.selectFrom(table).select('user_id').orderBy('user_id').execute()).map(({ user_id }) => user_id);

describe('users who are removed from a room', () => {
  test('are no more than the limit, kicked and restricted ones together', async () => {
    await using chat = await createChat({ config });
    await roomWith(chat, ['ben', 'cleo', 'dora']);
    await kick(chat, 'ben');
    await chat.as('mona')('ban', { room: 'room', user: 'x1' });
    await chat.as('mona')('mute', { room: 'room', user: 'cleo' });
    await expect(kick(chat, 'dora')).rejects.toMatchObject({ code: 607, message: expect.stringContaining(tooMany) });
    for (const name of ['ban', 'mute', 'shadowBan']) {
      await expect(chat.as('mona')(name, { room: 'room', user: 'dora' })).rejects.toThrow(tooMany);
    }
    expect(await chat.memberRow('dora')).toMatchObject({ state: 'member' });
    // Of another room they are counted apart.
    await chat.room({ id: 'other', members: ['anna', 'dora'] });
    await chat.as('anna')('kick', { room: 'other', user: 'dora' });
  });

  test('may still be restricted anew and let go, and then there is room for others', async () => {
    await using chat = await createChat({ config });
    await roomWith(chat, ['dora']);
    for (const user of ['x1', 'x2', 'x3']) await chat.as('mona')('mute', { room: 'room', user });
    await chat.as('anna')('mute', { room: 'room', user: 'x1', reason: 'again' });
    await expect(chat.as('mona')('ban', { room: 'room', user: 'x1' })).rejects.toThrow(tooMany);
    await chat.as('mona')('unmute', { room: 'room', user: 'x2' });
    await kick(chat, 'dora');
    await expect(chat.as('mona')('mute', { room: 'room', user: 'x2' })).rejects.toThrow(tooMany);
    await chat.as('anna')('invite', { room: 'room', users: ['dora'] });
    await chat.as('mona')('mute', { room: 'room', user: 'x2' });
  });

  test('may be more for a back end, but not for one that speaks for a user', async () => {
    await using chat = await createChat({ config });
    await roomWith(chat, ['ben', 'cleo']);
    for (const user of ['x1', 'x2', 'x3', 'x4']) await chat.system('ban', { room: 'room', user });
    await chat.system('kick', { room: 'room', user: 'ben' });
    await expect(kick(chat, 'cleo')).rejects.toThrow(tooMany);
  });

  test.each(['group', 'livestream'] as const)('are no more of a %s if all are removed at once', async (kind) => {
    await using chat = await createChat({ config });
    const users = Array.from({ length: 10 }, (_, at) => `u${at}`);
    await roomWith(chat, users, kind);
    const results = await Promise.allSettled([
      ...users.map((user) => kick(chat, user)),
      ...users.map((user) => chat.as('anna')('mute', { room: 'room', user: `x${user}` })),
    ]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(limit);
  });
});

describe('users who were made up', () => {
  test.each([
    ['invited and withdrawn', true, 'kick', undefined],
    ['brought in and banned', false, 'ban', 'unban'],
    ['invited and banned', true, 'ban', 'unban'],
  ])('and are %s leave nothing behind', async (_, ask, out, lift) => {
    await using chat = await createChat({ config });
    await roomWith(chat, []);
    for (let at = 0; at < 2 * limit; at++) {
      const user = `made-up-${at}`;
      await chat.as('anna')('invite', { room: 'room', users: [user], ask });
      await chat.as('anna')(out, { room: 'room', user });
      if (lift) await chat.as('anna')(lift, { room: 'room', user });
    }
    expect(await rows(chat, 'chat_members')).toEqual(['anna', 'mona']);
    expect(await rows(chat, 'chat_restrictions')).toEqual([]);
    const { rev, min_rev, member_count } = await chat.roomRow();
    // Who was away could no longer be told of them.
    expect({ min_rev, member_count }).toEqual({ min_rev: rev, member_count: 2 });
  });

  test.each([
    ['sent', (chat: ChatFixture) => chat.as('ben')('send', { room: 'room', text: 'hi' })],
    ['read', (chat: ChatFixture) => chat.as('ben')('markRead', { room: 'room', seq: 1 })],
    ['muted the room', (chat: ChatFixture) => chat.as('ben')('muteRoom', { room: 'room' })],
  ])('are not those who have %s: a ban is told to whoever was away', async (_, act) => {
    await using chat = await createChat({ config });
    await roomWith(chat, ['ben']);
    await chat.as('anna')('send', { room: 'room', text: 'hello' });
    await act(chat);
    await chat.as('anna')('ban', { room: 'room', user: 'ben' });
    expect(await chat.memberRow('ben')).toMatchObject({ state: 'left' });
    expect(await chat.roomRow()).toMatchObject({ min_rev: 0 });
  });

  test.each(['public', 'livestream'] as const)(
    'do not fill a %s room: beyond the limit they are asked',
    async (kind) => {
      await using chat = await createChat({ config: { enabled: true, limits: { membersPerGroup: 3 } } });
      await chat.room({ kind, members: ['anna'] });
      const invite = (users: string[], ask = false) => chat.as('anna')('invite', { room: 'room', users, ask });
      await invite(['b', 'c']);
      await expect(invite(['d'])).rejects.toMatchObject({ code: 607, message: expect.stringContaining('ask them') });
      await invite(['d'], true);
      await invite(['b']);
      await chat.as('emil')('join', { room: 'room' });
      await chat.system('invite', { room: 'room', users: ['f'] });
      expect(await chat.roomRow()).toMatchObject({ member_count: 5 });
    },
  );
});

test('a user makes no more rooms than the limit, also by leaving them to others', async () => {
  await using chat = await createChat({ config: { enabled: true, limits: { roomsPerUser: 2 } } });
  const make = (id: string) => chat.as('anna')('createRoom', { kind: 'group', id, members: [`made-up-${id}`] });
  for (const id of ['r1', 'r2']) {
    await make(id);
    await chat.as('anna')('leave', { room: id });
  }
  await expect(make('r3')).rejects.toMatchObject({
    code: 607,
    message: 'too many: rooms that anna has made; at most 2: delete those that are not needed',
  });
  // Having been put out of them changes nothing.
  await chat.system('invite', { room: 'r1', users: ['anna'], ask: true });
  await chat.system('kick', { room: 'r1', user: 'anna' });
  await expect(make('r3')).rejects.toThrow('rooms that anna has made');
  // Rooms with one other, and those of back ends, are not among them.
  await chat.as('anna')('createRoom', { kind: 'direct', peer: 'ben' });
  await chat.system('createRoom', { kind: 'group', id: 'r3', members: ['anna'] });
  await chat.as('anna')('leave', { room: 'r3' });
  await chat.system('deleteRoom', { room: 'r2' });
  await make('r4');
});
