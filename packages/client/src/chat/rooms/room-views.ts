/** Lines of the room list as they are shown: made once for each change, put in order, and added up. Pure. */
import type { Draft, RoomListItem, User } from '../publications.ts';
import type { RoomsView, RoomView, UnreadView } from '../views.ts';

/** Everything that one view is made of. */
export interface RoomParts {
  readonly line: RoomListItem;
  readonly peer: User | undefined;
  readonly draft: Draft | undefined;
  readonly isMuted: boolean;
}

interface Made {
  readonly parts: RoomParts;
  readonly view: RoomView;
}

export class RoomViews {
  #made = new Map<string, Made>();

  of(parts: RoomParts): RoomView {
    const { id } = parts.line.room;
    const made = this.#made.get(id);
    if (made && isSame(made.parts, parts)) return made.view;
    const view = toRoomView(parts);
    this.#made.set(id, { parts, view });
    return view;
  }

  forget(id: string): void {
    this.#made.delete(id);
  }
}

function isSame(a: RoomParts, b: RoomParts): boolean {
  return a.line === b.line && a.peer === b.peer && a.draft === b.draft && a.isMuted === b.isMuted;
}

export function toRoomView({ line, peer, draft, isMuted }: RoomParts): RoomView {
  const { room, membership, lastMessage } = line;
  return {
    id: room.id,
    kind: room.kind,
    title: room.kind === 'direct' ? (peer?.name ?? line.peer ?? '') : (room.name ?? ''),
    ...(line.peer !== undefined && { peer: line.peer }),
    room,
    membership,
    ...(lastMessage && { lastMessage }),
    lastAt: room.lastAt,
    unread: membership.unread,
    mentions: membership.mentions,
    isPinned: membership.pinned === true,
    isArchived: membership.archived === true,
    isMuted,
    isInvited: membership.state === 'invited',
    ...(draft && { draft }),
  };
}

/** Pinned first, then the latest active; of equals always the same order. */
export function inOrder(views: readonly RoomView[]): readonly RoomView[] {
  return views.toSorted(
    (a, b) =>
      Number(b.isPinned) - Number(a.isPinned) || b.lastAt - a.lastAt || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0),
  );
}

/** The same list as before if it has the same in it. */
export function sameList<T>(before: readonly T[], now: readonly T[]): readonly T[] {
  return before.length === now.length && now.every((item, at) => item === before[at]) ? before : now;
}

export function toUnread({ rooms }: RoomsView, before: UnreadView): UnreadView {
  const sum = { messages: 0, mentions: 0, rooms: 0 };
  for (const { unread, mentions, isMuted } of rooms) {
    if (isMuted || unread + mentions === 0) continue;
    sum.messages += unread;
    sum.mentions += mentions;
    sum.rooms++;
  }
  const isSameSum = before.messages === sum.messages && before.mentions === sum.mentions && before.rooms === sum.rooms;
  return isSameSum ? before : sum;
}
