import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { types } from '../../rules/types.ts';
import { openRooms } from './find-rooms.ts';
import { createChat } from './testing/chat-fixture.ts';

describe('changing a room', () => {
  test('what is named is changed, published at a revision of its own and reported; the rest stays', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'], row: { name: 'old', topic: 'topic' } });
    const { room } = await chat.as('anna')('changeRoom', {
      room: 'room',
      name: 'new',
      data: { a: 1 },
      slowMs: 500,
      retentionMs: 5000,
      frozen: true,
    });
    expect(room).toMatchObject({
      name: 'new',
      topic: 'topic',
      data: { a: 1 },
      slowMs: 500,
      retentionMs: 5000,
      frozen: true,
      rev: 1,
    });
    expect(chat.publications).toMatchObject([
      { channel: 'chat:room:room', data: { type: 'room', room }, position: { offset: 1 } },
    ]);
    expect(chat.events).toMatchObject([
      { type: 'chat.room.changed', subject: 'room:room', data: { by: 'anna', rev: 1 } },
    ]);
    expect(await chat.roomRow()).toMatchObject({ rev: 1, changed_rev: 1 });
    const cleared = await chat.as('anna')('changeRoom', {
      room: 'room',
      name: null,
      topic: null,
      data: null,
      retentionMs: null,
      slowMs: 0,
      frozen: false,
    });
    expect(Object.keys(cleared.room)).not.toEqual(expect.arrayContaining(['name']));
    expect(cleared.room).not.toHaveProperty('data');
  });

  test('a change that changes nothing does nothing', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'], row: { name: 'same' } });
    const { room } = await chat.as('anna')('changeRoom', { room: 'room', name: 'same', frozen: false });
    expect(room.rev).toBe(0);
    expect(chat.publications).toEqual([]);
  });

  test('who moderates sets slow mode, retention and frozen, and nothing else', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', ['ben', 'moderator'], 'cleo'] });
    const ben = chat.as('ben');
    await ben('changeRoom', { room: 'room', slowMs: 1000, frozen: true, retentionMs: 60_000 });
    await expect(ben('changeRoom', { room: 'room', name: 'x' })).rejects.toThrow('not allowed');
    await expect(ben('changeRoom', { room: 'room', name: 'x', frozen: false })).rejects.toThrow('not allowed');
    await expect(chat.as('cleo')('changeRoom', { room: 'room', frozen: false })).rejects.toThrow('not allowed');
    await expect(chat.as('dora')('changeRoom', { room: 'room', frozen: false })).rejects.toThrow('no such room: room');
  });

  test('readers are asked anew where the rule for reading is the application’s own', async () => {
    for (const permissions of [{}, { readRoom: 'room.data.open == true' }]) {
      await using chat = await createChat({ config: { enabled: true, permissions } });
      await chat.room({ members: ['anna'] });
      await chat.as('anna')('changeRoom', { room: 'room', data: { open: false } });
      expect(chat.reconsidered).toEqual(
        'readRoom' in permissions ? [{ channel: 'chat:room:room', user: undefined }] : [],
      );
    }
  });
});

describe('deleting a room', () => {
  test('takes away what it was called, tells its members and ends subscriptions', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'], row: { name: 'secret', topic: 'secret', data: '"secret"' } });
    expect(await chat.as('anna')('deleteRoom', { room: 'room' })).toEqual({});
    expect(await chat.roomRow()).toMatchObject({ name: null, topic: null, data: null, deleted_at: chat.clock.now() });
    expect(JSON.stringify(chat.publications)).not.toContain('secret');
    expect(chat.published('chat:room:room')).toMatchObject([{ type: 'room', room: { deletedAt: chat.clock.now() } }]);
    expect(chat.published('chat:user:ben')).toEqual([{ type: 'roomGone', room: 'room' }]);
    expect(chat.reconsidered).toEqual([{ channel: 'chat:room:room', user: undefined }]);
    expect(chat.eventTypes).toEqual(['chat.room.deleted']);
    for (const name of ['room', 'join', 'messages', 'deleteRoom', 'leave', 'members']) {
      await expect(chat.as('ben')(name, { room: 'room' })).rejects.toThrow('no such room: room');
    }
    const decide = chat.module.channels[0]!.decide;
    const actor = { user: 'ben', system: false, client: undefined, auth: { uid: 'ben' } };
    expect(await decide(actor, 'subscribe', { room: 'room' })).toMatchObject({ allow: false });
  });

  test('is for owners', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', ['ben', 'admin']] });
    await expect(chat.as('ben')('deleteRoom', { room: 'room' })).rejects.toThrow('not allowed');
    await expect(chat.as('cleo')('deleteRoom', { room: 'room' })).rejects.toThrow('no such room');
  });

  test('of many members does not tell each', async () => {
    await using chat = await createChat({ config: { enabled: true, limits: { notifiedMembers: 2 } } });
    await chat.room({ members: ['anna', 'ben', 'cleo'] });
    await chat.as('anna')('deleteRoom', { room: 'room' });
    expect(chat.publications.map(({ channel }) => channel)).toEqual(['chat:room:room']);
  });
});

describe('finding rooms', () => {
  test('open ones, the latest active first, in pages', async () => {
    await using chat = await createChat();
    const kinds = ['public', 'broadcast', 'livestream', 'group', 'direct', 'public'] as const;
    for (const [at, kind] of kinds.entries()) {
      await chat.room({ id: `r${at}`, kind, members: ['anna', 'ben'], row: { last_at: at === 5 ? 1 : 10 + at } });
    }
    await chat.room({ id: 'gone', kind: 'public', row: { last_at: 99, deleted_at: 1 } });
    const cleo = chat.as('cleo');
    const ids = (page: { rooms: { id: string }[] }) => page.rooms.map(({ id }) => id);
    const all = await cleo('findRooms');
    expect(ids(all)).toEqual(['r2', 'r1', 'r0', 'r5']);
    expect(all).not.toHaveProperty('next');
    const first = await cleo('findRooms', { limit: 3 });
    expect(first.next).toEqual({ lastAt: 10, id: 'r0' });
    expect(ids(await cleo('findRooms', { limit: 3, before: first.next }))).toEqual(['r5']);
    expect(ids(await cleo('findRooms', { kind: 'public' }))).toEqual(['r0', 'r5']);
    await expect(cleo('findRooms', { limit: 101 })).rejects.toThrow('too many: limit 101; at most 100');
  });

  test('by a part of the name, taken as it stands, without case', async () => {
    await using chat = await createChat();
    for (const [at, name] of ['Chess Club', '100% fun', '100 fun', 'a_b', 'aXb', String.raw`back\slash`].entries()) {
      await chat.room({ id: `r${at}`, kind: 'public', row: { name } });
    }
    const found = async (query: string) =>
      (await chat.as('anna')('findRooms', { query })).rooms.map(({ name }: { name: string }) => name);
    expect(await found('CLUB')).toEqual(['Chess Club']);
    expect(await found('100%')).toEqual(['100% fun']);
    expect(await found('a_b')).toEqual(['a_b']);
    expect(await found(String.raw`k\s`)).toEqual([String.raw`back\slash`]);
    expect(await found("' or 1=1")).toEqual([]);
  });

  test('passes over those that a rule hides', async () => {
    const auth = types.record('auth', { uid: types.string, tenant: types.string });
    const permissions = { findRoom: 'room.data.tenant == auth.tenant' };
    await using chat = await createChat({ config: { enabled: true, permissions }, parts: { auth } });
    await chat.room({ id: 'a', kind: 'public', row: { data: '{"tenant":"a"}' } });
    await chat.room({ id: 'b', kind: 'public', row: { data: '{"tenant":"b"}' } });
    expect((await chat.as('anna', { tenant: 'b' })('findRooms')).rooms).toMatchObject([{ id: 'b' }]);
    expect((await chat.as('anna')('findRooms')).rooms).toEqual([]);
  });

  test('uses its index', async () => {
    await using chat = await createChat();
    const query = openRooms(chat.chat, { kind: 'public', before: { lastAt: 5, id: 'x' } });
    const plan = await query.limit(10).explain<{ detail: string }>(undefined, sql`query plan`);
    expect(plan.map(({ detail }) => detail).join('; ')).toMatch(/^SEARCH chat_rooms USING INDEX chat_rooms_found/);
  });
});

test('a room is shown with one’s membership; to strangers a closed one is not there', async () => {
  await using chat = await createChat();
  await chat.room({ members: ['anna', 'ben'] });
  expect(await chat.as('ben')('room', { room: 'room' })).toMatchObject({
    room: { id: 'room' },
    membership: { user: 'ben', unread: 0 },
  });
  await expect(chat.as('cleo')('room', { room: 'room' })).rejects.toThrow('no such room: room');
  await expect(chat.as('cleo')('room', { room: 'other' })).rejects.toThrow('no such room: other');
  expect(await chat.system('room', { room: 'room' })).toEqual({ room: expect.objectContaining({ id: 'room' }) });
});
