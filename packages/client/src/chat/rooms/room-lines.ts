/**
 * Lines of the room list, and how what is heard goes into them. Pure. A room and its latest message go by `rev`; what the
 * user has with the room (`membership`) has no revision, so its owner sees to the order. What is unread follows from the
 * two counters, whichever of them moves.
 */
import type { ChatOutput } from '../chat.ts';
import type { Message, ReadState, RoomListItem, Room, UserPublication } from '../publications.ts';
import { newerOf } from '../timeline/stretch.ts';

type Activity = Extract<UserPublication, { type: 'activity' }>;
/** Where a room stands, as `chat.sync` says. */
export type RoomCounters = ChatOutput<'sync'>['rooms'][number];

/** @param isMembershipNew false: what is known of the membership is newer. */
export function mergeLine(known: RoomListItem | undefined, heard: RoomListItem, isMembershipNew = true): RoomListItem {
  if (!known) return heard;
  const room = newerRoom(known.room, heard.room);
  const lastMessage = laterMessage(known.lastMessage, heard.lastMessage);
  const peer = heard.peer ?? known.peer;
  return counted({
    room,
    membership: isMembershipNew ? heard.membership : known.membership,
    ...(lastMessage && { lastMessage }),
    ...(peer !== undefined && { peer }),
  });
}

function newerRoom(known: Room, heard: Room): Room {
  const newer = heard.rev >= known.rev ? heard : known;
  return withCounters(newer, heard.rev >= known.rev ? known : heard);
}

/** Counters only rise, and are heard of before the rest of the room: `rev` says what is known of that. */
function withCounters(room: Room, counters: Pick<Room, 'lastSeq' | 'lastAt' | 'countable'>): Room {
  return {
    ...room,
    lastSeq: Math.max(room.lastSeq, counters.lastSeq),
    lastAt: Math.max(room.lastAt, counters.lastAt),
    countable: Math.max(room.countable, counters.countable),
  };
}

function laterMessage(known: Message | undefined, heard: Message | undefined): Message | undefined {
  if (!known || !heard) return heard ?? known;
  if (known.seq === heard.seq) return newerOf(known, heard);
  return heard.seq > known.seq ? heard : known;
}

export function withActivity(line: RoomListItem, activity: Activity): RoomListItem {
  const moved = { ...line, room: withCounters(line.room, activity) };
  return activity.read ? withRead(moved, activity.read) : counted(moved);
}

/**
 * What `chat.sync` says; the room itself comes with its line.
 * @param isMembershipNew false: what is known of the membership is newer.
 */
export function withSynced(line: RoomListItem, counters: RoomCounters, isMembershipNew: boolean): RoomListItem {
  const { lastSeq = 0, lastAt, countable = 0, unread = 0, readSeq = 0, mentions = 0 } = counters;
  // A publication on the room's channel may have brought its revision without the count.
  const moved = { ...line, room: withCounters(line.room, { lastSeq, lastAt, countable }) };
  if (!isMembershipNew) return counted(moved);
  const { pinned, archived, muteUntil, notify } = counters;
  const { pinned: _, archived: __, muteUntil: ___, notify: ____, ...membership } = line.membership;
  return withRead(
    {
      ...moved,
      membership: {
        ...membership,
        ...(pinned && { pinned }),
        ...(archived && { archived }),
        ...(muteUntil !== undefined && { muteUntil }),
        ...(notify && { notify }),
      },
    },
    { readSeq, readCountable: countable - unread, deliveredSeq: membership.deliveredSeq, mentions, unread },
  );
}

export function withRead(line: RoomListItem, read: Omit<ReadState, 'room'>): RoomListItem {
  const { readSeq, readCountable, deliveredSeq, mentions } = read;
  return counted({ ...line, membership: { ...line.membership, readSeq, readCountable, deliveredSeq, mentions } });
}

/** The user has read up to `seq`, as far as this device can tell how many that leaves. */
export function withReadUpTo(line: RoomListItem, seq: number, unread: number): RoomListItem {
  const { room, membership } = line;
  if (seq <= membership.readSeq) return line;
  return counted({
    ...line,
    membership: {
      ...membership,
      readSeq: seq,
      readCountable: Math.max(membership.readCountable, room.countable - unread),
      deliveredSeq: Math.max(membership.deliveredSeq, seq),
      mentions: unread === 0 ? 0 : membership.mentions,
    },
  });
}

/** A message of the room, new or changed. */
export function withMessage(line: RoomListItem, message: Message, me: string): RoomListItem {
  const { room } = line;
  const isNext = message.seq === room.lastSeq + 1;
  const counters = {
    lastSeq: message.seq,
    lastAt: message.createdAt,
    // If some were not heard of, the count comes with the room's activity.
    countable: room.countable + (isNext && isCountable(message) ? 1 : 0),
  };
  const isListed = message.threadSeq === undefined && message.kind !== 'hidden';
  const lastMessage = isListed ? laterMessage(line.lastMessage, message) : line.lastMessage;
  const moved: RoomListItem = { ...line, room: withCounters(room, counters), ...(lastMessage && { lastMessage }) };
  // Sending reads what stands above.
  const isRead = message.sender === me && message.threadSeq === undefined && isNext;
  return isRead ? withReadUpTo(moved, message.seq, 0) : counted(moved);
}

export function isCountable(message: Message): boolean {
  return !message.silent && message.threadSeq === undefined && message.kind !== 'system' && message.kind !== 'hidden';
}

/** But for what is on a device, which nobody is told of. */
export function isSameMembership(a: RoomListItem, b: RoomListItem): boolean {
  const { deliveredSeq } = a.membership;
  return isSameIn(a.membership, { ...b.membership, deliveredSeq });
}

export function isSameLine(a: RoomListItem, b: RoomListItem): boolean {
  const isSameRest = a.lastMessage === b.lastMessage && a.peer === b.peer;
  return isSameRest && isSameIn(a.room, b.room) && isSameIn(a.membership, b.membership);
}

function isSameIn<T extends object>(a: T, b: T): boolean {
  const keys = Object.keys({ ...a, ...b }) as (keyof T)[];
  return keys.every((key) => a[key] === b[key]);
}

function counted(line: RoomListItem): RoomListItem {
  const { room, membership } = line;
  const unread = membership.state === 'member' ? Math.max(0, room.countable - membership.readCountable) : 0;
  return unread === membership.unread ? line : { ...line, membership: { ...membership, unread } };
}
