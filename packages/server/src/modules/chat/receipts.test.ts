import { expect, test } from 'vitest';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';
import type { RoomKind } from './model.ts';

/** A room of so many members; `u0` has written `messages`. */
async function roomOf(members: number, kind: RoomKind = 'group', messages = 20): Promise<ChatFixture> {
  const chat = await createChat({
    config: { permissions: { seeReceipts: 'member.state == "member" && room.kind != "broadcast"' } },
  });
  await chat.room({ kind, members: Array.from({ length: members }, (_, at) => `u${at}`) });
  for (let at = 0; at < messages; at++) await chat.as('u0')('send', { room: 'room', text: 'x' });
  chat.forget();
  return chat;
}

const receipts = (chat: ChatFixture) => chat.published('chat:room:room');

test('a mark that moves is told at once, without a position, and at most four times a second', async () => {
  await using chat = await roomOf(3);
  for (let seq = 1; seq <= 10; seq++) await chat.as('u1')('markRead', { room: 'room', seq });
  expect(chat.publications.filter(({ channel }) => channel === 'chat:room:room')).toEqual([
    { channel: 'chat:room:room', data: { type: 'receipts', read: { u1: 1 } }, position: undefined },
  ]);
  await chat.as('u2')('markDelivered', { room: 'room', seq: 7 });
  await chat.clock.advance(250);
  expect(receipts(chat).slice(1)).toEqual([{ type: 'receipts', read: { u1: 10 }, delivered: { u2: 7 } }]);
  await chat.clock.advance(60_000);
  expect(receipts(chat)).toHaveLength(2);
  await chat.as('u1')('markUnread', { room: 'room', seq: 5 });
  expect(receipts(chat)[2]).toEqual({ type: 'receipts', read: { u1: 4 } });
});

test('who sends has read up to their message: no older mark is told behind it', async () => {
  await using chat = await roomOf(3);
  await chat.as('u1')('markRead', { room: 'room', seq: 1 });
  await chat.as('u1')('markRead', { room: 'room', seq: 7 });
  await chat.as('u1')('send', { room: 'room', text: 'x' });
  await chat.clock.advance(250);
  expect((receipts(chat) as { type: string }[]).filter(({ type }) => type === 'receipts')).toEqual([
    { type: 'receipts', read: { u1: 1 } },
    { type: 'receipts', read: { u1: 21 } },
  ]);
});

test('… nor one that was committed together with the message', async () => {
  await using chat = await roomOf(3);
  await chat.as('u1')('markRead', { room: 'room', seq: 1 });
  await Promise.all([
    chat.as('u1')('markRead', { room: 'room', seq: 7 }),
    chat.as('u2')('markDelivered', { room: 'room', seq: 9 }),
    chat.as('u1')('send', { room: 'room', text: 'x' }),
    chat.as('u2')('send', { room: 'room', text: 'y' }),
  ]);
  await chat.clock.advance(250);
  expect((receipts(chat) as { type: string }[]).filter(({ type }) => type === 'receipts').slice(1)).toEqual([
    { type: 'receipts', read: { u1: 21 }, delivered: { u2: 22 } },
  ]);
});

test('in a larger room marks are told every two seconds, the latest of each user', async () => {
  await using chat = await roomOf(101);
  for (let seq = 1; seq <= 5; seq++) {
    for (const user of ['u1', 'u2', 'u3']) await chat.as(user)('markRead', { room: 'room', seq });
    await chat.clock.advance(300);
  }
  expect(receipts(chat)).toEqual([{ type: 'receipts', read: { u1: 1 } }]);
  await chat.clock.advance(500);
  expect(receipts(chat).slice(1)).toEqual([{ type: 'receipts', read: { u1: 5, u2: 5, u3: 5 } }]);
});

test.each(['broadcast', 'livestream'] as const)('in a %s nothing is told', async (kind) => {
  await using chat = await roomOf(3, kind);
  await chat.as('u1')('markRead', { room: 'room', seq: 3 });
  await chat.clock.advance(5_000);
  expect(receipts(chat)).toEqual([]);
});

test('in an open room nothing is told as long as those who only look may not see it', async () => {
  await using chat = await roomOf(3, 'public');
  await chat.as('u1')('markRead', { room: 'room', seq: 3 });
  expect(receipts(chat)).toEqual([]);
  await using open = await createChat({ config: { permissions: { seeReceipts: 'room.kind == "public"' } } });
  await open.room({ kind: 'public', members: ['u0', 'u1'] });
  await open.as('u0')('send', { room: 'room', text: 'x' });
  open.forget();
  await open.as('u1')('markRead', { room: 'room', seq: 1 });
  expect(receipts(open)).toEqual([{ type: 'receipts', read: { u1: 1 } }]);
});

test('nothing is told if only some roles may see it', async () => {
  await using chat = await createChat({ config: { permissions: { seeReceipts: 'member.role == "owner"' } } });
  await chat.room({ members: ['anna', 'ben'], row: { last_seq: 3 } });
  await chat.as('anna')('markRead', { room: 'room', seq: 3 });
  expect(receipts(chat)).toEqual([]);
});

test.each([
  ['who asks', { seeReceipts: 'member.state == "member" && auth.uid == "anna"' }],
  ['the id of who asks', { seeReceipts: 'member.state == "member" && member.user in ["anna"]' }],
  ['who is invited and may read', { readRoom: 'member.state in ["member", "invited"]' }],
  ['who else may read', { readRoom: 'member.state == "member" || auth.uid == "supervisor"' }],
])('nothing is told if whether all may see it depends on %s', async (_, permissions) => {
  await using chat = await createChat({ config: { permissions } });
  await chat.room({ members: ['anna', 'ben'], row: { last_seq: 3 } });
  await chat.as('anna')('markRead', { room: 'room', seq: 3 });
  await chat.clock.advance(5_000);
  expect(receipts(chat)).toEqual([]);
  const read = chat.as('anna')('receipts', { room: 'room' });
  expect((await read).receipts).toContainEqual({ user: 'anna', readSeq: 3, deliveredSeq: 3 });
});

test('what could not be told is told later, with what came since', async () => {
  let broken = true;
  const seen: unknown[] = [];
  await using chat = await createChat({
    context: {
      async publish(channel, json) {
        if (channel !== 'chat:room:room') return;
        if (broken) throw new Error('no broker');
        seen.push(JSON.parse(json));
      },
    },
  });
  await chat.room({ members: ['anna', 'ben', 'cleo'], row: { last_seq: 3 } });
  await chat.as('anna')('markRead', { room: 'room', seq: 1 });
  await chat.as('ben')('markRead', { room: 'room', seq: 2 });
  broken = false;
  await chat.clock.advance(1_000);
  expect(seen).toEqual([{ type: 'receipts', read: { anna: 1, ben: 2 } }]);
});
