import type { MessagesView, MessageView } from '@tidings/client';
import { expect, test } from 'vitest';
import { estimateRowHeight, messageRows, rowOfSeq } from './message-rows.ts';
import { messageView } from './testing/scripted-timeline.ts';

const day = 86_400_000;
const dayNumber = (ms: number): number => Math.floor(ms / day);

function view(messages: readonly MessageView[], change: Partial<MessagesView> = {}): MessagesView {
  return {
    messages,
    hasBefore: false,
    hasAfter: false,
    status: 'live',
    isLoadingBefore: false,
    isLoadingAfter: false,
    ...change,
  };
}

const say = (seq: number, sender: string, createdAt: number): MessageView =>
  messageView({ key: `m${seq}`, seq, sender, createdAt, text: 'x' });

/** Rows in short: `day`, `new`, or the seq with `^` where a group begins and `$` where it ends. */
function short(messages: MessagesView, heads = new Set<string>()): string {
  return messageRows(messages, { dayNumber, heads })
    .map((row) =>
      row.kind === 'message'
        ? `${row.isFirstOfGroup ? '^' : ''}${row.message.seq}${row.isLastOfGroup ? '$' : ''}`
        : row.kind,
    )
    .join(' ');
}

test('messages of one sender stand together, until a pause, a day or somebody else', () => {
  const minute = 60_000;
  const messages = [
    say(1, 'ann', 0),
    say(2, 'ann', minute),
    say(3, 'ann', 8 * minute),
    say(4, 'ben', 8 * minute),
    say(5, 'ben', day),
  ];
  expect(short(view(messages))).toBe('day ^1 2$ ^3$ ^4$ day ^5$');
});

test('"new" stands above the first unread message of somebody else, and breaks the group', () => {
  const messages = [say(1, 'ann', 0), say(2, 'ann', 1), { ...say(3, 'me', 2), isOwn: true }, say(4, 'ann', 3)];
  expect(short(view(messages, { firstUnreadSeq: 2 }))).toBe('day ^1$ new ^2$ ^3$ ^4$');
  expect(short(view(messages, { firstUnreadSeq: 3 }))).toBe('day ^1 2$ ^3$ new ^4$');
  expect(short(view(messages.slice(1), { firstUnreadSeq: 1, hasBefore: true }))).toBe('^2$ ^3$ ^4$');
});

test('what is loaded above changes nothing of the rows that were there', () => {
  const messages = Array.from({ length: 6 }, (_, i) => say(i + 1, 'ann', i * 1000));
  const heads = new Set<string>();
  const rows = (from: number): readonly string[] =>
    messageRows(view(messages.slice(from), { hasBefore: from > 0 }), { dayNumber, heads })
      .filter((row) => row.kind === 'message')
      .map((row) => `${row.key}${row.isFirstOfGroup}`);
  const before = rows(3);
  expect(rows(0).slice(-before.length)).toEqual(before);
});

test('hidden messages are no rows', () => {
  const hidden = say(2, '', 1);
  const message = hidden.message && { ...hidden.message, kind: 'hidden' as const };
  const messages = [say(1, 'ann', 0), { ...hidden, ...(message && { message }) }, say(3, 'ann', 2)];
  expect(short(view(messages))).toBe('day ^1 3$');
});

test('a row is found by seq, or the next one where it is gone', () => {
  const rows = messageRows(view([say(1, 'ann', 0), say(4, 'ann', 1)]), { dayNumber, heads: new Set() });
  expect([1, 2, 4, 5].map((seq) => rowOfSeq(rows, seq))).toEqual([1, 2, 2, -1]);
});

test('longer text, reactions and files are estimated higher', () => {
  const height = (change: Partial<MessageView>): number => {
    const [, row] = messageRows(view([{ ...say(1, 'ann', 0), ...change }]), { dayNumber, heads: new Set() });
    return row === undefined ? 0 : estimateRowHeight(row, 60);
  };
  const plain = height({});
  expect(height({ text: 'x'.repeat(600) })).toBeGreaterThan(plain);
  expect(height({ reactions: [{ emoji: '👍', count: 1, isOwn: false }] })).toBeGreaterThan(plain);
});
