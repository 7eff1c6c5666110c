import { expect, test } from 'vitest';
import type { Message } from '../publications.ts';
import { applyChange, OptimisticChanges } from './optimistic-changes.ts';

const message: Message = {
  ...{ room: 'r', seq: 1, id: 'm1', sender: 'anna', kind: 'text', version: 1, createdAt: 1, rev: 5, text: 'hello' },
  reactions: { '👍': 2, '🎉': 1 },
};
const nothing = { reactions: [], votes: [] };

test('a reaction is counted once, whichever comes first, publication or answer', () => {
  const change = { kind: 'react', emoji: '👍', isOn: true, count: 2 } as const;
  const shown = applyChange({ message, own: nothing }, change);
  expect(shown.message.reactions).toEqual({ '👍': 3, '🎉': 1 });
  expect(shown.own.reactions).toEqual(['👍']);
  const published = { ...message, reactions: { '👍': 3, '🎉': 1 } };
  expect(applyChange({ message: published, own: nothing }, change).message.reactions).toEqual({ '👍': 3, '🎉': 1 });
});

test('a reaction that is taken back leaves no emoji without people, and others where they were', () => {
  const change = { kind: 'react', emoji: '🎉', isOn: false, count: 1 } as const;
  const shown = applyChange({ message, own: { reactions: ['🎉'], votes: [] } }, change);
  expect(shown.message.reactions).toEqual({ '👍': 2 });
  expect(shown.own.reactions).toEqual([]);
});

test('an edit stands until the server has a later version; a tombstone stays one', () => {
  const change = { kind: 'edit', text: 'mine', version: 1, at: 9 } as const;
  expect(applyChange({ message, own: nothing }, change).message).toMatchObject({ text: 'mine', editedAt: 9 });
  const later = { ...message, version: 2, text: 'theirs' };
  expect(applyChange({ message: later, own: nothing }, change).message.text).toBe('theirs');
  const gone = { ...message, deletedAt: 3 };
  expect(applyChange({ message: gone, own: nothing }, change).message).toBe(gone);
});

test('a deleted message says nothing any more', () => {
  const { message: gone } = applyChange({ message, own: nothing }, { kind: 'delete', at: 9 });
  expect(gone).toEqual({
    ...{ room: 'r', seq: 1, id: 'm1', sender: 'anna', kind: 'text', version: 1, createdAt: 1, rev: 5 },
    deletedAt: 9,
  });
});

test('a vote moves the counts of what was chosen before and is chosen now', () => {
  const options = [
    { id: 'a', text: 'A', votes: 3 },
    { id: 'b', text: 'B', votes: 0 },
  ];
  const poll = { ...message, poll: { question: '?', options, voters: 3 } };
  const change = { kind: 'vote', options: ['b'], rev: 5 } as const;
  const shown = applyChange({ message: poll, own: { reactions: [], votes: ['a'] } }, change);
  expect(shown.message.poll).toMatchObject({ options: [{ votes: 2 }, { votes: 1 }], voters: 3 });
  expect(shown.own.votes).toEqual(['b']);
  const counted = applyChange({ message: { ...poll, rev: 6 }, own: nothing }, change);
  expect(counted.message.poll).toMatchObject({ options: [{ votes: 3 }, { votes: 0 }] });
});

test('changes lie on top of each other, and each goes when its work has ended', async () => {
  let told = 0;
  const changes = new OptimisticChanges(() => told++);
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const one = changes.during(1, { kind: 'pin', at: 1 }, () => first.promise);
  const two = changes.during(1, { kind: 'delete', at: 2 }, () => second.promise);
  expect(changes.of(1).map(({ kind }) => kind)).toEqual(['pin', 'delete']);
  expect(changes.of(1)).toBe(changes.of(1));
  first.reject(new Error('refused'));
  await expect(one).rejects.toThrow('refused');
  expect(changes.of(1).map(({ kind }) => kind)).toEqual(['delete']);
  second.resolve();
  await two;
  expect([changes.of(1), told]).toEqual([[], 4]);
});
