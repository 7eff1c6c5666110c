import { describe, expect, test } from 'vitest';
import { createChat } from './testing/chat-fixture.ts';

async function started() {
  const chat = await createChat();
  await chat.room({ members: ['anna', 'ben', 'carl'] });
  await chat.as('anna')('send', { room: 'room', text: 'one' });
  await chat.as('anna')('send', { room: 'room', text: 'two' });
  chat.forget();
  return chat;
}

const thread = { room: 'room', threadSeq: 1 };

describe('a reply', () => {
  test('stands in the order of the room, and the message above tells of it', async () => {
    await using chat = await started();
    const { message } = await chat.as('ben')('send', { ...thread, text: 'reply' });
    expect(message).toMatchObject({ seq: 3, threadSeq: 1 });
    expect(chat.publications).toMatchObject([
      { data: { message: { seq: 3 } }, position: { offset: 3 } },
      {
        data: { message: { seq: 1, rev: 4, thread: { count: 1, lastSeq: 3, lastAt: chat.clock.now() } } },
        position: { offset: 4 },
      },
    ]);
    expect(chat.eventTypes).toEqual(['chat.message.sent', 'chat.thread.changed']);
  });

  test('is not unread in the room, and does not mark the room as read for its sender', async () => {
    await using chat = await started();
    await chat.as('ben')('send', { ...thread, text: 'reply' });
    expect(await chat.roomRow()).toMatchObject({ last_seq: 3, ucount: 2 });
    expect(await chat.memberRow('ben')).toMatchObject({ read_seq: 0, read_ucount: 0 });
  });

  test('that an edit hides is no longer counted, and deleting it changes nothing', async () => {
    await using chat = await started();
    for (const user of ['ben', 'carl']) await chat.as(user)('send', { ...thread, text: 'reply' });
    await chat.system('shadowBan', { room: 'room', user: 'ben' });
    chat.forget();
    await chat.as('ben')('edit', { room: 'room', seq: 3, text: 'spam' });
    const count = async () => (await chat.as('anna')('message', { room: 'room', seq: 1 })).message.thread.count;
    expect(await count()).toBe(1);
    expect(chat.published('chat:room:room')).toMatchObject([
      { message: { seq: 3, kind: 'hidden' } },
      { message: { seq: 1, thread: { count: 1, lastSeq: 4 } } },
    ]);
    await chat.as('ben')('edit', { room: 'room', seq: 3, text: 'more spam' });
    await chat.as('ben')('delete', { room: 'room', seq: 3 });
    expect(await count()).toBe(1);
  });

  test('in the thread of a reply is refused', async () => {
    await using chat = await started();
    await chat.as('ben')('send', { ...thread, text: 'reply' });
    await expect(chat.as('ben')('send', { room: 'room', threadSeq: 3, text: 'x' })).rejects.toMatchObject({
      code: 605,
    });
    await expect(chat.as('ben')('followThread', { room: 'room', threadSeq: 3 })).rejects.toMatchObject({ code: 605 });
  });
});

describe('who takes part', () => {
  test('follows the thread, with a read state of its own', async () => {
    await using chat = await started();
    await chat.as('ben')('send', { ...thread, text: 'r1' });
    await chat.as('ben')('send', { ...thread, text: 'r2' });
    expect(await chat.as('anna')('threads', { room: 'room' })).toMatchObject({
      threads: [{ threadSeq: 1, readSeq: 0, unread: 2, following: true, message: { seq: 1, text: 'one' } }],
      hasMore: false,
    });
    expect((await chat.as('ben')('threads', { room: 'room' })).threads).toMatchObject([{ readSeq: 4, unread: 0 }]);
    expect((await chat.as('carl')('threads', { room: 'room' })).threads).toEqual([]);
    chat.forget();
    expect(await chat.as('anna')('markThreadRead', { ...thread, seq: 3 })).toEqual({
      ...thread,
      readSeq: 3,
      following: true,
    });
    expect(chat.publications).toEqual([
      {
        channel: 'chat:user:anna',
        data: { type: 'thread', ...thread, readSeq: 3, following: true },
        position: undefined,
      },
    ]);
    expect((await chat.as('anna')('threads', { room: 'room' })).threads).toMatchObject([{ unread: 1 }]);
    // Never back, and never beyond what there is.
    expect(await chat.as('anna')('markThreadRead', { ...thread, seq: 1 })).toMatchObject({ readSeq: 3 });
    expect(await chat.as('anna')('markThreadRead', { ...thread, seq: 999 })).toMatchObject({ readSeq: 4 });
    await chat.as('ben')('send', { ...thread, text: 'r3' });
    expect((await chat.as('anna')('threads', { room: 'room' })).threads).toMatchObject([{ unread: 1 }]);
  });

  test('may leave it, and comes back by writing', async () => {
    await using chat = await started();
    await chat.as('ben')('send', { ...thread, text: 'r1' });
    await chat.as('ben')('unfollowThread', thread);
    await chat.as('anna')('unfollowThread', thread);
    await chat.as('ben')('send', { ...thread, text: 'r2' });
    expect((await chat.as('ben')('threads', { room: 'room' })).threads).toHaveLength(1);
    // Who wrote the first message is not brought back by others.
    expect((await chat.as('anna')('threads', { room: 'room' })).threads).toEqual([]);
  });

  test('or begins to follow has read what is there', async () => {
    await using chat = await started();
    await chat.as('ben')('send', { ...thread, text: 'r1' });
    expect(await chat.as('carl')('followThread', thread)).toMatchObject({ readSeq: 3, following: true });
    expect((await chat.as('carl')('threads', { room: 'room' })).threads).toMatchObject([{ unread: 0 }]);
  });
});

test('followed threads come with the latest reply first, in pages', async () => {
  await using chat = await started();
  await chat.as('anna')('send', { room: 'room', threadSeq: 2, text: 'a' });
  await chat.as('anna')('send', { room: 'room', threadSeq: 1, text: 'b' });
  const page = await chat.as('anna')('threads', { room: 'room', limit: 1 });
  expect(page).toMatchObject({ threads: [{ threadSeq: 1 }], hasMore: true });
  expect(
    await chat.as('anna')('threads', { room: 'room', before: page.threads[0].message.thread.lastSeq }),
  ).toMatchObject({ threads: [{ threadSeq: 2 }], hasMore: false });
});

test('unread replies are counted up to 100, without those that are deleted', async () => {
  await using chat = await started();
  await Promise.all(Array.from({ length: 101 }, () => chat.as('ben')('send', { ...thread, text: 'r' })));
  expect((await chat.as('anna')('threads', { room: 'room' })).threads).toMatchObject([{ unread: 100 }]);
  await chat.as('ben')('delete', { room: 'room', seq: 3 });
  await chat.as('ben')('delete', { room: 'room', seq: 4 });
  expect((await chat.as('anna')('threads', { room: 'room' })).threads).toMatchObject([{ unread: 99 }]);
});

test('strangers, and threads under nothing, are refused', async () => {
  await using chat = await started();
  await expect(chat.as('dora')('threads', { room: 'room' })).rejects.toMatchObject({ code: 600 });
  await expect(chat.as('dora')('followThread', thread)).rejects.toMatchObject({ code: 600 });
  await expect(chat.as('ben')('followThread', { room: 'room', threadSeq: 9 })).rejects.toMatchObject({ code: 601 });
  await expect(chat.system('followThread', thread)).rejects.toMatchObject({ code: 605 });
});
