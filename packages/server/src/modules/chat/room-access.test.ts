import { describe, expect, test } from 'vitest';
import { createChat } from './testing/chat-fixture.ts';

describe('a ban from everywhere', () => {
  const inRoom: readonly (readonly [name: string, input: object])[] = [
    ['pin', { seq: 1 }],
    ['unpin', { seq: 2 }],
    ['delete', { seq: 1 }],
    ['react', { seq: 1, emoji: '👍' }],
    ['unreact', { seq: 1, emoji: '👍' }],
    ['edit', { seq: 3, text: 'other' }],
    ['followThread', { threadSeq: 1 }],
    ['markThreadRead', { threadSeq: 1, seq: 1 }],
    ['closePoll', { seq: 4 }],
    ['vote', { seq: 4, options: ['1'] }],
    ['changeRoom', { topic: 'other' }],
    ['changeRoom', { slowMs: 1_000 }],
    ['deleteRoom', {}],
    ['kick', { user: 'cleo' }],
    ['invite', { users: ['dan'] }],
    ['changeRole', { user: 'cleo', role: 'guest' }],
    ['transfer', { user: 'cleo' }],
    ['ban', { user: 'cleo' }],
    ['unmute', { user: 'cleo' }],
    ['setDraft', { text: 'hi' }],
    ['markRead', { seq: 1 }],
    ['report', { seq: 1, reason: 'spam' }],
    ['send', { text: 'hi' }],
  ];

  test('leaves nothing to do in a room, whatever the role', async () => {
    await using chat = await createChat();
    await chat.room({
      members: [
        ['anna', 'owner'],
        ['ben', 'owner'],
        ['cleo', 'member'],
      ],
    });
    for (const text of ['one', 'two']) await chat.as('anna')('send', { room: 'room', text });
    await chat.as('anna')('pin', { room: 'room', seq: 2 });
    await chat.as('ben')('send', { room: 'room', text: 'of ben' });
    await chat.as('anna')('createPoll', { room: 'room', question: 'q', options: ['a', 'b'] });
    const { id } = await chat.as('cleo')('report', { room: 'room', seq: 1, reason: 'spam' });
    await chat.system('ban', { user: 'ben' });
    const rev = (await chat.roomRow()).rev;
    for (const [name, input] of inRoom) {
      await expect(chat.as('ben')(name, { room: 'room', ...input }), name).rejects.toThrow(/^banned/);
    }
    await expect(chat.as('ben')('resolveReport', { id, resolution: 'no', delete: true })).rejects.toThrow(/^banned/);
    expect((await chat.roomRow()).rev).toBe(rev);
  });

  test('keeps what others say of the user from their devices, and loses no count', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'] });
    await chat.system('ban', { user: 'ben' });
    chat.forget();
    await chat.as('anna')('send', { room: 'room', text: 'secret', mentions: { users: ['ben'] } });
    await chat.as('anna')('send', { room: 'room', text: 'plain' });
    await chat.as('anna')('edit', { room: 'room', seq: 2, text: 'secret', mentions: { users: ['ben'] } });
    expect(JSON.stringify(chat.published('chat:user:ben'))).not.toContain('secret');
    await chat.system('unban', { user: 'ben' });
    expect((await chat.as('ben')('mentions')).mentions).toHaveLength(2);
    expect((await chat.memberRow('ben')).mention_count).toBe(2);
  });
});

test('who made a room and is out of it learns no more by making it again', async () => {
  await using chat = await createChat();
  const make = { kind: 'group', id: 'g', name: 'old' };
  await chat.as('anna')('createRoom', { ...make, members: ['ben'] });
  await chat.as('anna')('transfer', { room: 'g', user: 'ben' });
  expect(await chat.as('anna')('createRoom', make)).toMatchObject({ replayed: true, room: { name: 'old' } });
  await chat.as('ben')('kick', { room: 'g', user: 'anna' });
  await chat.as('ben')('changeRoom', { room: 'g', name: 'secret' });
  await expect(chat.as('anna')('createRoom', make)).rejects.toThrow('already exists: g');
});
