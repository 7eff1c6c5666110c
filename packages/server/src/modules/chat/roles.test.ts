import { describe, expect, test } from 'vitest';
import { createChat } from './testing/chat-fixture.ts';

describe('giving a role', () => {
  test('is published, reported and told to the member, whose subscription is asked for anew', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'] });
    const { member } = await chat.as('anna')('changeRole', { room: 'room', user: 'ben', role: 'moderator' });
    expect(member).toMatchObject({ user: 'ben', role: 'moderator' });
    expect(chat.publications).toMatchObject([
      { channel: 'chat:room:room', data: { type: 'member', member, memberCount: 2 }, position: { offset: 1 } },
      { channel: 'chat:user:ben', data: { type: 'room', item: { membership: { role: 'moderator' } } } },
    ]);
    expect(chat.eventTypes).toEqual(['chat.member.changed']);
    expect(chat.reconsidered).toEqual([{ channel: 'chat:room:room', user: 'ben' }]);
    chat.forget();
    await chat.as('anna')('changeRole', { room: 'room', user: 'ben', role: 'moderator' });
    expect(chat.publications).toEqual([]);
  });

  test('of two admins who demote each other, with a rule that lets them, only the first does', async () => {
    const changeRole = 'member.state == "member" && member.role == "admin"';
    await using chat = await createChat({ config: { enabled: true, permissions: { changeRole } } });
    await chat.room({ members: ['anna', ['ben', 'admin'], ['cleo', 'admin']] });
    const results = await Promise.allSettled([
      chat.as('ben')('changeRole', { room: 'room', user: 'cleo', role: 'member' }),
      chat.as('cleo')('changeRole', { room: 'room', user: 'ben', role: 'member' }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(await chat.memberRow('ben')).toMatchObject({ role: 'admin' });
  });

  test('does not leave the room without an owner, unless the back end does it', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'] });
    const demote = { room: 'room', user: 'anna', role: 'member' };
    await expect(chat.as('anna')('changeRole', demote)).rejects.toThrow('anna is the last owner of the room');
    await chat.system('changeRole', demote);
    await chat.system('changeRole', { room: 'room', user: 'ben', role: 'owner' });
    expect(await chat.memberRow('ben')).toMatchObject({ role: 'owner' });
  });

  test('is refused for who is no member, who was only invited, and by who may not', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'] });
    await chat.as('anna')('invite', { room: 'room', users: ['cleo'], ask: true });
    const give = (by: string, user: string, role = 'admin') => chat.as(by)('changeRole', { room: 'room', user, role });
    await expect(give('anna', 'nobody')).rejects.toThrow('no such user: nobody is not in the room');
    await expect(give('anna', 'cleo')).rejects.toThrow('no such user: cleo');
    await expect(give('anna', 'ben', 'owner')).rejects.toThrow('not allowed');
    await expect(give('ben', 'ben')).rejects.toThrow('not allowed');
    await expect(give('dora', 'ben')).rejects.toThrow('no such room');
    await expect(give('anna', 'ben', 'king')).rejects.toThrow('invalid request');
  });
});

describe('transferring', () => {
  test('makes one owner of another; who was it is admin', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'] });
    expect(await chat.as('anna')('transfer', { room: 'room', user: 'ben' })).toMatchObject({
      member: { role: 'owner' },
    });
    expect(await chat.memberRow('anna')).toMatchObject({ role: 'admin' });
    expect(chat.eventTypes).toEqual(['chat.member.changed', 'chat.member.changed']);
    await expect(chat.as('anna')('transfer', { room: 'room', user: 'anna' })).rejects.toThrow('not allowed');
  });

  test('to two at the same time gives it to one', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben', 'cleo'] });
    const results = await Promise.allSettled(
      ['ben', 'cleo'].map((user) => chat.as('anna')('transfer', { room: 'room', user })),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect((await chat.system('members', { room: 'room', role: 'owner' })).members).toHaveLength(1);
  });

  test('to oneself changes nothing; to strangers it is refused; a back end takes it from all owners', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', ['ben', 'owner'], 'cleo'] });
    await chat.as('anna')('transfer', { room: 'room', user: 'anna' });
    expect(chat.publications).toEqual([]);
    await expect(chat.as('anna')('transfer', { room: 'room', user: 'nobody' })).rejects.toThrow('no such user');
    await chat.system('transfer', { room: 'room', user: 'cleo' });
    const { members } = await chat.system('members', { room: 'room' });
    expect(members.map(({ user, role }: Record<string, string>) => `${user} ${role}`)).toEqual([
      'anna admin',
      'ben admin',
      'cleo owner',
    ]);
  });
});
