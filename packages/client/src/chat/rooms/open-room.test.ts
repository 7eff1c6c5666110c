import { FakeClock } from '@tidings/server/testing';
import { expect, test } from 'vitest';
import { aMessage } from '../cache/testing/cache-values.ts';
import type { Message, RoomListItem } from '../publications.ts';
import { createScriptedContext } from '../testing/scripted-context.ts';
import { OpenRoom } from './open-room.ts';
import { RoomList } from './room-list.ts';

const room: RoomListItem['room'] = {
  ...{ id: 'r', kind: 'group', name: 'R', createdBy: 'ann', createdAt: 1, memberCount: 2 },
  ...{ lastSeq: 0, lastAt: 1, rev: 3, countable: 0 },
};
const membership: RoomListItem['membership'] = {
  ...{ room: 'r', user: 'me', role: 'member', joinedAt: 1, state: 'member' },
  ...{ readSeq: 0, deliveredSeq: 0, readCountable: 0, unread: 0, mentions: 0 },
};

/** A room that was opened by its address, before the list of rooms is there. */
async function openByAddress({ kept = [] as readonly Message[], offset = 3 } = {}) {
  const clock = new FakeClock();
  const context = createScriptedContext(clock);
  const { cache, calls } = context;
  const timeline = { position: { offset: 20, epoch: 'e' }, messages: kept, hasBefore: false, ownReactions: [] };
  if (kept.length > 0) await cache.putTimeline('r', timeline, 'replace');
  const list = new RoomList(context, {
    ...{ user: () => undefined, wantUser: () => undefined, draft: () => undefined, onLine: () => undefined },
    ...{ onMessage: () => undefined, onGone: () => undefined, onSynced: () => undefined },
  });
  const open = new OpenRoom(context, list, 'r');
  await new Promise((resolve) => setImmediate(resolve));
  const reset = (at: number): void =>
    context.channels
      .get('chat:room:r')
      ?.listener.subscribed({ recovered: false, position: { offset: at, epoch: 'e' } });
  reset(offset);
  const answer = (value: object, to = 'room') => calls.find(({ name }) => name === to)?.answer(value);
  const hear = (value: object, at?: number) => context.channels.get('chat:room:r')?.listener.publication(value, at);
  return { open, clock, cache, answer, hear, reset };
}

test('whoever is in a room that was opened by its address is never shown as who is not', async () => {
  const { open, answer } = await openByAddress();
  expect(open.view.get()).toBeUndefined();
  await answer({ room, membership: { ...membership, unread: 2 } });
  expect(open.view.get()).toMatchObject({ title: 'R', unread: 2, membership: { state: 'member' } });
});

test('a room that one looks at without being in it has no membership', async () => {
  const { open, answer } = await openByAddress();
  await answer({ room });
  expect(open.view.get()).toMatchObject({ title: 'R', unread: 0 });
  expect(open.view.get()).not.toHaveProperty('membership');
});

test('after a reset, what was kept goes, also where the server stands behind it: it has lost what came last', async () => {
  const { clock, cache, answer } = await openByAddress({ kept: [aMessage(19), aMessage(20)], offset: 9 });
  await answer({ messages: [aMessage(8), aMessage(9)], hasBefore: true, hasAfter: false, own: [] }, 'messages');
  await clock.advance(2_000);
  expect(await cache.timeline('r')).toMatchObject({ position: { offset: 9 }, messages: [{ seq: 8 }, { seq: 9 }] });
});

test('for a reader in the past, who sends has read what stands above, and who edits has not', async () => {
  const { open, answer, hear } = await openByAddress();
  const own = { hasBefore: true, own: [] };
  await answer({ ...own, messages: [aMessage(99), aMessage(100)], hasAfter: false }, 'messages');
  await answer({ receipts: [{ user: 'ann', readSeq: 90, deliveredSeq: 100 }], hasMore: false }, 'receipts');
  const jump = open.main.jumpTo(2);
  await answer({ ...own, messages: [aMessage(1), aMessage(2)], hasAfter: true }, 'messages');
  await jump;
  const read = () => open.receipts.view.get().read.get('ann');
  hear({ type: 'message', message: { ...aMessage(100), version: 2, rev: 120 } }, 120);
  expect(read()).toBe(90);
  hear({ type: 'message', message: { ...aMessage(101), rev: 121 } }, 121);
  expect(read()).toBe(101);
  hear({ type: 'receipts', read: { ann: 95 } });
  hear({ type: 'message', message: { ...aMessage(101), version: 2, rev: 122 } }, 122);
  expect(read()).toBe(95);
});

test('after a reset in the past it is not known what is new at the end: receipts are read again', async () => {
  const { open, answer, hear, reset, clock } = await openByAddress();
  await answer({ messages: [aMessage(99), aMessage(100)], hasBefore: true, hasAfter: false, own: [] }, 'messages');
  const past = { messages: [aMessage(1), aMessage(2)], hasBefore: false, hasAfter: true, own: [] };
  const jump = open.main.jumpTo(2);
  await answer(past, 'messages');
  await jump;
  reset(200);
  await answer(past, 'messages');
  await answer({ receipts: [{ user: 'ann', readSeq: 90, deliveredSeq: 100 }], hasMore: false }, 'receipts');
  await answer({ receipts: [{ user: 'ann', readSeq: 90, deliveredSeq: 100 }], hasMore: false }, 'receipts');
  hear({ type: 'message', message: { ...aMessage(110), version: 2, rev: 201 } }, 201);
  expect(open.receipts.view.get().read.get('ann')).toBe(90);
  await clock.advance(500);
  await answer({ receipts: [{ user: 'ann', readSeq: 91, deliveredSeq: 100 }], hasMore: false }, 'receipts');
  expect(open.receipts.view.get().read.get('ann')).toBe(91);
});
