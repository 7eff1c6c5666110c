/** How what comes is joined with what a cache has: pure functions, the same for every implementation. */
import type { ChannelPosition } from '../../connection/connection.ts';
import type { Message, RoomListItem } from '../publications.ts';
import { type CachedDraft, type CachedTimeline, maxCachedMessages } from './chat-cache.ts';

export function mergeRoom(old: RoomListItem | undefined, next: RoomListItem): RoomListItem {
  if (!old || next.room.rev >= old.room.rev) return next;
  return { ...old, membership: next.membership };
}

export function mergePosition(old: ChannelPosition | undefined, next: ChannelPosition): ChannelPosition {
  return old && old.epoch === next.epoch && old.offset > next.offset ? old : next;
}

export function mergeDraft(old: CachedDraft | undefined, next: CachedDraft): CachedDraft {
  return old && old.updatedAt > next.updatedAt ? old : next;
}

/** Whether there is something to show, or to save. */
export function isDraftLeft({ text, unsaved }: CachedDraft): boolean {
  return text !== '' || unsaved === true;
}

/** The law is at `ChatCache.putTimeline`. */
export function mergeTimeline(old: CachedTimeline | undefined, next: CachedTimeline): CachedTimeline {
  if (!old || old.position.epoch !== next.position.epoch) return latest(next);
  const [newer, older] = next.position.offset >= old.position.offset ? [next, old] : [old, next];
  const first = newer.messages[0]?.seq ?? Infinity;
  const known = new Map(older.messages.map((message) => [message.seq, message]));
  const messages = newer.messages.map((message) => higher(known.get(message.seq), message));
  const isLevel = older.position.offset === newer.position.offset;
  const before = isLevel ? older.messages.filter(({ seq }) => seq < first) : [];
  return latest({
    position: newer.position,
    messages: [...before, ...messages],
    hasBefore: (before.length > 0 ? older : newer).hasBefore,
    ownReactions: { ...older.ownReactions, ...newer.ownReactions },
  });
}

function higher(old: Message | undefined, next: Message): Message {
  return old && old.rev > next.rev ? old : next;
}

/** Within the bound, and without reactions to what is not there. */
function latest(timeline: CachedTimeline): CachedTimeline {
  const messages = timeline.messages.slice(-maxCachedMessages);
  const { ownReactions } = timeline;
  return {
    position: timeline.position,
    messages,
    hasBefore: timeline.hasBefore || messages.length < timeline.messages.length,
    ownReactions: Object.fromEntries(
      messages.flatMap(({ seq }) => (ownReactions[seq] ? [[seq, ownReactions[seq]]] : [])),
    ),
  };
}
