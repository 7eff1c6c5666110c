import { FakeClock } from '@tidings/server/testing';
import { expect, test } from 'vitest';
import type { RoomListItem } from '../publications.ts';
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

/** A room that was opened by its address, before the list of rooms is there. */
async function openByAddress() {
  const context = createScriptedContext(new FakeClock());
  const list = new RoomList(context, {
    ...{ user: () => undefined, wantUser: () => undefined, draft: () => undefined, onLine: () => undefined },
    ...{ onMessage: () => undefined, onGone: () => undefined, onSynced: () => undefined },
  });
  const open = new OpenRoom(context, list, 'r');
  await new Promise((resolve) => setImmediate(resolve));
  context.channels.get('chat:room:r')?.listener.subscribed({ recovered: false, position: { offset: 3, epoch: 'e' } });
  return { open, answer: (value: object) => context.calls.find(({ name }) => name === 'room')?.answer(value) };
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
