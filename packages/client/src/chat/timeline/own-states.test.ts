import { expect, test } from 'vitest';
import type { Message } from '../publications.ts';
import { OwnStates } from './own-states.ts';

const message = (seq: number, rev: number, extra: Partial<Message> = {}): Message => ({
  ...{ room: 'r', seq, id: `m${seq}`, sender: 'anna', kind: 'text', version: 1, createdAt: seq, rev },
  ...extra,
});

test('the latest holds, whichever comes last; what stays the same stays the same object', () => {
  const own = new OwnStates();
  expect(own.heard(1, 5, { reactions: ['👍'], votes: [] })).toBe(true);
  const { reactions } = own.of(1);
  expect(own.heard(1, 4, { reactions: [], votes: [] })).toBe(false);
  expect(own.heard(1, 6, { reactions: ['👍'], votes: [] })).toBe(false);
  expect(own.of(1).reactions).toBe(reactions);
  expect(own.heard(1, 5, { reactions: [], votes: [] })).toBe(false);
  expect(own.heard(1, 7, { reactions: [], votes: [] })).toBe(true);
});

test('messages of a page without a state beside them have none', () => {
  const own = new OwnStates();
  own.heard(1, 5, { reactions: ['👍'], votes: [] });
  own.heardPage([message(1, 6), message(2, 3)], [{ seq: 2, reactions: [], votes: ['a'] }]);
  expect([own.of(1).reactions, own.of(2).votes]).toEqual([[], ['a']]);
});

test('a message that changed since is in doubt where it could be the user’s doing', () => {
  const own = new OwnStates();
  const reacted = { reactions: { '👍': 1 } };
  own.heard(1, 5, { reactions: [], votes: [] });
  expect(own.isDoubtful(message(1, 5, reacted))).toBe(false);
  expect(own.isDoubtful(message(1, 6, reacted))).toBe(true);
  expect(own.isDoubtful(message(1, 6))).toBe(false);
  own.heard(1, 6, { reactions: ['👍'], votes: [] });
  expect(own.isDoubtful(message(1, 7))).toBe(true);
});
