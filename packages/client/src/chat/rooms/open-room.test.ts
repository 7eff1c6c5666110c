import { FakeClock } from '@tidings/server/testing';
import { expect, test } from 'vitest';
import type { Message, RoomListItem } from '../publications.ts';
import { createScriptedContext } from '../testing/scripted-context.ts';
import { OpenRoom } from './open-room.ts';
import { RoomList } from './room-list.ts';

const room: RoomListItem['room'] = {
  ...{ id: 'r', kind: 'group', name: 'R', createdBy: 'anna', createdAt: 1, memberCount: 2 },
  ...{ lastSeq: 0, lastAt: 1, rev: 3, countable: 0 },
};
const membership: RoomListItem['membership'] = {
  ...{ room: 'r', user: 'me', role: 'member', joinedAt: 1, state: 'member' },
  ...{ readSeq: 0, deliveredSeq: 0, readCountable: 0, unread: 0, mentions: 0 },
};

const message = (seq: number): Message => ({
  ...{ room: 'r', seq, id: `m${seq}`, sender: 'anna', kind: 'text', version: 1, createdAt: seq, rev: seq, text: '' },
});

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
  context.channels.get('chat:room:r')?.listener.subscribed({ recovered: false, position: { offset, epoch: 'e' } });
  const answer = (value: object, to = 'room') => calls.find(({ name }) => name === to)?.answer(value);
  return { open, clock, cache, answer };
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
  const { clock, cache, answer } = await openByAddress({ kept: [message(19), message(20)], offset: 9 });
  await answer({ messages: [message(8), message(9)], hasBefore: true, hasAfter: false, own: [] }, 'messages');
  await clock.advance(2_000);
  expect(await cache.timeline('r')).toMatchObject({ position: { offset: 9 }, messages: [{ seq: 8 }, { seq: 9 }] });
});
