/** One line of a user's list of rooms, as the user's devices get it. */
import type { Kysely } from 'kysely';
import type { ChatTransaction, MemberRow, MessageRow, RoomRow } from './chat-writer.ts';
import { toMembership, toMessage, toRoom } from './mappers.ts';
import type { RoomListItem } from './model.ts';
import type { ChatTables } from './tables.ts';

/** If the latest messages of a room are not for the list, so many are looked through for one that is. */
export const maxLookedThrough = 200;

/** Key of the direct room of two users; the same whoever asks. A room of one user with themselves is for notes. */
export function directKey(a: string, b: string): string {
  return [a, b].toSorted().join('\u0001');
}

/** The other one of a direct room, or the user who is alone in it; undefined for other rooms. */
export function peerOf({ dm_key }: Pick<RoomRow, 'dm_key'>, user: string): string | undefined {
  if (dm_key === null) return undefined;
  return dm_key.split('\u0001').find((name) => name !== user) ?? user;
}

/** Whether a message can stand in the list as the latest: in no thread, and seen by this user. */
export function isListed(row: MessageRow, user: string): boolean {
  return row.thread_seq === null && (row.shadow === 0 || row.sender_id === user);
}

/** The latest message before `seq` that can stand in the list. */
export function readListed(
  db: Kysely<ChatTables>,
  room: string,
  seq: number,
  user: string,
): Promise<MessageRow | undefined> {
  return db
    .selectFrom('chat_messages')
    .selectAll()
    .where('room_id', '=', room)
    .where('seq', '<', seq)
    .where('seq', '>=', seq - maxLookedThrough)
    .where('thread_seq', 'is', null)
    .where((eb) => eb.or([eb('shadow', '=', 0), eb('sender_id', '=', user)]))
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** @param lastMessage the latest that can stand in the list; shown to members only. */
export function toRoomListItem(room: RoomRow, member: MemberRow, lastMessage: MessageRow | undefined): RoomListItem {
  const peer = peerOf(room, member.user_id);
  return {
    room: toRoom(room),
    membership: toMembership(member, room),
    ...(lastMessage && member.state === 'member' && { lastMessage: toMessage(lastMessage, member.user_id) }),
    ...(peer !== undefined && { peer }),
  };
}

/** As it stands in this transaction. */
export async function readRoomListItem(tx: ChatTransaction, room: string, member: MemberRow): Promise<RoomListItem> {
  const row = await tx.room(room);
  if (member.state !== 'member' || row.last_seq === 0) return toRoomListItem(row, member, undefined);
  const restrictions = await tx.restrictions(room, member.user_id);
  if (restrictions.some(({ kind }) => kind === 'ban')) return toRoomListItem(row, member, undefined);
  const last = await tx.message(room, row.last_seq);
  const shown = last && isListed(last, member.user_id) ? last : readListed(tx.read, room, row.last_seq, member.user_id);
  return toRoomListItem(row, member, await shown);
}

/** Tells the user's devices how the room stands with them now. @returns the same for who asked. */
export async function tellRoomListItem(tx: ChatTransaction, member: MemberRow): Promise<RoomListItem> {
  const item = await readRoomListItem(tx, member.room_id, member);
  tx.tell(member.user_id, { type: 'room', item });
  return item;
}
