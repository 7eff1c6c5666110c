import { describe, expect, test } from 'vitest';
import { createChat, userActor, type ChatFixture } from './testing/chat-fixture.ts';

async function restrict(chat: ChatFixture, user: string, kind: string, scope = 'room', until: number | null = null) {
  await chat.chat.db
    .insertInto('chat_restrictions')
    .values({ scope, user_id: user, kind, reason: null, until, created_by: '', created_at: 1 })
    .execute();
}

const decide = (chat: ChatFixture, user: string, room = 'room') =>
  chat.module.channels[0]!.decide(userActor(user), 'subscribe', { room });

describe('joining', () => {
  test('makes a member: counted, at a revision, published, reported, and told to the user’s own devices', async () => {
    await using chat = await createChat();
    await chat.room({ kind: 'public', members: ['anna'] });
    const { item } = await chat.as('ben')('join', { room: 'room' });
    expect(item).toMatchObject({
      room: { memberCount: 2, rev: 1 },
      membership: { user: 'ben', role: 'member', state: 'member' },
    });
    expect(chat.publications).toMatchObject([
      {
        channel: 'chat:room:room',
        data: { type: 'member', member: { user: 'ben', state: 'member' }, memberCount: 2 },
        position: { offset: 1 },
      },
      { channel: 'chat:user:ben', data: { type: 'room', item } },
    ]);
    expect(chat.events).toMatchObject([
      { type: 'chat.member.joined', subject: 'room:room', data: { by: 'ben', rev: 1 } },
    ]);
    expect(await chat.memberRow('ben')).toMatchObject({ rev: 1, joined_at: chat.clock.now() });
  });

  test('what was said before can be read and is not unread', async () => {
    await using chat = await createChat();
    await chat.room({ kind: 'public', members: ['anna'] });
    for (const text of ['one', 'two', 'three']) await chat.as('anna')('send', { room: 'room', text });
    const { item } = await chat.as('ben')('join', { room: 'room' });
    expect(item).toMatchObject({
      membership: { unread: 0, readSeq: 3, deliveredSeq: 3, readCountable: 3 },
      lastMessage: { text: 'three' },
    });
    expect(await chat.memberRow('ben')).toMatchObject({ joined_seq: 3 });
    expect((await chat.as('ben')('messages', { room: 'room' })).messages).toHaveLength(3);
    await chat.as('anna')('send', { room: 'room', text: 'four' });
    expect((await chat.as('ben')('room', { room: 'room' })).membership.unread).toBe(1);
  });

  test('twice is once, also at the same time', async () => {
    await using chat = await createChat();
    await chat.room({ kind: 'public', members: ['anna'] });
    const join = () => chat.as('ben')('join', { room: 'room' });
    const results = await Promise.all([join(), join(), join()]);
    expect(results.filter(({ replayed }) => replayed === true)).toHaveLength(2);
    expect((await join()).replayed).toBe(true);
    expect(chat.eventTypes).toEqual(['chat.member.joined']);
    expect(await chat.roomRow()).toMatchObject({ member_count: 2, rev: 1 });
  });

  test('many at the same time are counted right', async () => {
    await using chat = await createChat();
    await chat.room({ kind: 'public', members: ['anna'] });
    await Promise.all(Array.from({ length: 20 }, (_, at) => chat.as(`u${at}`)('join', { room: 'room' })));
    expect(await chat.roomRow()).toMatchObject({ member_count: 21, rev: 20 });
  });

  test('a group, a direct room, or a room that does not exist looks the same to strangers', async () => {
    await using chat = await createChat();
    await chat.room({ id: 'group', members: ['anna'] });
    await chat.room({ id: 'direct', kind: 'direct', members: ['anna', 'ben'] });
    for (const room of ['group', 'direct', 'none']) {
      await expect(chat.as('cleo')('join', { room })).rejects.toThrow(`no such room: ${room}`);
    }
  });

  test('no rule brings a third into a direct room', async () => {
    await using chat = await createChat({
      config: { enabled: true, permissions: { joinRoom: 'true', invite: 'true', kick: 'true' } },
    });
    await chat.room({ kind: 'direct', members: ['anna', 'ben'] });
    await expect(chat.as('cleo')('join', { room: 'room' })).rejects.toThrow('no such room');
    await expect(chat.as('anna')('invite', { room: 'room', users: ['cleo'] })).rejects.toThrow('make a group');
    await expect(chat.as('anna')('kick', { room: 'room', user: 'ben' })).rejects.toThrow('keeps its two users');
  });

  test('somebody banned neither joins nor reads nor subscribes, until the ban ends', async () => {
    await using chat = await createChat();
    await chat.room({ kind: 'public', members: ['anna', 'ben'] });
    const now = chat.clock.now();
    await restrict(chat, 'ben', 'ban', 'room', now + 1000);
    await restrict(chat, 'cleo', 'ban', '*');
    await restrict(chat, 'dora', 'ban', 'another');
    await restrict(chat, 'emil', 'mute');
    for (const [user, names] of [
      ['ben', ['join', 'room', 'messages', 'members']],
      ['cleo', ['join', 'messages']],
    ] as const) {
      for (const name of names) await expect(chat.as(user)(name, { room: 'room' })).rejects.toThrow('banned');
      expect(await decide(chat, user)).toMatchObject({ allow: false });
    }
    await expect(chat.as('ben')('messages', { room: 'room' })).rejects.toThrow(
      `until ${new Date(now + 1000).toISOString()}`,
    );
    await chat.as('dora')('join', { room: 'room' });
    await chat.as('emil')('join', { room: 'room' });
    await chat.clock.advance(1000);
    await chat.as('ben')('join', { room: 'room' });
    expect(await decide(chat, 'ben')).toMatchObject({ allow: true });
  });

  test('a ban from a room that one could not find does not tell that it is there', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    await restrict(chat, 'ben', 'ban');
    await expect(chat.as('ben')('join', { room: 'room' })).rejects.toThrow('no such room');
  });

  test('ends at the limit of rooms, also for what comes at the same time', async () => {
    await using chat = await createChat({ config: { enabled: true, limits: { roomsPerUser: 3 } } });
    for (let at = 0; at < 6; at++) await chat.room({ id: `r${at}`, kind: 'public', members: ['anna'] });
    const results = await Promise.allSettled(
      Array.from({ length: 6 }, (_, at) => chat.as('ben')('join', { room: `r${at}` })),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    expect(
      results.flatMap((result) => (result.status === 'rejected' ? [(result.reason as Error).message] : []))[0],
    ).toBe('too many: rooms of ben; at most 3');
  });

  test('is for users: a back end names one, and who is not signed in is refused', async () => {
    await using chat = await createChat();
    await chat.room({ kind: 'public' });
    await expect(chat.system('join', { room: 'room' })).rejects.toThrow('name one in `as`');
    await expect(chat.as('')('join', { room: 'room' })).rejects.toThrow('you are not signed in');
  });
});

describe('a livestream', () => {
  test('is told how many came, not who, and at most every two seconds', async () => {
    await using chat = await createChat();
    await chat.room({ kind: 'livestream', members: ['anna'] });
    for (let at = 0; at < 5; at++) await chat.as(`u${at}`)('join', { room: 'room' });
    await chat.as('u0')('leave', { room: 'room' });
    expect(chat.published('chat:room:room')).toEqual([]);
    expect(await chat.roomRow()).toMatchObject({ member_count: 5, rev: 0 });
    expect(chat.events.map(({ type, data }) => [type, (data.member as { user: string }).user])).toContainEqual([
      'chat.member.joined',
      'u4',
    ]);
    expect(chat.published('chat:user:u4')).toMatchObject([{ type: 'room', item: { room: { memberCount: 6 } } }]);
    await chat.clock.advance(2_000);
    await expect
      .poll(() => chat.publications.filter(({ channel }) => channel === 'chat:room:room'))
      .toMatchObject([{ data: { type: 'room', room: { memberCount: 5, rev: 0 } }, position: undefined }]);
    await chat.clock.advance(10_000);
    expect(chat.published('chat:room:room')).toHaveLength(1);
    await expect(chat.as('u1')('members', { room: 'room' })).rejects.toThrow('not allowed');
  });
});

describe('inviting', () => {
  test('brings users in at once, and passes over who is there already', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'] });
    const { members } = await chat.as('ben')('invite', { room: 'room', users: ['cleo', 'anna', 'dora', 'cleo'] });
    expect(members.map(({ user, state, role }: Record<string, string>) => [user, state, role])).toEqual([
      ['cleo', 'member', 'member'],
      ['anna', 'member', 'owner'],
      ['dora', 'member', 'member'],
    ]);
    expect(await chat.roomRow()).toMatchObject({ member_count: 4, rev: 2 });
    expect(chat.eventTypes).toEqual(['chat.member.joined', 'chat.member.joined']);
    expect(chat.events[0]!.data).toMatchObject({ by: 'ben', member: { user: 'cleo' } });
    expect(chat.published('chat:user:cleo')).toMatchObject([{ type: 'room', item: { room: { memberCount: 4 } } }]);
    expect(chat.published('chat:user:anna')).toEqual([]);
  });

  test('with asking leaves the choice to them: accepted', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    await chat.as('anna')('send', { room: 'room', text: 'secret' });
    chat.forget();
    const { members } = await chat.as('anna')('invite', { room: 'room', users: ['ben'], ask: true });
    expect(members).toMatchObject([{ user: 'ben', state: 'invited' }]);
    expect(chat.eventTypes).toEqual(['chat.member.invited']);
    expect(chat.published('chat:user:ben')).toMatchObject([
      { type: 'room', item: { membership: { state: 'invited', unread: 0 } } },
    ]);
    expect(JSON.stringify(chat.published('chat:user:ben'))).not.toContain('secret');
    expect(await chat.roomRow()).toMatchObject({ member_count: 1 });
    const ben = chat.as('ben');
    expect(await ben('room', { room: 'room' })).toMatchObject({ room: { id: 'room' } });
    await expect(ben('messages', { room: 'room' })).rejects.toThrow('not a member');
    expect(await decide(chat, 'ben')).toMatchObject({ allow: false });
    chat.forget();
    await chat.as('anna')('invite', { room: 'room', users: ['ben'], ask: true });
    expect(chat.publications).toEqual([]);
    expect((await ben('acceptInvite', { room: 'room' })).item).toMatchObject({
      membership: { state: 'member' },
      room: { memberCount: 2 },
    });
    expect(await ben('acceptInvite', { room: 'room' })).toMatchObject({ replayed: true });
  });

  test('with asking leaves the choice to them: declined', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    await chat.as('anna')('invite', { room: 'room', users: ['ben'], ask: true });
    chat.forget();
    await chat.as('ben')('declineInvite', { room: 'room' });
    expect(chat.eventTypes).toEqual(['chat.member.left']);
    expect(chat.published('chat:user:ben')).toEqual([{ type: 'roomGone', room: 'room' }]);
    await chat.as('ben')('declineInvite', { room: 'room' });
    expect(chat.eventTypes).toHaveLength(1);
    await expect(chat.as('ben')('acceptInvite', { room: 'room' })).rejects.toThrow('no such room');
    await expect(chat.as('cleo')('declineInvite', { room: 'room' })).rejects.toThrow('no such room');
    await expect(chat.as('anna')('declineInvite', { room: 'room' })).rejects.toThrow('leave the room');
    expect(await chat.roomRow()).toMatchObject({ member_count: 1 });
  });

  test('an invitation that nobody made is not accepted, though the room is open', async () => {
    await using chat = await createChat();
    await chat.room({ kind: 'public', members: ['anna'] });
    await expect(chat.as('ben')('acceptInvite', { room: 'room' })).rejects.toThrow(
      'not a member of the room: there is no invitation',
    );
  });

  test('is all or none', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    await restrict(chat, 'cleo', 'ban');
    await expect(chat.as('anna')('invite', { room: 'room', users: ['ben', 'cleo'] })).rejects.toThrow('banned: cleo');
    await expect(chat.memberRow('ben')).rejects.toThrow();
    expect(await chat.roomRow()).toMatchObject({ member_count: 1, rev: 0 });
    expect(chat.publications).toEqual([]);
  });

  test('ends at the limits', async () => {
    await using chat = await createChat({ config: { enabled: true, limits: { membersPerGroup: 3, roomsPerUser: 1 } } });
    await chat.room({ members: ['anna'] });
    await chat.room({ id: 'other', members: ['ben'] });
    const invite = (users: string[], ask = false) => chat.as('anna')('invite', { room: 'room', users, ask });
    await expect(invite(['b', 'c', 'd'])).rejects.toThrow('members of a group; at most 3');
    await expect(invite(['ben'])).rejects.toThrow('too many: rooms of ben; at most 1');
    await invite(['b'], true);
    await invite(['c'], true);
    await expect(invite(['d', 'e'], true)).rejects.toThrow('invitations to a room; at most 3');
    await expect(chat.as('ben')('invite', { room: 'other', users: ['b'], ask: true })).rejects.toThrow(
      'invitations of b',
    );
  });

  test('is open to members of groups, and in open rooms to who leads', async () => {
    await using chat = await createChat();
    await chat.room({ id: 'group', members: ['anna', ['guest', 'guest']] });
    await chat.room({ id: 'public', kind: 'public', members: ['anna', 'ben'] });
    await expect(chat.as('guest')('invite', { room: 'group', users: ['x'] })).rejects.toThrow('not allowed');
    await expect(chat.as('ben')('invite', { room: 'public', users: ['x'] })).rejects.toThrow('not allowed');
    await expect(chat.as('cleo')('invite', { room: 'group', users: ['cleo'] })).rejects.toThrow('no such room');
    await chat.as('anna')('invite', { room: 'public', users: ['x'] });
    await chat.system('invite', { room: 'group', users: ['y'] });
  });
});

describe('the list of members', () => {
  test('comes in pages, by role and state', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', ['ben', 'moderator'], 'cleo', 'dora'] });
    await chat.as('anna')('invite', { room: 'room', users: ['emil'], ask: true });
    await chat.as('anna')('kick', { room: 'room', user: 'dora' });
    const list = async (user: string, input: object = {}) => {
      const { members, hasMore } = await chat.as(user)('members', { room: 'room', ...input });
      return [members.map((row: { user: string }) => row.user).join(' '), hasMore];
    };
    expect(await list('cleo')).toEqual(['anna ben cleo', false]);
    expect(await list('cleo', { limit: 2 })).toEqual(['anna ben', true]);
    expect(await list('cleo', { limit: 2, after: 'ben' })).toEqual(['cleo', false]);
    expect(await list('cleo', { role: 'moderator' })).toEqual(['ben', false]);
    expect(await list('cleo', { state: 'invited' })).toEqual(['emil', false]);
    expect(await list('ben', { state: 'kicked' })).toEqual(['dora', false]);
    await expect(list('cleo', { state: 'kicked' })).rejects.toThrow('not allowed');
    await expect(list('dora')).rejects.toThrow('no such room');
  });

  test('one member is shown to those who see members', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben', 'cleo'] });
    await chat.as('cleo')('leave', { room: 'room' });
    expect(await chat.as('ben')('member', { room: 'room', user: 'anna' })).toMatchObject({ member: { role: 'owner' } });
    expect(await chat.as('anna')('member', { room: 'room', user: 'cleo' })).toMatchObject({
      member: { state: 'left' },
    });
    await expect(chat.as('ben')('member', { room: 'room', user: 'cleo' })).rejects.toThrow('no such user');
    await expect(chat.as('ben')('member', { room: 'room', user: 'nobody' })).rejects.toThrow('no such user');
    await expect(chat.as('nobody')('member', { room: 'room', user: 'anna' })).rejects.toThrow('no such room');
  });
});
