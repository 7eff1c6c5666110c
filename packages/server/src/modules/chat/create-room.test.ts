import { describe, expect, test } from 'vitest';
import { createChat } from './testing/chat-fixture.ts';

const error = (message: string | RegExp) => expect.objectContaining({ message: expect.stringMatching(message) });

describe('a group', () => {
  test('is made with its members: revisions, publications and events in their order', async () => {
    await using chat = await createChat();
    const made = await chat.as('anna')('createRoom', {
      kind: 'group',
      id: 'r',
      name: 'Weekend',
      data: { a: 1 },
      members: ['ben', 'ben', 'anna'],
    });
    expect(made.room).toMatchObject({
      id: 'r',
      kind: 'group',
      name: 'Weekend',
      data: { a: 1 },
      createdBy: 'anna',
      memberCount: 2,
      rev: 3,
    });
    expect(made.item).toMatchObject({
      room: made.room,
      membership: { user: 'anna', role: 'owner', state: 'member', unread: 0 },
    });
    expect(made.item).not.toHaveProperty('peer');
    const told = chat.publications.filter(({ channel }) => channel === 'chat:room:r');
    expect(told.map(({ position }) => position?.offset)).toEqual([1, 2, 3]);
    expect(told.map(({ data }) => data)).toMatchObject([
      { type: 'room', room: { rev: 1, memberCount: 0 } },
      { type: 'member', member: { user: 'anna', role: 'owner' }, memberCount: 1 },
      { type: 'member', member: { user: 'ben', role: 'member' }, memberCount: 2 },
    ]);
    expect(chat.eventTypes).toEqual(['chat.room.created', 'chat.member.joined', 'chat.member.joined']);
    expect(chat.events[2]!.data).toMatchObject({ by: 'anna', rev: 3, type: 'member', member: { user: 'ben' } });
    expect(chat.published('chat:user:anna')).toEqual([{ type: 'room', item: made.item }]);
    expect(chat.published('chat:user:ben')).toMatchObject([
      { type: 'room', item: { room: made.room, membership: { user: 'ben' } } },
    ]);
  });

  test('made again with the same id by the same user is the same; for others the id is taken', async () => {
    await using chat = await createChat();
    const first = await chat.as('anna')('createRoom', { kind: 'group', id: 'r', name: 'one' });
    chat.forget();
    const again = await chat.as('anna')('createRoom', { kind: 'group', id: 'r', name: 'two' });
    expect(again).toEqual({ ...first, replayed: true });
    expect(chat.publications).toEqual([]);
    await expect(chat.as('anna')('createRoom', { kind: 'public', id: 'r' })).rejects.toThrow('already exists: r');
    await expect(chat.as('ben')('createRoom', { kind: 'group', id: 'r' })).rejects.toThrow('already exists: r');
    await chat.as('anna')('deleteRoom', { room: 'r' });
    await expect(chat.as('anna')('createRoom', { kind: 'group', id: 'r' })).rejects.toThrow('already exists: r');
  });

  test('made twice at the same time with the same id is one', async () => {
    await using chat = await createChat();
    const make = () => chat.as('anna')('createRoom', { kind: 'group', id: 'r' });
    const results = await Promise.all([make(), make(), make()]);
    expect(results.filter(({ replayed }) => replayed === true)).toHaveLength(2);
    expect(chat.eventTypes).toEqual(['chat.room.created', 'chat.member.joined']);
  });

  test('gets an id where none is given', async () => {
    await using chat = await createChat();
    const make = () => chat.as('anna')('createRoom', { kind: 'group' });
    const [a, b] = [await make(), await make()];
    expect(a.room.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(b.room.id).not.toBe(a.room.id);
  });

  test('has no more members, and a user no more rooms, than the limits say; then nothing is made', async () => {
    await using chat = await createChat({ config: { enabled: true, limits: { membersPerGroup: 2, roomsPerUser: 2 } } });
    const anna = chat.as('anna');
    await expect(anna('createRoom', { kind: 'group', id: 'r', members: ['ben', 'cleo'] })).rejects.toThrow(
      'too many: members of a group; at most 2',
    );
    await expect(chat.roomRow('r')).rejects.toThrow();
    expect(chat.publications).toEqual([]);
    await anna('createRoom', { kind: 'group', id: 'r1' });
    await anna('createRoom', { kind: 'public', id: 'r2' });
    await expect(anna('createRoom', { kind: 'group' })).rejects.toThrow('too many: rooms of anna; at most 2');
    await expect(chat.as('ben')('createRoom', { kind: 'group', members: ['anna'] })).rejects.toThrow('rooms of anna');
    await anna('deleteRoom', { room: 'r1' });
    await anna('createRoom', { kind: 'group', id: 'r3' });
  });

  test('a limit holds for what comes at the same time', async () => {
    await using chat = await createChat({ config: { enabled: true, limits: { roomsPerUser: 3 } } });
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, () => chat.as('anna')('createRoom', { kind: 'group' })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  });

  test('takes no members who are banned, erased, or who blocked its maker', async () => {
    await using chat = await createChat();
    const now = chat.clock.now();
    const make = (user: string, member: string) => chat.as(user)('createRoom', { kind: 'group', members: [member] });
    const ban = { scope: '*', kind: 'ban', reason: null, until: now + 1000, created_by: '', created_at: now };
    await chat.chat.db
      .insertInto('chat_restrictions')
      .values({ ...ban, user_id: 'ben' })
      .execute();
    await chat.chat.db
      .insertInto('chat_blocks')
      .values({ user_id: 'cleo', blocked_id: 'anna', created_at: now })
      .execute();
    await chat.system('upsertUsers', { users: [{ id: 'dora' }] });
    await chat.chat.db.updateTable('chat_users').set({ deleted_at: now }).execute();
    await expect(make('anna', 'ben')).rejects.toThrow(/^banned: ben, until /);
    await expect(make('ben', 'anna')).rejects.toThrow(/^banned: until /);
    await expect(make('anna', 'cleo')).rejects.toThrow('blocked: cleo');
    await expect(make('cleo', 'anna')).rejects.toThrow('blocked: you blocked anna');
    await expect(make('anna', 'dora')).rejects.toThrow('no such user: dora');
    await chat.clock.advance(1000);
    await make('anna', 'ben');
  });

  test('keeps no data beyond the limit', async () => {
    await using chat = await createChat({ config: { enabled: true, limits: { messageSize: 100 } } });
    await expect(chat.as('anna')('createRoom', { kind: 'group', data: 'x'.repeat(99) })).rejects.toThrow(
      'too large: data has 101 bytes; at most 100',
    );
  });
});

describe('a direct room', () => {
  test('is one per pair, whoever asks; both are members at once', async () => {
    await using chat = await createChat();
    const first = await chat.as('anna')('createRoom', { kind: 'direct', peer: 'ben' });
    expect(first).toMatchObject({
      room: { kind: 'direct', memberCount: 2 },
      item: { peer: 'ben', membership: { role: 'member' } },
    });
    expect(first.replayed).toBeUndefined();
    const other = await chat.as('ben')('createRoom', { kind: 'direct', peer: 'anna' });
    expect(other).toMatchObject({ room: first.room, item: { peer: 'anna' }, replayed: true });
    await chat.as('ben')('send', { room: first.room.id, text: 'hello' });
    expect(chat.eventTypes.filter((type) => type === 'chat.room.created')).toHaveLength(1);
  });

  test('made by both at the same time is one', async () => {
    await using chat = await createChat();
    const made = await Promise.all([
      chat.as('anna')('createRoom', { kind: 'direct', peer: 'ben', id: 'a' }),
      chat.as('ben')('createRoom', { kind: 'direct', peer: 'anna', id: 'b' }),
      chat.as('anna')('createRoom', { kind: 'direct', peer: 'ben' }),
    ]);
    expect(new Set(made.map(({ room }) => room.id)).size).toBe(1);
    const rooms = await chat.chat.db.selectFrom('chat_rooms').select('id').execute();
    expect(rooms).toHaveLength(1);
  });

  test('with oneself is for notes', async () => {
    await using chat = await createChat();
    const { room, item } = await chat.as('anna')('createRoom', { kind: 'direct', peer: 'anna' });
    expect(room.memberCount).toBe(1);
    expect(item.peer).toBe('anna');
    await chat.as('anna')('send', { room: room.id, text: 'milk' });
  });

  test('is not made against a block, but what is there can be opened', async () => {
    await using chat = await createChat();
    await chat.as('anna')('createRoom', { kind: 'direct', peer: 'cleo' });
    await chat.chat.db
      .insertInto('chat_blocks')
      .values([
        { user_id: 'ben', blocked_id: 'anna', created_at: 1 },
        { user_id: 'cleo', blocked_id: 'anna', created_at: 1 },
      ])
      .execute();
    await expect(chat.as('anna')('createRoom', { kind: 'direct', peer: 'ben' })).rejects.toThrow('blocked');
    expect(await chat.as('anna')('createRoom', { kind: 'direct', peer: 'cleo' })).toMatchObject({ replayed: true });
  });

  test('can be made again after it was deleted', async () => {
    await using chat = await createChat();
    const { room } = await chat.as('anna')('createRoom', { kind: 'direct', peer: 'ben' });
    await chat.system('deleteRoom', { room: room.id });
    const again = await chat.as('anna')('createRoom', { kind: 'direct', peer: 'ben' });
    expect(again.room.id).not.toBe(room.id);
  });

  test('takes no id of another room', async () => {
    await using chat = await createChat();
    await chat.as('cleo')('createRoom', { kind: 'group', id: 'r' });
    await expect(chat.as('anna')('createRoom', { kind: 'direct', peer: 'ben', id: 'r' })).rejects.toThrow(
      'already exists: r',
    );
  });

  test.each([
    [{ kind: 'direct' }, 'invalid request: peer: a direct room has another one'],
    [{ kind: 'direct', peer: 'ben', members: ['cleo'] }, 'invalid request: members: a direct room has owner and peer'],
    [{ kind: 'direct', peer: 'ben', name: 'x' }, 'invalid request: a direct room has no name and topic'],
    [{ kind: 'group', peer: 'ben' }, 'invalid request: peer: only a direct room has one, not group'],
    [{ kind: 'group', owner: 'ben' }, 'invalid request: owner: who makes a room owns it'],
  ])('bad input is refused: %j', async (input, message) => {
    await using chat = await createChat();
    await expect(chat.as('anna')('createRoom', input)).rejects.toEqual(error(`^${message}$`));
  });
});

test('the back end makes rooms of every kind, for an owner or for nobody', async () => {
  await using chat = await createChat();
  await expect(chat.as('anna')('createRoom', { kind: 'broadcast' })).rejects.toThrow('not allowed: createRoom');
  const news = await chat.system('createRoom', { kind: 'broadcast', id: 'news', name: 'News' });
  expect(news).toEqual({ room: expect.objectContaining({ id: 'news', createdBy: '', memberCount: 0 }) });
  expect(await chat.system('createRoom', { kind: 'broadcast', id: 'news' })).toMatchObject({ replayed: true });
  const show = await chat.system('createRoom', { kind: 'livestream', owner: 'anna', members: ['ben'] });
  expect(show.item).toMatchObject({ membership: { user: 'anna', role: 'owner' } });
  expect(show.room.memberCount).toBe(2);
  const pair = await chat.system('createRoom', { kind: 'direct', owner: 'anna', peer: 'ben' });
  expect(pair.item).toMatchObject({ membership: { user: 'anna' }, peer: 'ben' });
});

test('whoever is not signed in, or has an id that cannot be used, makes no room', async () => {
  await using chat = await createChat();
  await expect(chat.as('')('createRoom', { kind: 'group' })).rejects.toThrow('you are not signed in');
  await expect(chat.as('a:b')('createRoom', { kind: 'group' })).rejects.toThrow('your user id cannot be used in chat');
});
