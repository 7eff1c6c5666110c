/** Rooms, messages and timelines as a server would answer them, for tests of caches. */
import type { Message, RoomListItem } from '../../publications.ts';
import type { CachedTimeline } from '../chat-cache.ts';

export function aMessage(seq: number, { rev = seq, text = `message ${seq}` } = {}): Message {
  return {
    room: 'r',
    seq,
    id: `id-${seq}`,
    sender: 'ann',
    kind: 'text',
    text,
    version: 1,
    createdAt: 1_000 + seq,
    rev,
  };
}

export function aRoom(id: string, { rev = 1, readSeq = 0 } = {}): RoomListItem {
  const counts = { lastSeq: rev, lastAt: rev, rev, countable: rev, memberCount: 2 };
  return {
    room: { id, kind: 'group', name: `${id} at ${rev}`, createdBy: 'ann', createdAt: 1, ...counts },
    membership: {
      ...{ room: id, user: 'ann', role: 'owner', joinedAt: 1, state: 'member' },
      ...{ readSeq, deliveredSeq: readSeq, readCountable: readSeq, unread: rev - readSeq, mentions: 0 },
    },
    lastMessage: { ...aMessage(rev), room: id },
  };
}

/** The messages `from` to `to`, at revision `offset`. */
export function aTimeline(
  from: number,
  to: number,
  { offset = to, epoch = 'e', hasBefore = from > 1 } = {},
): CachedTimeline {
  const messages = Array.from({ length: to - from + 1 }, (_, at) => aMessage(from + at));
  return { position: { offset, epoch }, messages, hasBefore, ownReactions: {} };
}

export function seqs(timeline: CachedTimeline | undefined): number[] {
  return (timeline?.messages ?? []).map(({ seq }) => seq);
}
