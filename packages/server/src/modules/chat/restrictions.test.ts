import { describe, expect, test } from 'vitest';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

const hourMs = 3_600_000;

async function createRoom(chat: ChatFixture, kind: 'group' | 'public' | 'livestream' = 'group') {
  return chat.room({
    kind,
    members: [
      ['olga', 'owner'],
      ['adam', 'admin'],
      ['mona', 'moderator'],
      ['max', 'moderator'],
      ['ben', 'member'],
      ['cleo', 'member'],
    ],
  });
}

describe('a ban of a room', () => {
  test('ends membership and subscription, and keeps out while it holds', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat, 'public');
    await chat.as('ben')('setNotify', { room, notify: 'mentions' });
    chat.forget();
    const until = chat.clock.now() + hourMs;
    const { restriction } = await chat.as('mona')('ban', { room, user: 'ben', until, reason: 'spam' });
    expect(restriction).toEqual({
      room,
      user: 'ben',
      kind: 'ban',
      reason: 'spam',
      until,
      createdBy: 'mona',
      createdAt: chat.clock.now(),
    });
    expect(await chat.memberRow('ben')).toMatchObject({ state: 'left' });
    expect(await chat.roomRow()).toMatchObject({ member_count: 5, rev: 1 });
    expect(chat.published('chat:user:ben')).toMatchObject([
      { type: 'restriction', restriction: { kind: 'ban' } },
      { type: 'roomGone', room },
    ]);
    expect(chat.reconsidered).toEqual([{ channel: 'chat:room:room', user: 'ben' }]);
    expect(chat.eventTypes).toEqual(expect.arrayContaining(['chat.restriction.created', 'chat.member.kicked']));
    await expect(chat.as('ben')('messages', { room })).rejects.toMatchObject({ code: 611 });
    await expect(chat.as('ben')('join', { room })).rejects.toMatchObject({ code: 611 });
    await chat.clock.advance(hourMs);
    await chat.as('ben')('join', { room });
    expect((await chat.as('ben')('send', { room, text: 'sorry' })).message.sender).toBe('ben');
  });

  test('of a member of a group keeps out until a moderator has them back', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    await chat.as('mona')('ban', { room, user: 'ben' });
    await expect(chat.as('olga')('invite', { room, users: ['ben'] })).rejects.toMatchObject({ code: 611 });
    await chat.as('mona')('unban', { room, user: 'ben' });
    expect(chat.eventTypes.at(-1)).toBe('chat.restriction.lifted');
    await chat.as('olga')('invite', { room, users: ['ben'] });
    expect(await chat.memberRow('ben')).toMatchObject({ state: 'member' });
  });

  test('keeps out who only looks in, and who was never there', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat, 'public');
    await chat.as('dora')('messages', { room });
    await chat.as('mona')('ban', { room, user: 'dora' });
    expect(chat.reconsidered).toEqual([{ channel: 'chat:room:room', user: 'dora' }]);
    await expect(chat.as('dora')('messages', { room })).rejects.toMatchObject({ code: 611 });
  });

  test('replaces the one before, and lifting what is not there does nothing', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    await chat.as('mona')('ban', { room, user: 'ben', until: chat.clock.now() + 1 });
    await chat.as('olga')('ban', { room, user: 'ben' });
    const { restrictions } = await chat.as('mona')('restrictions', { room });
    expect(restrictions).toMatchObject([{ user: 'ben', createdBy: 'olga' }]);
    expect(restrictions[0].until).toBeUndefined();
    chat.forget();
    await chat.as('mona')('unmute', { room, user: 'ben' });
    expect(chat.events).toEqual([]);
  });

  test('of the owner, by the back end, passes the room on', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    await chat.system('ban', { room, user: 'olga' });
    expect(await chat.memberRow('adam')).toMatchObject({ role: 'owner' });
  });
});

describe('who may restrict whom', () => {
  test.each([
    ['ben', 'cleo', 604],
    ['mona', 'max', 604],
    ['mona', 'adam', 604],
    ['adam', 'olga', 604],
    ['mona', 'mona', 605],
    ['stranger', 'ben', 600],
  ])('not %s %s', async (actor, user, code) => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    for (const name of ['ban', 'mute', 'shadowBan', 'unban', 'unmute', 'unshadow']) {
      await expect(chat.as(actor)(name, { room, user }), name).rejects.toMatchObject({ code });
    }
  });

  test('nobody but the back end restricts everywhere, and nobody in direct rooms', async () => {
    await using chat = await createChat();
    const room = await chat.room({ kind: 'direct', members: ['anna', 'ben'] });
    await expect(chat.as('anna')('ban', { user: 'ben' })).rejects.toMatchObject({ code: 604 });
    await expect(chat.as('anna')('restrictions', {})).rejects.toMatchObject({ code: 604 });
    await expect(chat.as('anna')('mute', { room, user: 'ben' })).rejects.toMatchObject({ code: 604 });
    await expect(chat.system('ban', { room, user: 'ben' })).rejects.toMatchObject({ code: 605 });
  });

  test('and not until a time that has passed', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    await expect(chat.as('olga')('mute', { room, user: 'ben', until: chat.clock.now() })).rejects.toMatchObject({
      code: 605,
    });
  });
});

describe('a ban from everywhere', () => {
  test('ends the subscriptions of all rooms and keeps memberships', async () => {
    await using chat = await createChat();
    await chat.room({ id: 'r1', members: ['anna', 'ben'] });
    await chat.room({ id: 'r2', kind: 'public', members: ['anna', 'ben'] });
    await chat.system('ban', { user: 'ben' });
    expect(chat.reconsidered).toEqual([{ channel: 'chat:room:{room}', user: 'ben' }]);
    await expect(chat.as('ben')('send', { room: 'r1', text: 'x' })).rejects.toMatchObject({ code: 611 });
    await expect(chat.as('ben')('messages', { room: 'r2' })).rejects.toMatchObject({ code: 611 });
    await chat.system('unban', { user: 'ben' });
    await chat.as('ben')('send', { room: 'r1', text: 'x' });
  });
});

describe('a mute', () => {
  test('keeps from writing until it ends, and says so', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    const until = chat.clock.now() + hourMs;
    await chat.as('mona')('mute', { room, user: 'ben', until });
    await expect(chat.as('ben')('send', { room, text: 'x' })).rejects.toThrow(new Date(until).toISOString());
    await chat.as('ben')('messages', { room });
    await chat.clock.advance(hourMs);
    await chat.as('ben')('send', { room, text: 'x' });
    expect((await chat.as('mona')('restrictions', { room })).restrictions).toEqual([]);
  });
});

describe('a shadow ban', () => {
  test('is told to nobody, and hides what the user writes', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    await chat.as('mona')('shadowBan', { room, user: 'ben' });
    expect(chat.published('chat:user:ben')).toEqual([]);
    await chat.as('ben')('send', { room, text: 'x' });
    expect((await chat.as('cleo')('message', { room, seq: 1 })).message).toMatchObject({ kind: 'hidden', sender: '' });
    expect((await chat.as('ben')('message', { room, seq: 1 })).message).toMatchObject({ kind: 'text', text: 'x' });
    await chat.as('mona')('unshadow', { room, user: 'ben' });
    await chat.as('ben')('send', { room, text: 'y' });
    expect((await chat.as('cleo')('message', { room, seq: 2 })).message.text).toBe('y');
  });
});

test('restrictions are listed in pages, of a room and of all', async () => {
  await using chat = await createChat();
  const room = await createRoom(chat);
  for (const user of ['ben', 'cleo']) {
    for (const name of ['mute', 'shadowBan']) await chat.as('olga')(name, { room, user });
  }
  await chat.system('mute', { user: 'dora' });
  const first = await chat.as('mona')('restrictions', { room, limit: 3 });
  expect(first.hasMore).toBe(true);
  const { user, kind } = first.restrictions.at(-1);
  const second = await chat.as('mona')('restrictions', { room, after: { user, kind } });
  const seen = [...first.restrictions, ...second.restrictions].map((one) => `${one.user} ${one.kind}`);
  expect(seen).toEqual(['ben mute', 'ben shadow', 'cleo mute', 'cleo shadow']);
  expect((await chat.system('restrictions', { limit: 1 })).restrictions).toMatchObject([{ user: 'dora' }]);
  expect((await chat.system('restrictions', { user: 'ben', kind: 'mute' })).restrictions).toHaveLength(1);
});

describe('slow mode', () => {
  test('makes members wait and says how long, and lets moderators through', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    await chat.as('mona')('changeRoom', { room, slowMs: 5_000 });
    await chat.as('ben')('send', { room, text: '1' });
    await chat.clock.advance(1_500);
    await expect(chat.as('ben')('send', { room, text: '2' })).rejects.toMatchObject({
      code: 609,
      message: 'slow mode: wait before the next message: 3500 ms left',
      temporary: true,
    });
    await chat.as('cleo')('send', { room, text: 'not my turn yet? it is' });
    for (const text of ['a', 'b']) {
      await chat.as('mona')('send', { room, text });
      await chat.system('send', { room, text });
    }
    await chat.clock.advance(3_500);
    await chat.as('ben')('send', { room, text: '2' });
    await chat.as('mona')('changeRoom', { room, slowMs: 0 });
    await chat.as('ben')('send', { room, text: '3' });
  });
});
