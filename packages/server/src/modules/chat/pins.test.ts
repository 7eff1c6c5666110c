import { expect, test } from 'vitest';
import { createChat } from './testing/chat-fixture.ts';

async function sent(total: number, pins = 100) {
  const chat = await createChat({ config: { enabled: true, limits: { pins } } });
  await chat.room({ members: ['olga', 'ben'] });
  for (let nth = 1; nth <= total; nth++) await chat.as('ben')('send', { room: 'room', text: String(nth) });
  chat.forget();
  return chat;
}

test('a pinned message is told, and listed with the latest pinned first, in pages', async () => {
  await using chat = await sent(3);
  for (const seq of [2, 3, 1]) {
    await chat.clock.advance(1);
    await chat.as('olga')('pin', { room: 'room', seq });
  }
  expect(chat.eventTypes).toEqual(['chat.message.pinned', 'chat.message.pinned', 'chat.message.pinned']);
  const page = await chat.as('ben')('pins', { room: 'room', limit: 2 });
  expect(page).toMatchObject({ messages: [{ seq: 1, pinnedAt: chat.clock.now() }, { seq: 3 }], hasMore: true });
  const { pinnedAt, seq } = page.messages[1];
  expect(await chat.as('ben')('pins', { room: 'room', before: { pinnedAt, seq } })).toMatchObject({
    messages: [{ seq: 2 }],
    hasMore: false,
  });
});

test('pinning what is pinned does nothing, nor does unpinning what is not', async () => {
  await using chat = await sent(1);
  const at = { room: 'room', seq: 1 };
  const { message } = await chat.as('olga')('pin', at);
  expect(message.rev).toBe(2);
  expect((await chat.as('olga')('pin', at)).message.rev).toBe(2);
  expect((await chat.as('olga')('unpin', at)).message).not.toHaveProperty('pinnedAt');
  expect((await chat.as('olga')('unpin', at)).message.rev).toBe(3);
  expect(chat.publications).toHaveLength(2);
});

test('there is a limit, also for many at once', async () => {
  await using chat = await sent(6, 3);
  const results = await Promise.allSettled(
    [1, 2, 3, 4, 5, 6].map((seq) => chat.as('olga')('pin', { room: 'room', seq })),
  );
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  expect((await chat.as('olga')('pins', { room: 'room' })).messages).toHaveLength(3);
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 607 });
  }
  await chat.as('olga')('unpin', { room: 'room', seq: 1 });
  await chat.as('olga')('pin', { room: 'room', seq: 6 });
});

test('members without the permission, strangers, and what is not there are refused', async () => {
  await using chat = await sent(1);
  await expect(chat.as('ben')('pin', { room: 'room', seq: 1 })).rejects.toMatchObject({ code: 604 });
  await expect(chat.as('carl')('pin', { room: 'room', seq: 1 })).rejects.toMatchObject({ code: 600 });
  await expect(chat.as('carl')('pins', { room: 'room' })).rejects.toMatchObject({ code: 600 });
  await expect(chat.as('olga')('pin', { room: 'room', seq: 2 })).rejects.toMatchObject({ code: 601 });
});
