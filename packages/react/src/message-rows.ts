/**
 * The lines of a list of messages: messages, with the days and the mark "new" between them. They are lines of their own, so
 * that a message keeps its height when older ones are loaded above it, and the reader's place with it.
 */
import type { MessagesView, MessageView } from '@tidings/client';
import { isPicture, picturesHeight } from './picture-shape.ts';

export type MessageRow =
  | { readonly kind: 'day'; readonly key: string; readonly ms: number }
  | { readonly kind: 'new'; readonly key: string }
  | {
      readonly kind: 'message';
      readonly key: string;
      readonly message: MessageView;
      readonly isFirstOfGroup: boolean;
      readonly isLastOfGroup: boolean;
    };

/** Messages of one sender within this time stand together. */
const groupMs = 5 * 60_000;

export interface RowOptions {
  /** A number for the day that a time falls on. */
  readonly dayNumber: (ms: number) => number;
  /**
   * Keys of messages that were the first of what was loaded: they keep their head, though the message above turns out to
   * be of the same sender. It is added to.
   */
  readonly heads: Set<string>;
}

export function messageRows(view: MessagesView, { dayNumber, heads }: RowOptions): readonly MessageRow[] {
  // Hidden ones are there to keep the numbers dense, for nobody to see.
  const messages = view.messages.filter((message) => message.message?.kind !== 'hidden');
  const [first] = messages;
  if (first !== undefined && view.hasBefore) heads.add(first.key);
  const days = messages.map(({ createdAt }) => dayNumber(createdAt));
  const newAt = firstNew(view, messages);
  /** Whether message `i` stands apart from the one above it. */
  const isApart = (i: number): boolean => {
    const [message, above] = [messages[i], messages[i - 1]];
    if (message === undefined || above === undefined || i === newAt || days[i] !== days[i - 1]) return true;
    if (message.sender !== above.sender || heads.has(message.key)) return true;
    if (message.message?.kind === 'system' || above.message?.kind === 'system') return true;
    return message.createdAt - above.createdAt > groupMs;
  };
  const rows: MessageRow[] = [];
  let isFirstOfGroup = isApart(0);
  for (const [i, message] of messages.entries()) {
    const { key, createdAt } = message;
    // Whether the first one begins its day is not known while there are older ones.
    const isNewDay = i === 0 ? !view.hasBefore : days[i] !== days[i - 1];
    if (isNewDay) rows.push({ kind: 'day', key: `day:${key}`, ms: createdAt });
    if (i === newAt) rows.push({ kind: 'new', key: 'new' });
    const isNextApart = isApart(i + 1);
    rows.push({ kind: 'message', key, message, isFirstOfGroup, isLastOfGroup: isNextApart });
    isFirstOfGroup = isNextApart;
  }
  return rows;
}

/** Above what message "new" stands; -1 if it is not among them, or may be further up. */
function firstNew({ firstUnreadSeq, hasBefore }: MessagesView, messages: readonly MessageView[]): number {
  if (firstUnreadSeq === undefined || (hasBefore && (messages[0]?.seq ?? 0) > firstUnreadSeq)) return -1;
  return messages.findIndex(({ seq, isOwn }) => !isOwn && seq !== undefined && seq >= firstUnreadSeq);
}

/**
 * About how high a line is before anybody has measured it, in CSS pixels: the nearer, the less a scroll bar jumps.
 * @param charactersPerLine as many as fit into a bubble.
 */
export function estimateRowHeight(row: MessageRow, charactersPerLine: number): number {
  if (row.kind !== 'message') return 48;
  const { message, isFirstOfGroup } = row;
  let height = isFirstOfGroup ? (message.isOwn ? 50 : 72) : 42;
  height += Math.floor(Math.min(message.text.length, 3000) / charactersPerLine) * 21;
  if (message.replySeq !== undefined) height += 50;
  if (message.reactions.length > 0) height += 34;
  if (message.message?.thread !== undefined) height += 32;
  const pictures = message.attachments.filter(({ contentType }) => isPicture(contentType));
  height += picturesHeight(pictures) + (message.attachments.length - pictures.length) * 60;
  return height;
}

/** Where the message stands, or else the one nearest behind it; -1 if there is none. */
export function rowOfSeq(rows: readonly MessageRow[], seq: number): number {
  return rows.findIndex((row) => row.kind === 'message' && row.message.seq !== undefined && row.message.seq >= seq);
}
