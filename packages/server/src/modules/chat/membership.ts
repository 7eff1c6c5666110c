/**
 * How somebody comes into a room, goes, or changes in it: one row, the room's count of members, the revision, and what
 * is told. Every change of a membership that others may know of goes through `putMember`.
 *
 * Crowds (broadcasts and livestreams) are only counted: telling everybody of everybody who comes would cost the square
 * of their number. The application and the user's own devices are told as in other rooms.
 */
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ModuleActor } from '../module.ts';
import type { ChatEventName, ChatTransaction, MemberRow, RoomRow } from './chat-writer.ts';
import { removeDrafts } from './drafts.ts';
import { toMember } from './mappers.ts';
import type { Role } from './model.ts';
import { refuseBanned } from './room-access.ts';

export function isCrowd({ kind }: Pick<RoomRow, 'kind'>): boolean {
  return kind === 'broadcast' || kind === 'livestream';
}

/**
 * A membership from now on: nothing that was said before is unread, though it may be read.
 * @param before a former one. That the user muted the room stays, and so does how long slow mode makes them wait.
 */
export function newMembership(
  room: RoomRow,
  user: string,
  {
    role,
    state,
    before,
    nowMs,
  }: {
    readonly role: Role;
    readonly state: 'member' | 'invited';
    readonly before: MemberRow | undefined;
    readonly nowMs: number;
  },
): MemberRow {
  return {
    room_id: room.id,
    user_id: user,
    role,
    state,
    joined_seq: room.last_seq,
    joined_at: nowMs,
    read_seq: room.last_seq,
    read_ucount: room.ucount,
    delivered_seq: room.last_seq,
    mention_count: 0,
    mute_until: before?.mute_until ?? null,
    notify: before?.notify ?? 'all',
    pinned: 0,
    archived: 0,
    rev: before?.rev ?? 0,
    updated_at: nowMs,
    sent_at: before?.sent_at ?? 0,
  };
}

/**
 * Writes a membership, counts, and tells the room and the application. The user's own devices are told by the caller.
 * @param before as it was, if there was one.
 * @returns the row as it is now.
 */
export async function putMember(
  tx: ChatTransaction,
  before: MemberRow | undefined,
  after: MemberRow,
  event: ChatEventName,
  by: string,
): Promise<MemberRow> {
  const { id, member_count } = await tx.room(after.room_id);
  const change = Number(after.state === 'member') - Number(before?.state === 'member');
  const room = tx.changeRoom(id, { member_count: member_count + change });
  const memberCount = room.member_count;
  if (isCrowd(room)) {
    tx.insertMember(after);
    tx.report(`room:${id}`, event, { by, type: 'member', member: toMember(after), memberCount });
    return after;
  }
  const row = { ...after, rev: tx.nextRev(id) };
  tx.insertMember(row);
  tx.publish(id, row.rev, { type: 'member', member: toMember(row), memberCount }, event, by);
  return row;
}

/**
 * Ends a membership or an invitation, and the user's subscription with it if they may not read the room without.
 *
 * Of whom others put out, by withdrawing an invitation or by a ban, no row is left, unless they have been here and left a
 * trace. Nobody has to be there to be invited or brought in: else doing so with made-up users, and putting them out, would
 * fill the table for good. A limit of rows for each room would one day close a room to everybody new. The price is a reset
 * for who was away. Who leaves or declines is somebody: their row stays, so that doing it again does nothing. Who was
 * kicked stays too, or they could come back; they are counted (`removed-users.ts`).
 * @returns the row as it is now.
 */
export async function endMembership(
  tx: ChatTransaction,
  before: MemberRow,
  state: 'left' | 'kicked',
  event: ChatEventName,
  by: string,
): Promise<MemberRow> {
  const ended = { ...before, state, mention_count: 0, pinned: 0, archived: 0, updated_at: tx.nowMs } as const;
  const row = await putMember(tx, before, ended, event, by);
  const room = await tx.room(row.room_id);
  if (state === 'left' && by !== before.user_id && isUntouched(room, before)) {
    tx.removeMember(row.room_id, row.user_id);
    if (row.rev > room.min_rev) tx.changeRoom(row.room_id, { min_rev: row.rev });
  }
  await removeDrafts(tx, row.room_id, row.user_id);
  tx.tell(row.user_id, { type: 'roomGone', room: row.room_id });
  tx.reconsider(row.room_id, row.user_id);
  return row;
}

/**
 * Whether the user has done nothing here: `newMembership` finds nothing to take over, and they have not even read. Who made
 * the room is remembered: their rooms are counted.
 */
function isUntouched({ created_by }: RoomRow, row: MemberRow): boolean {
  const isBlank = row.mute_until === null && row.notify === 'all' && row.sent_at === 0;
  const isUnread = row.read_seq === row.joined_seq && row.delivered_seq === row.joined_seq;
  return isBlank && isUnread && row.user_id !== created_by;
}

/**
 * @param tx alone, so that what this process does at the same time is counted. What other nodes do may come on top.
 * @throws ChatError tooMany for users who are in, or invited to, as many rooms as they may be.
 */
export async function requireRoomsLeft(
  { config }: Pick<Chat, 'config'>,
  tx: ChatTransaction,
  users: readonly string[],
  state: 'member' | 'invited',
): Promise<void> {
  const { roomsPerUser } = config.limits;
  if (users.length === 0) return;
  const counted = tx.read
    .selectFrom('chat_members as m')
    .select('m.user_id')
    .where('m.user_id', 'in', users)
    .where('m.state', '=', state)
    .groupBy('m.user_id')
    .having((eb) => eb.fn.countAll(), '>=', roomsPerUser);
  const [full] = await counted.execute();
  if (!full) return;
  // Memberships of deleted rooms stay until they are cleared away.
  const [reallyFull] = await counted
    .innerJoin('chat_rooms as r', 'r.id', 'm.room_id')
    .where('r.deleted_at', 'is', null)
    .execute();
  if (!reallyFull) return;
  const what = state === 'member' ? 'rooms' : 'invitations';
  throw new ChatError('tooMany', `${what} of ${reallyFull.user_id}; at most ${roomsPerUser}`);
}

/**
 * Whoever made a room may leave it to somebody whom they made up, and make the next: so those that are there count too,
 * whether or not the user is still in them. Direct rooms cannot be left.
 * @param tx alone.
 * @throws ChatError tooMany for a user who has made as many rooms as they may.
 */
export async function requireMakingsLeft(
  { config }: Pick<Chat, 'config'>,
  tx: ChatTransaction,
  user: string,
): Promise<void> {
  const { roomsPerUser } = config.limits;
  // Whoever made a room has a row in it, whatever its state.
  const memberships = tx.read.selectFrom('chat_members as m').select('m.room_id').where('m.user_id', '=', user);
  if ((await memberships.limit(roomsPerUser).execute()).length < roomsPerUser) return;
  const made = await memberships
    .innerJoin('chat_rooms as r', 'r.id', 'm.room_id')
    .where('r.created_by', '=', user)
    .where('r.kind', '<>', 'direct')
    .where('r.deleted_at', 'is', null)
    .limit(roomsPerUser)
    .execute();
  if (made.length < roomsPerUser) return;
  throw new ChatError(
    'tooMany',
    `rooms that ${user} has made; at most ${roomsPerUser}: delete those that are not needed`,
  );
}

/**
 * @param brought they are brought in by others, who are no back end.
 * @throws ChatError tooMany for a group that would have more members, invited ones among them, than it may, and for a room
 * that anybody may join, if others would bring in so many.
 */
export async function requirePlaces(
  { config }: Pick<Chat, 'config'>,
  tx: ChatTransaction,
  room: RoomRow,
  users: number,
  state: 'member' | 'invited',
  brought = false,
): Promise<void> {
  const { membersPerGroup } = config.limits;
  if (state === 'invited') {
    const { invited } = await tx.read
      .selectFrom('chat_members')
      .select((eb) => eb.fn.countAll<number>().as('invited'))
      .where('room_id', '=', room.id)
      .where('state', '=', 'invited')
      .executeTakeFirstOrThrow();
    if (invited + users > membersPerGroup) {
      throw new ChatError('tooMany', `invitations to a room; at most ${membersPerGroup}`);
    }
  }
  if (room.kind === 'group' && room.member_count + users > membersPerGroup) {
    throw new ChatError('tooMany', `members of a group; at most ${membersPerGroup}`);
  }
  if (brought && state === 'member' && room.member_count + users > membersPerGroup) {
    throw new ChatError('tooMany', `members to be brought in; in a room of more than ${membersPerGroup}, ask them`);
  }
}

/**
 * Whether these users can be brought into the room by the actor.
 * @param tx with the users in `needs.restrictions`.
 * @throws ChatError blocked, banned, userNotFound for one who was erased.
 */
export async function checkInvitees(
  tx: ChatTransaction,
  actor: ModuleActor,
  room: string,
  users: readonly string[],
): Promise<void> {
  if (users.length === 0) return;
  const erased = await tx.read
    .selectFrom('chat_users')
    .select('id')
    .where('id', 'in', users)
    .where('deleted_at', 'is not', null)
    .executeTakeFirst();
  if (erased) throw new ChatError('userNotFound', erased.id);
  for (const user of users) refuseBanned(await tx.restrictions(room, user), room, tx.nowMs, user);
  if (actor.system) return;
  const block = await tx.read
    .selectFrom('chat_blocks')
    .selectAll()
    .where((eb) =>
      eb.or([
        eb('user_id', 'in', users).and('blocked_id', '=', actor.user),
        eb('blocked_id', 'in', users).and('user_id', '=', actor.user),
      ]),
    )
    .executeTakeFirst();
  if (!block) return;
  throw new ChatError('blocked', block.user_id === actor.user ? `you blocked ${block.blocked_id}` : block.user_id);
}
