import { FakeClock } from '@tidings/server/testing';
import { expect, test } from 'vitest';
import { TidingsError } from '../../error.ts';
import type { ReadState, RoomListItem } from '../publications.ts';
import { createScriptedContext } from '../testing/scripted-context.ts';
import { RoomList } from './room-list.ts';

type Own = Partial<RoomListItem['membership']>;

const line = (id: string, room: Partial<RoomListItem['room']> = {}, own: Own = {}): RoomListItem => ({
  room: {
    ...{ id, kind: 'group', name: id, createdBy: 'anna', createdAt: 1, memberCount: 2 },
    ...{ lastSeq: 5, lastAt: 50, rev: 7, countable: 5, ...room },
  },
  membership: {
    ...{ room: id, user: 'me', role: 'member', joinedAt: 1, state: 'member' },
    ...{ readSeq: 5, deliveredSeq: 5, readCountable: 5, unread: 0, mentions: 0, ...own },
  },
});

const read = (room: string, readSeq: number): ReadState => ({
  ...{ room, readSeq, readCountable: readSeq, deliveredSeq: 5, unread: 5 - readSeq, mentions: 0 },
});

const counters = (room: string, more: object = {}) => ({
  ...{ room, rev: 7, epoch: 'e', lastSeq: 5, lastAt: 50, countable: 5, readSeq: 5, ...more },
});

const snapshot = (...rooms: object[]) => ({ at: 0, rooms, gone: [], drafts: [], blocks: [], invisible: false });

function create(...lines: RoomListItem[]) {
  const clock = new FakeClock();
  const context = createScriptedContext(clock);
  const gone: string[] = [];
  const list = new RoomList(context, {
    ...{ user: () => undefined, wantUser: () => undefined, draft: () => undefined, onLine: () => undefined },
    ...{ onMessage: () => undefined, onGone: (room) => gone.push(room), onSynced: () => undefined },
  });
  list.recall(lines);
  const ids = (): string[] => {
    list.show();
    return list.rooms.get().rooms.map(({ id }) => id);
  };
  return { clock, context, list, gone, ids };
}

test('an empty device: one sync, the lines in one call, the latest first', async () => {
  const { list, context, clock, ids } = create();
  expect(list.rooms.get().status).toBe('loading');
  list.live(false);
  expect(context.calls).toMatchObject([{ name: 'sync' }]);
  await context.calls[0]!.answer(snapshot(counters('old', { lastAt: 10 }), counters('new', { lastAt: 90 })));
  await clock.advance(0);
  expect(context.calls).toMatchObject([{ name: 'rooms', input: { rooms: ['new', 'old'] } }]);
  await context.calls[0]!.answer({ rooms: [line('new', { lastAt: 90 }), line('old', { lastAt: 10 })] });
  expect(ids()).toEqual(['new', 'old']);
  expect(list.rooms.get().status).toBe('live');
});

test('what is as the server has it is not asked for; what is gone goes', async () => {
  const { list, context, gone, ids, clock } = create(line('same'), line('moved'), line('gone'));
  expect(list.rooms.get().status).toBe('cached');
  list.live(false);
  const same = counters('same', { readSeq: 3, countable: 5, unread: 2, pinned: true });
  await context.calls[0]!.answer(snapshot(same, counters('moved', { rev: 9 })));
  await clock.advance(0);
  expect(context.calls).toMatchObject([{ input: { rooms: ['moved'] } }]);
  expect([ids(), gone]).toEqual([['same', 'moved'], ['gone']]);
  expect(list.line('same')?.membership).toMatchObject({ unread: 2, pinned: true, readSeq: 3 });
});

test('a sync brings the count of a room whose revision came without it, by who came or went', async () => {
  const { list, context, clock } = create(
    line('room', { rev: 6, countable: 4, lastSeq: 4 }, { readSeq: 4, readCountable: 4 }),
  );
  list.counted('room', 3, 7);
  list.live(false);
  await context.calls[0]!.answer(snapshot(counters('room', { readSeq: 4, unread: 1 })));
  await clock.advance(0);
  expect(context.calls).toEqual([]);
  expect(list.line('room')).toMatchObject({ room: { countable: 5, lastSeq: 5 }, membership: { unread: 1 } });
});

test('what is heard while the sync is on its way is newer', async () => {
  const { list, context, ids } = create(line('left'), line('read'));
  list.live(false);
  list.told(line('new'));
  list.gone('left');
  list.read(read('read', 2));
  await context.calls[0]!.answer(snapshot(counters('left'), counters('read', { rev: 7 })));
  expect(ids()).toContain('new');
  expect(list.line('read')?.membership.readSeq).toBe(2);
});

test('what counts a room rises with the sync also where something was heard of it meanwhile', async () => {
  const { list, context } = create(line('read', {}, { readSeq: 2, readCountable: 2, unread: 3 }));
  list.live(false);
  list.read(read('read', 4));
  await context.calls[0]!.answer(snapshot(counters('read', { lastSeq: 9, countable: 9, lastAt: 90, readSeq: 2 })));
  expect(list.line('read')).toMatchObject({
    room: { lastSeq: 9, countable: 9, lastAt: 90 },
    membership: { readSeq: 4, unread: 5 },
  });
});

test('a room that moves on while the sync is on its way stays; one that the server has lost, or made anew, goes', async () => {
  const { list, context, gone } = create(line('moves'), line('lost'));
  list.read(read('lost', 2));
  list.live(false);
  list.counted('moves', 3, 8);
  await context.calls[0]!.answer(snapshot(counters('moves'), counters('lost', { rev: 3 })));
  expect(gone).toEqual(['lost']);
  expect(list.line('moves')?.room).toMatchObject({ memberCount: 3, rev: 8 });
});

test('what is missed while a sync is on its way is looked for by another one', async () => {
  const { list, context } = create(line('r'));
  list.live(false);
  const [first] = context.calls;
  list.live(false);
  expect(context.calls).toHaveLength(1);
  await first!.answer(snapshot(counters('r')));
  expect([list.isCurrent, context.calls]).toMatchObject([false, [{ name: 'sync' }]]);
  await context.calls[0]!.answer(snapshot(counters('r', { lastSeq: 6, countable: 6, unread: 1 })));
  expect([list.isCurrent, list.line('r')?.membership.unread]).toEqual([true, 1]);
});

test('a sync that brings nothing new changes no line, and writes none', async () => {
  const { list, context } = create(line('r'));
  const before = list.view('r');
  list.live(false);
  await context.calls[0]!.answer(snapshot(counters('r')));
  list.close();
  expect(list.view('r')).toBe(before);
  expect((await context.cache.load()).rooms).toEqual([]);
});

test('a line that is answered late leaves what was heard meanwhile, and is asked for again', async () => {
  const { list, context, clock } = create(line('r'));
  list.live(true);
  list.want('r');
  await clock.advance(0);
  list.told(line('r', {}, { pinned: true }));
  await context.calls[0]!.answer({ rooms: [line('r', { name: 'new', rev: 8 })] });
  expect(list.line('r')).toMatchObject({ room: { name: 'new' }, membership: { pinned: true } });
  await clock.advance(200);
  expect(context.calls).toMatchObject([{ input: { rooms: ['r'] } }]);
  await context.calls[0]!.answer({ rooms: [] });
  expect(list.line('r')).toBeUndefined();
});

test('an answer of a command that was overtaken changes nothing; one that was not, does', async () => {
  const { list, clock, context } = create(line('r'));
  list.live(true);
  const late = Promise.withResolvers<RoomListItem>();
  const answered = list.answered('r', late.promise);
  list.told(line('r', {}, { pinned: true, archived: true }));
  late.resolve(line('r', {}, { pinned: true }));
  await answered;
  expect(list.line('r')?.membership).toMatchObject({ pinned: true, archived: true });
  await clock.advance(0);
  expect(context.calls).toMatchObject([{ name: 'rooms', input: { rooms: ['r'] } }]);
  await context.calls[0]!.answer({ rooms: [line('r', {}, { pinned: true, archived: true })] });
  await list.answered('r', Promise.resolve(line('r')));
  expect(list.line('r')?.membership.pinned).toBeUndefined();
});

test('reading is shown at once, and taken back if the server refuses', async () => {
  const { list, context, clock } = create(line('r', {}, { readSeq: 2, readCountable: 2, unread: 3 }));
  list.live(true);
  const marked = list.marked('r', 5, 0, () => Promise.reject(new TidingsError(611, 'banned')));
  expect(list.line('r')?.membership.unread).toBe(0);
  await expect(marked).rejects.toMatchObject({ code: 611 });
  await clock.advance(0);
  expect(context.calls).toMatchObject([{ name: 'rooms', input: { rooms: ['r'] } }]);
});

test('badges: muted and archived rooms are not counted, and a mute ends by itself', async () => {
  const unread = { readSeq: 2, readCountable: 2, unread: 3, mentions: 1 };
  const { list, clock } = create();
  list.recall([
    line('loud', {}, unread),
    line('muted', {}, { ...unread, muteUntil: -1 }),
    line('for a while', {}, { ...unread, muteUntil: clock.now() + 1_000 }),
    line('away', {}, { ...unread, archived: true }),
  ]);
  expect(list.unread.get()).toEqual({ messages: 3, mentions: 1, rooms: 1 });
  expect(list.rooms.get().archived.map(({ id }) => id)).toEqual(['away']);
  await clock.advance(1_000);
  expect(list.unread.get()).toEqual({ messages: 6, mentions: 2, rooms: 2 });
});
