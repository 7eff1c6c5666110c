import { expect, test } from 'vitest';
import { toMembership, toMessage } from './mappers.ts';
import { createChat, emptyMember } from './testing/chat-fixture.ts';

const member = { ...emptyMember, room_id: 'room', user_id: 'anna', role: 'member', joined_at: 1, updated_at: 1 };

test('unread follows from two counters, never below nothing, and only for members', () => {
  expect(toMembership({ ...member, read_ucount: 3 }, { ucount: 10 }).unread).toBe(7);
  expect(toMembership({ ...member, read_ucount: 11 }, { ucount: 10 }).unread).toBe(0);
  expect(toMembership({ ...member, state: 'left' }, { ucount: 10 }).unread).toBe(0);
});

test('fields that have nothing to say are left out', () => {
  expect(toMembership(member, { ucount: 0 })).toEqual({
    room: 'room',
    user: 'anna',
    role: 'member',
    joinedAt: 1,
    readSeq: 0,
    deliveredSeq: 0,
    state: 'member',
    readCountable: 0,
    unread: 0,
    mentions: 0,
  });
});

test('a message for its sender alone says nothing to anybody else, not even that it was deleted', async () => {
  await using chat = await createChat();
  await chat.room({ members: ['anna'] });
  await chat.as('anna')('send', { room: 'room', clientId: 'c', text: 'secret', data: 1 });
  const row = await chat.chat.db.selectFrom('chat_messages').selectAll().executeTakeFirstOrThrow();
  const hidden = {
    room: 'room',
    seq: 1,
    id: row.id,
    version: 1,
    createdAt: row.created_at,
    rev: 1,
    sender: '',
    kind: 'hidden',
  };
  for (const viewer of [undefined, '', 'ben']) expect(toMessage({ ...row, shadow: 1 }, viewer)).toEqual(hidden);
  expect(toMessage({ ...row, shadow: 1, deleted_at: 5 }, 'ben')).toEqual(hidden);
  expect(toMessage({ ...row, shadow: 1 }, 'anna')).toMatchObject({ text: 'secret', sender: 'anna' });
});
