/** Rooms that anybody may find, the liveliest first. */
import { sql } from 'kysely';
import type { ModuleActor } from '../module.ts';
import type { Chat } from './chat.ts';
import type { MemberRow, RoomRow } from './chat-writer.ts';
import { toMembership, toRoom } from './mappers.ts';
import { pageLimit } from './message-pages.ts';
import type { Membership, Room } from './model.ts';
import { accessRoom } from './room-access.ts';

/** Rooms looked through by one call that looks for a name; the next call goes on behind them. */
const maxScanned = 5_000;

export interface RoomCursor {
  readonly lastAt: number;
  readonly id: string;
}

export interface FindRoomsInput {
  readonly kind?: 'public' | 'broadcast' | 'livestream' | undefined;
  readonly query?: string | undefined;
  readonly before?: RoomCursor | undefined;
  readonly limit?: number | undefined;
}

/**
 * A page may have fewer rooms than it could, and still others behind it: `next` says so.
 * @throws ChatError tooMany.
 */
export async function findRooms(
  chat: Chat,
  actor: ModuleActor,
  { kind, query, before, limit: wanted }: FindRoomsInput,
): Promise<{ readonly rooms: Room[]; readonly next?: RoomCursor }> {
  const limit = pageLimit(chat, wanted);
  const open = openRooms(chat, { kind, before });
  const named = query === undefined ? '' : `%${foldCase(query).replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  const rows =
    query === undefined
      ? await open.limit(limit + 1).execute()
      : await chat.db
          .selectFrom(open.limit(maxScanned).as('recent'))
          .selectAll()
          .where(sql<boolean>`lower(name) like ${named} escape '\\'`)
          .orderBy('last_at', 'desc')
          .orderBy('id', 'desc')
          .limit(limit + 1)
          .execute();
  const page = rows.slice(0, limit);
  const last =
    rows.length > limit
      ? page.at(-1)
      : query !== undefined &&
        (await open
          .offset(maxScanned - 1)
          .limit(1)
          .executeTakeFirst());
  const memberOf = await membershipsOf(chat, actor.user, page);
  return {
    rooms: page
      .filter((room) => chat.permissions.allows('findRoom', actor, { room, member: memberOf.get(room.id) }))
      .map(toRoom),
    ...(last && { next: { lastAt: last.last_at, id: last.id } }),
  };
}

/** Rooms that have the kind for it, the latest active first. */
export function openRooms({ db }: Pick<Chat, 'db'>, { kind, before }: Pick<FindRoomsInput, 'kind' | 'before'>) {
  let open = db
    .selectFrom('chat_rooms')
    .selectAll()
    // In the words of the index, so that it is used.
    .where(sql<boolean>`kind in ('public', 'broadcast', 'livestream')`)
    .where('deleted_at', 'is', null)
    .orderBy('last_at', 'desc')
    .orderBy('id', 'desc');
  if (kind !== undefined) open = open.where('kind', '=', kind);
  if (before) open = open.where((eb) => eb(eb.refTuple('last_at', 'id'), '<', eb.tuple(before.lastAt, before.id)));
  return open;
}

/** As both databases do it: the letters A to Z. */
function foldCase(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

async function membershipsOf(
  { db }: Chat,
  user: string,
  rooms: readonly RoomRow[],
): Promise<ReadonlyMap<string, MemberRow>> {
  if (user === '' || rooms.length === 0) return new Map();
  const ids = rooms.map(({ id }) => id);
  const rows = await db
    .selectFrom('chat_members')
    .selectAll()
    .where('room_id', 'in', ids)
    .where('user_id', '=', user)
    .execute();
  return new Map(rows.map((row) => [row.room_id, row]));
}

/**
 * One room, also for somebody who was invited to it.
 * @throws ChatError roomNotFound, banned.
 */
export async function readRoom(
  chat: Chat,
  actor: ModuleActor,
  input: { readonly room: string },
): Promise<{ readonly room: Room; readonly membership?: Membership }> {
  const { room, member } = await accessRoom(chat, actor, input.room, 'findRoom');
  return { room: toRoom(room), ...(member && { membership: toMembership(member, room) }) };
}
