import { expect, test } from 'vitest';
import { createChat } from './testing/chat-fixture.ts';

test('says where each room stands, and leaves out what is nothing', async () => {
  await using chat = await createChat();
  await chat.room({ id: 'busy', members: ['anna', 'ben'] });
  await chat.room({ id: 'calm', members: ['anna'] });
  await chat.room({ id: 'foreign', members: ['ben'] });
  for (let at = 0; at < 3; at++) await chat.as('ben')('send', { room: 'busy', text: 'x', mentions: { room: true } });
  await chat.as('anna')('markRead', { room: 'busy', seq: 1 });
  await chat.as('anna')('setDraft', { room: 'calm', text: 'hel' });
  await chat.as('anna')('setProfile', { invisible: true });
  await chat.chat.db.insertInto('chat_blocks').values({ user_id: 'anna', blocked_id: 'eve', created_at: 0 }).execute();
  const at = chat.clock.now();
  const [busy, calm] = [await chat.roomRow('busy'), await chat.roomRow('calm')];
  expect(await chat.as('anna')('sync')).toEqual({
    at,
    rooms: [
      {
        room: 'busy',
        rev: 3,
        epoch: busy.epoch,
        lastSeq: 3,
        lastAt: at,
        countable: 3,
        readSeq: 1,
        unread: 2,
        mentions: 2,
      },
      { room: 'calm', rev: 0, epoch: calm.epoch, lastAt: at },
    ],
    gone: [],
    drafts: [{ room: 'calm', text: 'hel', updatedAt: at }],
    blocks: ['eve'],
    invisible: true,
  });
});

test('says what the user has set for each room', async () => {
  await using chat = await createChat();
  const anna = chat.as('anna');
  for (const id of ['a', 'b', 'c']) await chat.room({ id, members: ['anna'] });
  const until = chat.clock.now() + 1_000;
  await anna('pinRoom', { room: 'a' });
  await anna('archiveRoom', { room: 'b' });
  await anna('muteRoom', { room: 'b', until });
  await anna('setNotify', { room: 'c', notify: 'mentions' });
  await anna('setNotify', { room: 'a', notify: 'all' });
  const { rooms } = (await anna('sync')) as { rooms: { room: string }[] };
  const settings = new Map(rooms.map(({ room, ...rest }) => [room, rest]));
  expect(settings.get('a')).toMatchObject({ pinned: true });
  expect(settings.get('a')).not.toHaveProperty('notify');
  expect(settings.get('b')).toMatchObject({ archived: true, muteUntil: until });
  expect(settings.get('c')).toMatchObject({ notify: 'mentions' });
});

test('says which rooms are gone, and which must be read anew', async () => {
  await using chat = await createChat();
  for (const id of ['kept', 'left', 'deleted', 'pruned', 'restored', 'ahead']) {
    await chat.room({ id, members: ['anna', 'ben'], row: { rev: 10, min_rev: id === 'pruned' ? 5 : 0 } });
  }
  await chat.as('anna')('leave', { room: 'left' });
  await chat.as('anna')('deleteRoom', { room: 'deleted' });
  const epoch = async (id: string) => (await chat.roomRow(id)).epoch;
  const since = {
    rooms: [
      { room: 'kept', rev: 3, epoch: await epoch('kept') },
      { room: 'left', rev: 3 },
      { room: 'deleted', rev: 3 },
      { room: 'never', rev: 3 },
      { room: 'pruned', rev: 4 },
      { room: 'restored', rev: 3, epoch: 'another' },
      { room: 'ahead', rev: 11 },
    ],
  };
  const answer = (await chat.as('anna')('sync', { since })) as {
    rooms: { room: string; reset?: boolean }[];
    gone: string[];
  };
  expect(answer.gone).toEqual(['left', 'deleted', 'never']);
  expect(new Map(answer.rooms.map(({ room, reset }) => [room, reset]))).toEqual(
    new Map([
      ['ahead', true],
      ['kept', undefined],
      ['pruned', true],
      ['restored', true],
    ]),
  );
});

test('of 500 rooms stays below 100 KB, also with many long drafts', async () => {
  await using chat = await createChat();
  for (let at = 0; at < 500; at++) {
    const id = `018bcfe5-6800-7000-8000-${String(at).padStart(12, '0')}`;
    await chat.room({ id, members: ['anna'], row: { last_seq: 54_321, ucount: 43_210, rev: 65_432 } });
  }
  await chat.chat.db
    .updateTable('chat_members')
    .set({ read_seq: 54_000, read_ucount: 43_000, mention_count: 3 })
    .execute();
  const small = JSON.stringify(await chat.as('anna')('sync'));
  expect(Buffer.byteLength(small)).toBeLessThan(100_000);
  const rooms = (JSON.parse(small) as { rooms: { room: string }[] }).rooms.map(({ room }) => room);
  for (const room of rooms.slice(0, 20)) await chat.as('anna')('setDraft', { room, text: 'x'.repeat(5_000) });
  const answer = (await chat.as('anna')('sync')) as { drafts: unknown[]; moreDrafts?: boolean };
  expect(answer.drafts.length).toBeGreaterThan(1);
  expect(answer.moreDrafts).toBe(true);
  expect(JSON.stringify(answer.drafts).length).toBeLessThan(40_000);
});
