import { describe, expect, test } from 'vitest';
import { createChat, userActor, type ChatFixture } from './testing/chat-fixture.ts';

const mayRead = async (chat: ChatFixture, user: string) =>
  (await chat.module.channels[0]!.decide(userActor(user), 'subscribe', { room: 'room' })).allow;

describe('leaving', () => {
  test('is counted, published, reported, and ends the subscription on every device', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'] });
    expect(await mayRead(chat, 'ben')).toBe(true);
    expect(await chat.as('ben')('leave', { room: 'room' })).toEqual({});
    expect(chat.publications).toMatchObject([
      {
        channel: 'chat:room:room',
        data: { type: 'member', member: { user: 'ben', state: 'left' }, memberCount: 1 },
        position: { offset: 1 },
      },
      { channel: 'chat:user:ben', data: { type: 'roomGone', room: 'room' } },
    ]);
    expect(chat.reconsidered).toEqual([{ channel: 'chat:room:room', user: 'ben' }]);
    expect(await mayRead(chat, 'ben')).toBe(false);
    expect(chat.eventTypes).toEqual(['chat.member.left']);
    await expect(chat.as('ben')('send', { room: 'room', text: 'hi' })).rejects.toThrow('no such room');
  });

  test('twice is once; strangers learn nothing', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'] });
    await Promise.all([chat.as('ben')('leave', { room: 'room' }), chat.as('ben')('leave', { room: 'room' })]);
    expect(await chat.roomRow()).toMatchObject({ member_count: 1, rev: 1 });
    await expect(chat.as('cleo')('leave', { room: 'room' })).rejects.toThrow('no such room');
  });

  test.each([
    [['ben', ['cleo', 'admin'], ['dora', 'moderator']], 'cleo'],
    [['ben', 'cleo', ['dora', 'moderator']], 'dora'],
    [[['ben', 'guest'], 'cleo', 'dora'], 'cleo'],
    [
      [
        ['ben', 'owner'],
        ['cleo', 'admin'],
      ],
      'ben',
    ],
  ] as const)('of the last owner makes the highest and longest the owner: %j', async (others, heir) => {
    await using chat = await createChat();
    await chat.room({
      members: [
        ['anna', 'owner'],
        ...others.map((one) => (typeof one === 'string' ? ([one, 'member'] as const) : one)),
      ],
    });
    await chat.as('anna')('leave', { room: 'room' });
    const { members } = await chat.system('members', { room: 'room', role: 'owner' });
    expect(members).toMatchObject([{ user: heir }]);
    if (heir !== 'ben') {
      expect(chat.eventTypes).toEqual(['chat.member.left', 'chat.member.changed']);
      expect(chat.published(`chat:user:${heir}`)).toMatchObject([
        { type: 'room', item: { membership: { role: 'owner' } } },
      ]);
    }
  });

  test('of owner and heir at the same time leaves a room with an owner', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', ['ben', 'admin'], 'cleo'] });
    await Promise.all(['anna', 'ben'].map((user) => chat.as(user)('leave', { room: 'room' })));
    expect(await chat.memberRow('cleo')).toMatchObject({ role: 'owner' });
    expect(await chat.roomRow()).toMatchObject({ member_count: 1 });
  });

  test.each(['group', 'public'] as const)('of the last member deletes a %s room that a user made', async (kind) => {
    await using chat = await createChat();
    await chat.room({ kind, members: ['anna', 'ben'] });
    await Promise.all(['anna', 'ben'].map((user) => chat.as(user)('leave', { room: 'room' })));
    expect(await chat.roomRow()).toMatchObject({ deleted_at: chat.clock.now(), member_count: 0 });
    expect(chat.eventTypes.at(-1)).toBe('chat.room.deleted');
    expect(chat.published('chat:user:ben').filter((one) => (one as { type: string }).type === 'roomGone')).toHaveLength(
      1,
    );
    const { rooms } = await chat.as('cleo')('findRooms');
    expect(rooms).toEqual([]);
    await expect(chat.as('cleo')('join', { room: 'room' })).rejects.toThrow('no such room');
  });

  test.each([
    ['a group of a back end', 'group', ''],
    ['a public room of a back end', 'public', ''],
    ['a broadcast', 'broadcast', 'anna'],
  ] as const)('of the last member leaves a room where it is: %s', async (_, kind, createdBy) => {
    await using chat = await createChat();
    await chat.room({ kind, members: ['anna'], row: { created_by: createdBy } });
    await chat.as('anna')('leave', { room: 'room' });
    expect(await chat.roomRow()).toMatchObject({ deleted_at: null, member_count: 0 });
  });

  test('a direct room is not left but archived', async () => {
    await using chat = await createChat();
    await chat.room({ kind: 'direct', members: ['anna', 'ben'] });
    await expect(chat.as('anna')('leave', { room: 'room' })).rejects.toThrow('archive it instead');
  });

  test('and coming back begins anew, but for muting and slow mode', async () => {
    await using chat = await createChat();
    await chat.room({ kind: 'public', members: ['anna', 'ben'], row: { slow_ms: 60_000 } });
    const ben = chat.as('ben');
    await ben('send', { room: 'room', text: 'hi' });
    await ben('pinRoom', { room: 'room' });
    await ben('muteRoom', { room: 'room' });
    await chat.system('changeRole', { room: 'room', user: 'ben', role: 'moderator' });
    await ben('leave', { room: 'room' });
    await chat.as('anna')('send', { room: 'room', text: 'bye' });
    const { item } = await ben('join', { room: 'room' });
    expect(item.membership).toMatchObject({ role: 'member', unread: 0, readSeq: 2, muteUntil: -1 });
    expect(item.membership).not.toHaveProperty('pinned');
    await expect(ben('send', { room: 'room', text: 'again' })).rejects.toThrow('slow mode');
  });
});

describe('kicking', () => {
  test('puts out, also of what is open to all; only an invitation brings back', async () => {
    await using chat = await createChat();
    await chat.room({ kind: 'public', members: ['anna', 'ben'] });
    await chat.as('anna')('kick', { room: 'room', user: 'ben' });
    expect(chat.publications).toMatchObject([
      { channel: 'chat:room:room', data: { member: { user: 'ben', state: 'kicked' }, memberCount: 1 } },
      { channel: 'chat:user:ben', data: { type: 'roomGone' } },
    ]);
    expect(chat.reconsidered).toEqual([{ channel: 'chat:room:room', user: 'ben' }]);
    expect(await mayRead(chat, 'ben')).toBe(false);
    expect(await mayRead(chat, 'cleo')).toBe(true);
    expect(chat.events).toMatchObject([{ type: 'chat.member.kicked', data: { by: 'anna' } }]);
    await expect(chat.as('ben')('join', { room: 'room' })).rejects.toThrow('not allowed: joinRoom');
    await chat.as('anna')('kick', { room: 'room', user: 'ben' });
    expect(chat.events).toHaveLength(1);
    await chat.as('anna')('invite', { room: 'room', users: ['ben'], ask: true });
    await chat.as('ben')('join', { room: 'room' });
    expect(await mayRead(chat, 'ben')).toBe(true);
  });

  test('while the kicked one sends: each message was sent before, or was refused', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'] });
    const send = (at: number) => chat.as('ben')('send', { room: 'room', text: `${at}` });
    const early = [send(1), send(2)];
    await Promise.resolve();
    const results = await Promise.allSettled([
      ...early,
      chat.as('anna')('kick', { room: 'room', user: 'ben' }),
      send(3),
    ]);
    expect(results.at(-1)?.status).toBe('rejected');
    const told = chat.published('chat:room:room').map((one) => (one as { type: string }).type);
    expect(told.at(-1)).toBe('member');
    expect(told.filter((type) => type === 'message')).toHaveLength(
      results.filter(({ status }) => status === 'fulfilled').length - 1,
    );
  });

  test('of two who kick each other one stays', async () => {
    await using chat = await createChat({
      config: { enabled: true, permissions: { kick: 'member.state == "member"' } },
    });
    await chat.room({ members: ['anna', ['ben', 'admin'], ['cleo', 'admin']] });
    const results = await Promise.allSettled([
      chat.as('ben')('kick', { room: 'room', user: 'cleo' }),
      chat.as('cleo')('kick', { room: 'room', user: 'ben' }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(await chat.roomRow()).toMatchObject({ member_count: 2 });
  });

  test('withdraws an invitation, which leaves no row; who was away meanwhile gets a reset', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', ['mod', 'moderator']] });
    await chat.as('anna')('invite', { room: 'room', users: ['ben'], ask: true });
    const { rev: seen, epoch } = await chat.roomRow();
    chat.forget();
    await chat.as('mod')('kick', { room: 'room', user: 'ben' });
    expect(chat.published('chat:room:room')).toMatchObject([
      { type: 'member', member: { user: 'ben', state: 'left' } },
    ]);
    expect(chat.published('chat:user:ben')).toMatchObject([{ type: 'roomGone', room: 'room' }]);
    await expect(chat.memberRow('ben')).rejects.toThrow('no result');
    await expect(chat.as('ben')('acceptInvite', { room: 'room' })).rejects.toThrow('no such room');
    const read = (offset: number) =>
      chat.module.channels[0]!.history!.read('chat:room:room', { since: { offset, epoch }, limit: -1 }, 0);
    expect(await read(seen)).toMatchObject({ complete: false });
    expect(await read(seen + 1)).toMatchObject({ complete: true, publications: [] });
    const known = { since: { rooms: [{ room: 'room', rev: seen, epoch }] } };
    expect((await chat.as('anna')('sync', known)).rooms).toMatchObject([{ room: 'room', reset: true }]);
  });

  test('withdraws an invitation in a broadcast, whose history nobody is missing from', async () => {
    await using chat = await createChat();
    await chat.room({ kind: 'broadcast', members: ['anna'] });
    await chat.as('anna')('invite', { room: 'room', users: ['ben'], ask: true });
    await chat.as('anna')('kick', { room: 'room', user: 'ben' });
    await expect(chat.memberRow('ben')).rejects.toThrow('no result');
    expect(await chat.roomRow()).toMatchObject({ rev: 0, min_rev: 0 });
  });

  test.each([
    ['sent', (chat: ChatFixture) => chat.as('ben')('send', { room: 'room', text: 'hi' })],
    ['muted the room', (chat: ChatFixture) => chat.as('ben')('muteRoom', { room: 'room' })],
    [
      'set what they are notified of',
      (chat: ChatFixture) => chat.as('ben')('setNotify', { room: 'room', notify: 'none' }),
    ],
  ])('withdraws the invitation of somebody who was here and %s, and that is remembered', async (_, act) => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'] });
    await act(chat);
    await chat.as('ben')('leave', { room: 'room' });
    await chat.as('anna')('invite', { room: 'room', users: ['ben'], ask: true });
    const before = await chat.memberRow('ben');
    await chat.as('anna')('kick', { room: 'room', user: 'ben' });
    const { sent_at, mute_until, notify } = before!;
    expect(await chat.memberRow('ben')).toMatchObject({ state: 'left', sent_at, mute_until, notify });
  });

  test('withdraws an invitation while it is accepted: one of the two happened', async () => {
    await using chat = await createChat();
    await chat.room({ kind: 'broadcast', members: ['anna'] });
    await chat.as('anna')('invite', { room: 'room', users: ['ben', 'cleo'], ask: true });
    const kick = (user: string) => chat.as('anna')('kick', { room: 'room', user });
    const accept = (user: string) => chat.as(user)('acceptInvite', { room: 'room' });
    const results = await Promise.allSettled([kick('ben'), accept('ben'), accept('cleo'), kick('cleo')]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    await expect(chat.memberRow('ben')).rejects.toThrow('no result');
    expect(await chat.memberRow('cleo')).toMatchObject({ state: 'kicked' });
  });

  test('withdraws an invitation, and who had it can come on their own at the same moment', async () => {
    await using chat = await createChat();
    await chat.room({ kind: 'broadcast', members: ['anna'] });
    await chat.as('anna')('invite', { room: 'room', users: ['ben'], ask: true });
    await Promise.all([
      chat.as('anna')('kick', { room: 'room', user: 'ben' }),
      chat.as('ben')('join', { room: 'room' }),
    ]);
    expect(await chat.memberRow('ben')).toMatchObject({ state: 'member' });
    expect(await chat.roomRow()).toMatchObject({ member_count: 2 });
  });

  test('is refused for those who may not, for oneself, and for who is not there', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', ['ben', 'moderator'], ['cleo', 'admin']] });
    await expect(chat.as('ben')('kick', { room: 'room', user: 'anna' })).rejects.toThrow('not allowed');
    await expect(chat.as('ben')('kick', { room: 'room', user: 'ben' })).rejects.toThrow('leave the room instead');
    await expect(chat.as('ben')('kick', { room: 'room', user: 'nobody' })).rejects.toThrow('no such user: nobody');
    await expect(chat.as('nobody')('kick', { room: 'room', user: 'anna' })).rejects.toThrow('no such room');
  });

  test('of the owner by the back end passes the room on', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'] });
    await chat.system('kick', { room: 'room', user: 'anna' });
    expect(await chat.memberRow('ben')).toMatchObject({ role: 'owner' });
  });
});

test('a history that was missed has each member once, as they are now, and the count', async () => {
  await using chat = await createChat();
  await chat.room({ kind: 'public', members: ['anna'] });
  for (const name of ['join', 'leave', 'join']) await chat.as('ben')(name, { room: 'room' });
  await chat.as('cleo')('join', { room: 'room' });
  const { epoch } = await chat.roomRow();
  const page = await chat.module.channels[0]!.history!.read(
    'chat:room:room',
    { since: { offset: 0, epoch }, limit: -1 },
    0,
  );
  expect(page.position.offset).toBe(4);
  expect(
    page.publications.map(({ offset, data }) => [offset, JSON.parse(new TextDecoder().decode(data))]),
  ).toMatchObject([
    [3, { type: 'member', member: { user: 'ben', state: 'member' }, memberCount: 3 }],
    [4, { type: 'member', member: { user: 'cleo' }, memberCount: 3 }],
  ]);
});
