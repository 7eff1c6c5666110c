import { describe, expect, test } from 'vitest';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

interface Item {
  readonly room: { readonly id: string };
  readonly membership: { readonly unread: number; readonly mentions: number };
  readonly lastMessage?: { readonly text?: string; readonly seq: number };
  readonly peer?: string;
}

/** Rooms `r0` … `r(n-1)`; the later a number, the later its latest message. */
async function withRooms(count: number): Promise<ChatFixture> {
  const chat = await createChat();
  for (let at = 0; at < count; at++) {
    await chat.room({ id: `r${at}`, members: ['anna', 'ben'] });
    await chat.clock.advance(10);
  }
  return chat;
}

const change = (chat: ChatFixture, room: string, columns: object) =>
  chat.chat.db
    .updateTable('chat_members')
    .set(columns)
    .where('room_id', '=', room)
    .where('user_id', '=', 'anna')
    .execute();

async function ids(chat: ChatFixture, input: object = {}): Promise<string[]> {
  const { rooms } = (await chat.as('anna')('rooms', input)) as { rooms: Item[] };
  return rooms.map(({ room }) => room.id);
}

describe('the list of rooms', () => {
  test('has those pinned first, then those with the latest message', async () => {
    await using chat = await withRooms(4);
    await change(chat, 'r1', { pinned: 1 });
    await chat.as('ben')('send', { room: 'r0', text: 'news' });
    expect(await ids(chat)).toEqual(['r1', 'r0', 'r3', 'r2']);
  });

  test('has the latest message, and what is unread', async () => {
    await using chat = await withRooms(1);
    await chat.as('ben')('send', { room: 'r0', text: 'one' });
    await chat.as('ben')('send', { room: 'r0', text: '@anna', mentions: { users: ['anna'] } });
    await chat.as('ben')('send', { room: 'r0', text: 'in a thread', threadSeq: 1 });
    const { rooms } = (await chat.as('anna')('rooms')) as { rooms: Item[] };
    expect(rooms).toMatchObject([{ membership: { unread: 2, mentions: 1 }, lastMessage: { seq: 2, text: '@anna' } }]);
  });

  test('shows a message for its sender alone to them alone', async () => {
    await using chat = await withRooms(1);
    await chat.as('anna')('send', { room: 'r0', text: 'seen' });
    await chat.chat.db
      .insertInto('chat_restrictions')
      .values({
        scope: '*',
        user_id: 'ben',
        kind: 'shadow',
        reason: null,
        until: null,
        created_by: '',
        created_at: 0,
      })
      .execute();
    await chat.as('ben')('send', { room: 'r0', text: 'unseen' });
    const latest = async (user: string) =>
      ((await chat.as(user)('rooms')) as { rooms: Item[] }).rooms[0]?.lastMessage?.text;
    expect(await latest('anna')).toBe('seen');
    expect(await latest('ben')).toBe('unseen');
  });

  test('has the other one of a direct room, and rooms one is invited to without their messages', async () => {
    await using chat = await createChat();
    await chat.room({ id: 'two', kind: 'direct', members: ['anna', 'ben'] });
    await chat.clock.advance(1);
    await chat.room({ id: 'club', members: ['ben', 'anna'] });
    await chat.as('ben')('send', { room: 'club', text: 'secret' });
    await change(chat, 'club', { state: 'invited' });
    const { rooms } = (await chat.as('anna')('rooms')) as { rooms: Item[] };
    expect(rooms).toMatchObject([
      { room: { id: 'club' }, membership: { state: 'invited', unread: 0 } },
      { room: { id: 'two' }, peer: 'ben' },
    ]);
    expect(rooms[0]?.lastMessage).toBeUndefined();
    expect(JSON.stringify(rooms)).not.toContain('secret');
  });

  test('can be narrowed down', async () => {
    await using chat = await withRooms(5);
    await chat.room({ id: 'two', kind: 'direct', members: ['anna', 'ben'] });
    await chat.clock.advance(10);
    await change(chat, 'r0', { archived: 1 });
    await change(chat, 'r1', { pinned: 1 });
    await change(chat, 'r2', { state: 'left' });
    await chat.as('anna')('deleteRoom', { room: 'r4' });
    await chat.as('ben')('send', { room: 'r3', text: 'x' });
    expect(await ids(chat)).toEqual(['r1', 'r3', 'two']);
    expect(await ids(chat, { filter: 'archived' })).toEqual(['r0']);
    expect(await ids(chat, { filter: 'pinned' })).toEqual(['r1']);
    expect(await ids(chat, { filter: 'direct' })).toEqual(['two']);
    expect(await ids(chat, { filter: 'unread' })).toEqual(['r3']);
    await expect(chat.as('anna')('rooms', { filter: 'other' })).rejects.toMatchObject({ code: 605 });
  });

  test('comes in pages, each room once, also when others move to the front', async () => {
    await using chat = await withRooms(9);
    await change(chat, 'r2', { pinned: 1 });
    await chat.chat.db.updateTable('chat_rooms').set({ last_at: 5 }).where('id', 'in', ['r3', 'r4', 'r5']).execute();
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = (await chat.as('anna')('rooms', { limit: 2, ...(after !== undefined && { after }) })) as {
        rooms: Item[];
        next?: string;
      };
      seen.push(...page.rooms.map(({ room }) => room.id));
      after = page.next;
      await chat.as('ben')('send', { room: 'r8', text: 'x' });
      await chat.clock.advance(10);
    } while (after !== undefined);
    expect(seen).toEqual(['r2', 'r8', 'r7', 'r6', 'r1', 'r0', 'r5', 'r4', 'r3']);
    await expect(chat.as('anna')('rooms', { after: 'nonsense' })).rejects.toMatchObject({ code: 605 });
    await expect(chat.as('anna')('rooms', { limit: 101 })).rejects.toMatchObject({ code: 607 });
  });
});

describe('unread', () => {
  test('sums up the rooms, muted and archived ones apart', async () => {
    await using chat = await withRooms(6);
    for (const room of ['r0', 'r1', 'r2', 'r3', 'r4']) {
      await chat.as('ben')('send', { room, text: 'x', mentions: { users: ['anna'] } });
      await chat.as('ben')('send', { room, text: 'y' });
    }
    await change(chat, 'r1', { mute_until: -1 });
    await change(chat, 'r2', { archived: 1 });
    await change(chat, 'r3', { mute_until: chat.clock.now() });
    await change(chat, 'r4', { state: 'left' });
    expect(await chat.as('anna')('unread')).toEqual({
      unread: 4,
      mentions: 2,
      rooms: 2,
      muted: { unread: 4, mentions: 2, rooms: 2 },
    });
    expect(await chat.as('dora')('unread')).toEqual({
      unread: 0,
      mentions: 0,
      rooms: 0,
      muted: { unread: 0, mentions: 0, rooms: 0 },
    });
  });
});

test('only the lines that are asked for, in that order, archived or not', async () => {
  await using chat = await createChat();
  for (const id of ['a', 'b', 'c']) await chat.room({ id, members: ['anna', 'ben'] });
  await chat.room({ id: 'other', members: ['ben'] });
  const anna = chat.as('anna');
  await chat.as('ben')('send', { room: 'b', text: 'hello' });
  await anna('archiveRoom', { room: 'c' });
  const { rooms, next } = await anna('rooms', { rooms: ['c', 'other', 'b', 'c', 'never'] });
  expect(rooms.map((item: Item) => [item.room.id, item.membership.unread])).toEqual([
    ['c', 0],
    ['b', 1],
  ]);
  expect(next).toBeUndefined();
  expect((await anna('rooms', { rooms: [] })).rooms).toEqual([]);
  for (const beside of [{ filter: 'all' }, { limit: 5 }, { after: '0.1.a' }]) {
    await expect(anna('rooms', { rooms: ['a'], ...beside })).rejects.toMatchObject({ code: 605 });
  }
  const many = Array.from({ length: 101 }, (_, at) => `r${at}`);
  await expect(anna('rooms', { rooms: many })).rejects.toMatchObject({ code: 605 });
  await expect(chat.system('rooms', { rooms: ['a'] })).rejects.toMatchObject({ code: 605 });
});
