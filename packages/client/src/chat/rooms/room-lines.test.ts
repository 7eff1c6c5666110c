import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Message, RoomListItem } from '../publications.ts';
import { isCountable, mergeLine, withActivity, withMessage, withRead, withReadUpTo } from './room-lines.ts';

const line = (
  room: Partial<RoomListItem['room']> = {},
  own: Partial<RoomListItem['membership']> = {},
): RoomListItem => ({
  room: {
    ...{ id: 'r', kind: 'group', createdBy: 'anna', createdAt: 1, memberCount: 2 },
    ...{ lastSeq: 10, lastAt: 100, rev: 12, countable: 9, ...room },
  },
  membership: {
    ...{ room: 'r', user: 'me', role: 'member', joinedAt: 1, state: 'member' },
    ...{ readSeq: 10, deliveredSeq: 10, readCountable: 9, unread: 0, mentions: 0, ...own },
  },
});

const message = (seq: number, extra: Partial<Message> = {}): Message => ({
  ...{ room: 'r', seq, id: `m${seq}`, sender: 'anna', kind: 'text', version: 1, createdAt: seq * 10, rev: seq + 2 },
  ...extra,
});

const activity = (lastSeq: number, countable: number) =>
  ({ type: 'activity', room: 'r', rev: lastSeq + 2, lastSeq, lastAt: lastSeq * 10, countable }) as const;

test('activity and messages say the same, in any order and twice: what is unread is counted once', () => {
  const steps = [1, 2, 3].flatMap((n) => [
    { do: 'message' as const, seq: 10 + n },
    { do: 'activity' as const, seq: 10 + n },
  ]);
  fc.assert(
    fc.property(fc.shuffledSubarray([...steps, ...steps], { minLength: 12 }), (order) => {
      const end = order.reduce(
        (known, { do: what, seq }) =>
          what === 'message' ? withMessage(known, message(seq), 'me') : withActivity(known, activity(seq, seq - 1)),
        line(),
      );
      expect(end.membership).toMatchObject({ unread: 3 });
      expect(end.room).toMatchObject({ lastSeq: 13, countable: 12, lastAt: 130 });
      expect(end.lastMessage?.seq).toBe(13);
    }),
  );
});

test('one’s own message reads what stands above; silent ones, replies and the system are not counted', () => {
  const own = withMessage(line({ countable: 11 }, {}), message(11, { sender: 'me' }), 'me');
  expect(own.membership).toMatchObject({ readSeq: 11, unread: 0 });
  for (const extra of [{ silent: true }, { threadSeq: 3 }, { kind: 'system' as const }, { kind: 'hidden' as const }]) {
    expect(isCountable(message(11, extra))).toBe(false);
    expect(withMessage(line(), message(11, extra), 'me').membership.unread).toBe(0);
  }
  expect(withMessage(line(), message(11, { threadSeq: 3 }), 'me').lastMessage).toBeUndefined();
});

test('of two lines the one with the higher revision stays, and its counters never fall', () => {
  const old = line({ rev: 11, name: 'old', lastSeq: 9, countable: 8 });
  const now = line({ rev: 12, name: 'new' });
  expect(mergeLine(now, old).room).toMatchObject({ name: 'new', lastSeq: 10, countable: 9, rev: 12 });
  expect(mergeLine(old, now).room).toMatchObject({ name: 'new', lastSeq: 10, countable: 9 });
  const known = line({}, { pinned: true });
  expect(mergeLine(known, line(), false).membership.pinned).toBe(true);
  expect(mergeLine(known, line()).membership.pinned).toBeUndefined();
});

test('an edit of the latest message is shown, one of an older message is not', () => {
  const known = withMessage(line(), message(11, { text: 'a' }), 'me');
  expect(withMessage(known, message(11, { text: 'b', rev: 20 }), 'me').lastMessage?.text).toBe('b');
  expect(withMessage(known, message(10, { text: 'c', rev: 21 }), 'me').lastMessage?.text).toBe('a');
});

test('reading goes up only; read elsewhere, also down', () => {
  const unread = line({ countable: 15, lastSeq: 16 }, { mentions: 2 });
  expect(withReadUpTo(unread, 16, 0).membership).toMatchObject({ unread: 0, mentions: 0, readSeq: 16 });
  expect(withReadUpTo(unread, 14, 2).membership).toMatchObject({ unread: 2, mentions: 2, readSeq: 14 });
  expect(withReadUpTo(unread, 9, 7)).toBe(unread);
  const back = withRead(unread, { readSeq: 3, readCountable: 2, deliveredSeq: 10, unread: 13, mentions: 1 });
  expect(back.membership).toMatchObject({ readSeq: 3, unread: 13, mentions: 1 });
});
