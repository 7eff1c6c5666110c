/**
 * A user's rooms: those that are pinned first, then the one with the latest message. Keys of all rooms are sorted, the
 * rows of one page are read.
 *
 * The next page begins behind the last room of the one before, so rooms that stay where they are come once each. A room
 * that gets a message meanwhile moves to the front, and the user is told of it on their own channel.
 */
import { sql } from 'kysely';
import type { ModuleActor } from '../module.ts';
import { actingUser } from './acting-user.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { MessageRow, RoomRow } from './chat-writer.ts';
import { pageLimit } from './message-pages.ts';
import type { RoomListItem } from './model.ts';
import { readBans } from './readable-rooms.ts';
import { isListed, readListed, toRoomListItem } from './room-list-item.ts';
import { rowKey } from './row-cache.ts';

export const roomFilters = ['all', 'unread', 'archived', 'pinned', 'direct'] as const;
export type RoomFilter = (typeof roomFilters)[number];

export interface RoomListInput {
  /** All but `archived` leave out archived rooms. */
  readonly filter?: RoomFilter | undefined;
  /** `next` of the page before. */
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
  /** Only these lines, for one who refreshes them; goes with nothing else. */
  readonly rooms?: readonly string[] | undefined;
}

export interface RoomListPage {
  readonly rooms: RoomListItem[];
  /** For `after` of the next page; absent on the last. */
  readonly next?: string;
}

/** @throws ChatError invalid, tooMany. */
export async function listRooms(chat: Chat, actor: ModuleActor, input: RoomListInput): Promise<RoomListPage> {
  const { rooms, ...others } = input;
  if (rooms) {
    if (Object.values(others).some((value) => value !== undefined)) {
      throw new ChatError('invalid', '`rooms` goes without filter, after and limit');
    }
    actingUser(actor);
    return { rooms: await readItems(chat, actor, [...new Set(rooms)]) };
  }
  const limit = pageLimit(chat, input.limit);
  const keys = await readKeys(chat, actingUser(actor), input, limit + 1);
  const page = keys.slice(0, limit);
  const last = page.at(-1);
  return {
    rooms: await readItems(
      chat,
      actor,
      page.map(({ room_id }) => room_id),
    ),
    ...(keys.length > limit && last && { next: `${last.pinned}.${last.last_at}.${last.room_id}` }),
  };
}

/**
 * Lines of the list as they are now, in the order asked; rooms the actor is neither a member of nor invited to are left
 * out.
 */
export async function readItems(chat: Chat, actor: ModuleActor, ids: readonly string[]): Promise<RoomListItem[]> {
  if (ids.length === 0) return [];
  const [isBanned, rooms, members] = await Promise.all([
    readBans(chat, actor),
    chat.db.selectFrom('chat_rooms').selectAll().where('id', 'in', ids).where('deleted_at', 'is', null).execute(),
    chat.db
      .selectFrom('chat_members')
      .selectAll()
      .where('room_id', 'in', ids)
      .where('user_id', '=', actor.user)
      .where('state', 'in', ['member', 'invited'])
      .execute(),
  ]);
  const roomOf = new Map(rooms.map((room) => [room.id, room]));
  const memberOf = new Map(members.map((member) => [member.room_id, member]));
  const lines = ids.flatMap((id) => {
    const [room, member] = [roomOf.get(id), memberOf.get(id)];
    return room && member ? [{ room, member }] : [];
  });
  const readable = lines
    .filter((line) => !isBanned(line.room.id) && chat.permissions.allows('readRoom', actor, line))
    .map(({ room }) => room);
  const latest = await latestMessages(chat, actor, readable);
  return lines.map(({ room, member }) => toRoomListItem(room, member, latest.get(room.id)));
}

interface Key {
  readonly room_id: string;
  readonly pinned: number;
  readonly last_at: number;
}

function readKeys(
  { db }: Chat,
  user: string,
  { filter = 'all', after }: RoomListInput,
  limit: number,
): Promise<readonly Key[]> {
  let query = db
    .selectFrom('chat_members as member')
    .innerJoin('chat_rooms as room', 'room.id', 'member.room_id')
    .select(['member.room_id', 'member.pinned', 'room.last_at'])
    .where('member.user_id', '=', user)
    .where('member.state', 'in', filter === 'unread' ? ['member'] : ['member', 'invited'])
    .where('member.archived', '=', filter === 'archived' ? 1 : 0)
    .where('room.deleted_at', 'is', null)
    .orderBy('member.pinned', 'desc')
    .orderBy('room.last_at', 'desc')
    .orderBy('member.room_id', 'desc')
    .limit(limit);
  if (filter === 'pinned') query = query.where('member.pinned', '=', 1);
  if (filter === 'direct') query = query.where('room.kind', '=', 'direct');
  if (filter === 'unread') {
    query = query.where((eb) =>
      eb.or([eb('room.ucount', '>', eb.ref('member.read_ucount')), eb('member.mention_count', '>', 0)]),
    );
  }
  if (after !== undefined) {
    const key = readCursor(after);
    query = query.where((eb) =>
      eb(
        eb.refTuple('member.pinned', 'room.last_at', 'member.room_id'),
        '<',
        eb.tuple(key.pinned, key.last_at, key.room_id),
      ),
    );
  }
  return query.execute();
}

function readCursor(text: string): { pinned: 0 | 1; last_at: number; room_id: string } {
  const match = /^([01])\.(\d{1,15})\.(.+)$/s.exec(text);
  if (!match) throw new ChatError('invalid', 'after: the `next` of an earlier page');
  return { pinned: match[1] === '1' ? 1 : 0, last_at: Number(match[2]), room_id: match[3] ?? '' };
}

/** By room, the latest message that is in no thread and that the viewer sees. */
async function latestMessages(
  { db }: Chat,
  actor: ModuleActor,
  rooms: readonly RoomRow[],
): Promise<Map<string, MessageRow>> {
  const withMessages = rooms.filter(({ last_seq }) => last_seq > 0);
  const latest = new Map<string, MessageRow>();
  if (withMessages.length === 0) return latest;
  const rows = await db
    .selectFrom('chat_messages')
    .selectAll()
    .where((eb) =>
      eb(
        eb.refTuple('room_id', 'seq'),
        'in',
        withMessages.map(({ id, last_seq }) => eb.tuple(id, last_seq)),
      ),
    )
    .execute();
  const last = new Map(rows.map((row) => [rowKey(row.room_id, row.seq), row]));
  for (const { id, last_seq } of withMessages) {
    const row = last.get(rowKey(id, last_seq));
    const shown = row && isListed(row, actor.user) ? row : await readListed(db, id, last_seq, actor.user);
    if (shown) latest.set(id, shown);
  }
  return latest;
}

export interface UnreadTotals {
  readonly unread: number;
  readonly mentions: number;
  /** Rooms with unread messages or mentions. */
  readonly rooms: number;
}

/** For a badge. Rooms that are muted or archived are counted apart. @throws ChatError invalid. */
export async function countUnread(
  chat: Chat,
  actor: ModuleActor,
): Promise<UnreadTotals & { readonly muted: UnreadTotals }> {
  const nowMs = chat.context.clock.now();
  const rows = await chat.db
    .selectFrom('chat_members as member')
    .innerJoin('chat_rooms as room', 'room.id', 'member.room_id')
    .select(
      sql<number>`case when member.archived = 1 or member.mute_until = -1 or member.mute_until > ${sql.lit(nowMs)}
        then 1 else 0 end`.as('muted'),
    )
    .select((eb) => eb.fn.countAll<number>().as('rooms'))
    // A sum of whole numbers is of another type on PostgreSQL.
    .select(sql<number>`cast(sum(room.ucount - member.read_ucount) as bigint)`.as('unread'))
    .select(sql<number>`cast(sum(member.mention_count) as bigint)`.as('mentions'))
    .where('member.user_id', '=', actingUser(actor))
    .where('member.state', '=', 'member')
    .where('room.deleted_at', 'is', null)
    .where((eb) => eb.or([eb('room.ucount', '>', eb.ref('member.read_ucount')), eb('member.mention_count', '>', 0)]))
    .groupBy('muted')
    .execute();
  const totals = (muted: number): UnreadTotals => {
    const { unread = 0, mentions = 0, rooms = 0 } = rows.find((row) => row.muted === muted) ?? {};
    return { unread, mentions, rooms };
  };
  return { ...totals(0), muted: totals(1) };
}
