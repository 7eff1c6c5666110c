import { expect, test } from 'vitest';
import { createChat } from './testing/chat-fixture.ts';

test.each([
  ['pinRoom', {}, { pinned: true }, 'unpinRoom'],
  ['archiveRoom', {}, { archived: true }, 'unarchiveRoom'],
  ['muteRoom', {}, { muteUntil: -1 }, 'unmuteRoom'],
  ['muteRoom', { until: 1_700_000_001_000 }, { muteUntil: 1_700_000_001_000 }, 'unmuteRoom'],
])('%s %j is told to the user’s own devices alone, once, and taken back', async (name, input, shown, back) => {
  await using chat = await createChat();
  await chat.room({ members: ['anna', 'ben'] });
  await chat.as('ben')('send', { room: 'room', text: 'hello' });
  chat.forget();
  const anna = chat.as('anna');
  const before = (await anna('room', { room: 'room' })).membership;
  const { item } = await anna(name, { room: 'room', ...input });
  expect(item).toMatchObject({ membership: { ...before, ...shown }, lastMessage: { text: 'hello' }, room: { rev: 1 } });
  await anna(name, { room: 'room', ...input });
  expect(chat.publications).toEqual([{ channel: 'chat:user:anna', data: { type: 'room', item }, position: undefined }]);
  expect(chat.events).toEqual([]);
  expect((await anna(back, { room: 'room' })).item.membership).toEqual(before);
  expect(await chat.roomRow()).toMatchObject({ rev: 1 });
});

test('what one is notified of is set', async () => {
  await using chat = await createChat();
  await chat.room({ members: ['anna'] });
  const set = async (notify: string) =>
    (await chat.as('anna')('setNotify', { room: 'room', notify })).item.membership.notify;
  expect([await set('mentions'), await set('none'), await set('all')]).toEqual(['mentions', 'none', undefined]);
  await expect(set('some')).rejects.toThrow('invalid request');
});

test('an archived room stays archived when something new comes, which is unread', async () => {
  await using chat = await createChat();
  await chat.room({ members: ['anna', 'ben'] });
  await chat.as('anna')('archiveRoom', { room: 'room' });
  await chat.as('ben')('send', { room: 'room', text: 'hello' });
  expect((await chat.as('anna')('room', { room: 'room' })).membership).toMatchObject({ archived: true, unread: 1 });
});

test('settings at the same time as messages are both kept', async () => {
  await using chat = await createChat();
  await chat.room({ members: ['anna', 'ben'] });
  await Promise.all([
    chat.as('anna')('send', { room: 'room', text: 'one' }),
    chat.as('anna')('pinRoom', { room: 'room' }),
    chat.as('anna')('send', { room: 'room', text: 'two' }),
    chat.as('anna')('muteRoom', { room: 'room' }),
  ]);
  expect(await chat.memberRow('anna')).toMatchObject({ pinned: 1, mute_until: -1, read_seq: 2 });
});

test('only members set anything, to times that come', async () => {
  await using chat = await createChat();
  await chat.room({ members: ['anna'] });
  await chat.as('anna')('invite', { room: 'room', users: ['ben'], ask: true });
  await expect(chat.as('ben')('pinRoom', { room: 'room' })).rejects.toThrow('not a member of the room: room');
  await expect(chat.as('cleo')('pinRoom', { room: 'room' })).rejects.toThrow('no such room: room');
  await expect(chat.system('pinRoom', { room: 'room' })).rejects.toThrow('name one in `as`');
  await expect(chat.as('anna')('muteRoom', { room: 'room', until: 5 })).rejects.toThrow('until 5 has passed');
});

test('the line of the list has the latest message that is in no thread and that the user sees', async () => {
  await using chat = await createChat();
  await chat.room({ members: ['anna', 'ben'] });
  await chat.as('anna')('send', { room: 'room', text: 'seen' });
  await chat.as('anna')('send', { room: 'room', text: 'in a thread', threadSeq: 1 });
  await chat.chat.db
    .insertInto('chat_restrictions')
    .values({ scope: 'room', user_id: 'ben', kind: 'shadow', reason: null, until: null, created_by: '', created_at: 1 })
    .execute();
  await chat.as('ben')('send', { room: 'room', text: 'for me' });
  const last = async (user: string) =>
    (await chat.as(user)('pinRoom', { room: 'room' })).item.lastMessage.text as string;
  expect([await last('anna'), await last('ben')]).toEqual(['seen', 'for me']);
});
