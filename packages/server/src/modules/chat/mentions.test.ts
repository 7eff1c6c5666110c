import { describe, expect, test } from 'vitest';
import { countMentions } from './mentions.ts';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

async function roomOf(...members: string[]) {
  const chat = await createChat();
  await chat.room({ members });
  return chat;
}

async function counts(chat: ChatFixture, ...users: string[]): Promise<number[]> {
  const rows = await Promise.all(users.map((user) => chat.memberRow(user)));
  for (const row of rows) {
    const counted = await countMentions({ read: chat.chat.db }, 'room', row.user_id, row.read_seq);
    expect(counted, row.user_id).toBe(row.mention_count);
  }
  return rows.map(({ mention_count }) => mention_count);
}

const hey = { room: 'room', text: 'hey' };

describe('a mention', () => {
  test('counts for members who are named, and tells them; strangers and oneself are left alone', async () => {
    await using chat = await roomOf('anna', 'ben', 'carl');
    const users = ['ben', 'ben', 'anna', 'stranger'];
    const { message } = await chat.as('anna')('send', { ...hey, mentions: { users } });
    expect(message.mentions).toEqual({ users: ['ben', 'anna', 'stranger'] });
    expect(await counts(chat, 'anna', 'ben', 'carl')).toEqual([0, 1, 0]);
    expect(chat.published('chat:user:ben')).toEqual([{ type: 'mention', message }]);
    expect(chat.published('chat:user:stranger')).toEqual([]);
    expect((await chat.as('ben')('mentions')).mentions).toEqual([message]);
    expect((await chat.as('stranger')('mentions')).mentions).toEqual([]);
  });

  test('of everybody counts once for each, also for who is named beside, however many write at once', async () => {
    await using chat = await roomOf('anna', 'ben', 'carl', 'dora');
    await Promise.all([
      chat.as('anna')('send', { ...hey, mentions: { room: true, users: ['ben'] } }),
      chat.as('ben')('send', { ...hey, mentions: { here: true } }),
      chat.as('carl')('send', { ...hey, mentions: { users: ['dora'] } }),
    ]);
    const rows = await Promise.all(['anna', 'ben', 'carl', 'dora'].map((user) => chat.memberRow(user)));
    // Who sends has read what stands above.
    expect(rows.map(({ mention_count }) => mention_count)).toEqual([1, 0, 0, 3]);
    expect((await chat.as('dora')('mentions')).mentions.map(({ seq }: { seq: number }) => seq)).toHaveLength(3);
    expect((await chat.as('anna')('mentions')).mentions).toMatchObject([{ seq: 2 }]);
  });

  test('of everybody is none to who says it, in a thread too, where it is read by nobody yet', async () => {
    await using chat = await roomOf('anna', 'ben');
    const [anna, ben] = [chat.as('anna'), chat.as('ben')];
    await anna('send', hey);
    await ben('send', { ...hey, mentions: { users: ['anna'] } });
    await anna('send', { ...hey, threadSeq: 1, mentions: { room: true } });
    await anna('send', { ...hey, threadSeq: 1, mentions: { here: true } });
    expect(await counts(chat, 'anna', 'ben')).toEqual([1, 2]);
    await anna('markUnread', { room: 'room', seq: 1 });
    expect(await counts(chat, 'anna')).toEqual([1]);
    await anna('edit', { room: 'room', seq: 3, mentions: null });
    expect(await counts(chat, 'anna', 'ben')).toEqual([1, 1]);
    await anna('delete', { room: 'room', seq: 4 });
    expect(await counts(chat, 'anna', 'ben')).toEqual([1, 0]);
  });

  test('of everybody by oneself in the same turn is known too', async () => {
    await using chat = await roomOf('anna', 'ben');
    await chat.as('ben')('send', hey);
    await Promise.all([
      chat.as('anna')('send', { ...hey, mentions: { room: true } }),
      chat.as('ben')('send', { ...hey, threadSeq: 1, mentions: { room: true } }),
      chat.as('ben')('markUnread', { room: 'room', seq: 1 }),
    ]);
    expect(await counts(chat, 'ben')).toEqual([1]);
  });

  test('of everybody needs a permission', async () => {
    await using chat = await createChat();
    await chat.room({ kind: 'public', members: ['anna', 'ben'] });
    await expect(chat.as('ben')('send', { ...hey, mentions: { room: true } })).rejects.toMatchObject({ code: 604 });
    await chat.as('anna')('send', { ...hey, mentions: { room: true } });
    await chat.as('ben')('send', hey);
    await expect(chat.as('ben')('edit', { room: 'room', seq: 2, mentions: { here: true } })).rejects.toMatchObject({
      code: 604,
    });
  });
});

describe('an edit', () => {
  test('counts who is named now, and takes back who is not any more', async () => {
    await using chat = await roomOf('anna', 'ben', 'carl', 'dora');
    await chat.as('anna')('send', { ...hey, mentions: { users: ['ben', 'carl'] } });
    chat.forget();
    await chat.as('anna')('edit', { room: 'room', seq: 1, mentions: { users: ['carl', 'dora'] } });
    expect(await counts(chat, 'ben', 'carl', 'dora')).toEqual([0, 1, 1]);
    expect(chat.published('chat:user:dora')).toMatchObject([{ type: 'mention' }]);
    expect(chat.published('chat:user:carl')).toEqual([]);
    expect((await chat.as('ben')('mentions')).mentions).toEqual([]);
    await chat.as('anna')('edit', { room: 'room', seq: 1, mentions: null });
    expect(await counts(chat, 'ben', 'carl', 'dora')).toEqual([0, 0, 0]);
  });

  test('leaves alone who has read the message', async () => {
    await using chat = await roomOf('anna', 'ben');
    await chat.as('anna')('send', hey);
    await chat.as('ben')('send', hey);
    await chat.as('anna')('edit', { room: 'room', seq: 1, mentions: { users: ['ben'] } });
    expect(await counts(chat, 'ben')).toEqual([0]);
    expect((await chat.as('ben')('mentions')).mentions).toHaveLength(1);
  });

  test('that no longer mentions everybody takes it back, but for who is named', async () => {
    await using chat = await roomOf('anna', 'ben', 'carl');
    await chat.as('anna')('send', { ...hey, mentions: { room: true } });
    await chat.as('anna')('edit', { room: 'room', seq: 1, mentions: { users: ['ben'] } });
    expect(await counts(chat, 'ben', 'carl')).toEqual([1, 0]);
  });
});

test('a deleted message takes back its mentions, of everybody too', async () => {
  await using chat = await roomOf('anna', 'ben', 'carl');
  await chat.as('anna')('send', { ...hey, mentions: { room: true, users: ['ben'] } });
  await chat.as('anna')('send', { ...hey, mentions: { users: ['ben'] } });
  await chat.as('anna')('delete', { room: 'room', seq: 1 });
  expect(await counts(chat, 'ben', 'carl')).toEqual([1, 0]);
  await chat.as('anna')('delete', { room: 'room', seq: 2 });
  expect(await counts(chat, 'ben', 'carl')).toEqual([0, 0]);
});

describe('the list of mentions', () => {
  test('spans rooms, the latest first, in pages', async () => {
    await using chat = await roomOf('anna', 'ben');
    await chat.room({ id: 'other', members: ['anna', 'ben'] });
    for (const room of ['room', 'other', 'room', 'other', 'room']) {
      await chat.clock.advance(1);
      const all = room === 'other';
      await chat.as('anna')('send', { room, text: 'hey', mentions: all ? { room: true } : { users: ['ben'] } });
    }
    const seen: string[] = [];
    let before: string | undefined;
    do {
      const page = await chat.as('ben')('mentions', { limit: 2, ...(before !== undefined && { before }) });
      for (const { room, seq } of page.mentions) seen.push(`${room} ${seq}`);
      before = page.next;
    } while (before !== undefined);
    expect(seen).toEqual(['room 3', 'other 2', 'room 2', 'other 1', 'room 1']);
  });

  test('has nothing of rooms one has left or may no longer read', async () => {
    await using chat = await createChat({
      config: { enabled: true, permissions: { readRoom: 'room.id != "closed"' } },
    });
    for (const id of ['room', 'left', 'closed']) {
      await chat.room({ id, members: ['anna', 'ben'] });
      await chat.as('anna')('send', { room: id, text: 'hey', mentions: { users: ['ben'] } });
    }
    await chat.chat.writer.run({ rooms: ['left'], members: [['left', 'ben']] }, async (tx) => {
      await tx.member('left', 'ben');
      tx.changeMember('left', 'ben', { state: 'left' });
    });
    expect((await chat.as('ben')('mentions')).mentions).toMatchObject([{ room: 'room' }]);
  });
});
