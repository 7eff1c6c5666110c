import { expect, test } from 'vitest';
import { messagePermissions, writeObstacle } from './permissions.ts';
import { roomView } from './testing/scripted-chat.ts';
import { messageView } from './testing/scripted-timeline.ts';

const own = messageView({ key: '1', seq: 1, sender: 'me', isOwn: true, text: 'x' });
const other = messageView({ key: '2', seq: 2, sender: 'ann', text: 'x' });
const group = roomView({ id: 'r' });
const direct = roomView({ id: 'r', kind: 'direct' });
const as = (role: 'guest' | 'moderator'): typeof group => ({
  ...group,
  ...(group.membership && { membership: { ...group.membership, role } }),
});

test('one edits one’s own, deletes one’s own or as a moderator, and pins as a moderator or between two', () => {
  expect(messagePermissions(own, group)).toMatchObject({ canEdit: true, canDelete: true, canPin: false });
  expect(messagePermissions(other, group)).toMatchObject({ canEdit: false, canDelete: false, canReact: true });
  expect(messagePermissions(other, as('moderator'))).toMatchObject({ canEdit: false, canDelete: true, canPin: true });
  expect(messagePermissions(other, direct)).toMatchObject({ canDelete: false, canPin: true });
});

test('nothing is offered for what is deleted, not sent yet, or in a room that one is not in', () => {
  const { membership: _, ...outside } = group;
  const { seq: __, message: ___, ...unsent } = own;
  for (const [message, room] of [
    [{ ...other, isDeleted: true }, group],
    [unsent, group],
    [other, outside],
  ] as const) {
    expect(Object.values(messagePermissions(message, room))).toEqual([false, false, false, false, false, false]);
  }
});

test('guests read, and in broadcasts and frozen rooms moderators write', () => {
  const frozen = { ...group, room: { ...group.room, frozen: true } };
  expect(writeObstacle(group)).toBeUndefined();
  expect(writeObstacle(as('guest'))).toBe('readOnly');
  expect(writeObstacle({ ...group, kind: 'broadcast' })).toBe('readOnly');
  expect(writeObstacle(frozen)).toBe('frozen');
  expect(writeObstacle({ ...frozen, ...as('moderator'), room: frozen.room })).toBeUndefined();
});
