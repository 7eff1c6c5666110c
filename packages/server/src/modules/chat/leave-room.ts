/**
 * Going out of a room, by oneself or not. A room does not stay without an owner as long as somebody is in it: when the
 * last owner goes, the highest of those who stay becomes it, of equals who is longest in the room.
 */
import { sql } from 'kysely';
import type { ModuleActor } from '../module.ts';
import { actingUser } from './acting-user.ts';
import { runAloneIfAsked } from './alone.ts';
import { markDeleted } from './change-room.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction, MemberRow } from './chat-writer.ts';
import { endMembership, isCrowd, putMember } from './membership.ts';
import { requireRemovalsLeft } from './removed-users.ts';
import { enterRoom } from './room-access.ts';
import { tellRoomListItem } from './room-list-item.ts';

/**
 * A group or public room that a user made goes with its last member: nobody could ever come into the group again, and
 * public rooms without anybody would pile up for all to find. Rooms of back ends stay. Leaving again does nothing; who
 * was only invited declines.
 * @throws ChatError roomNotFound, notMember, invalid for a direct room, which can be archived.
 */
export async function leaveRoom(
  chat: Chat,
  actor: ModuleActor,
  { room: id }: { readonly room: string },
): Promise<Record<string, never>> {
  const user = actingUser(actor);
  const needs = { rooms: [id], members: [[id, user]] } as const;
  const crowd = await runAloneIfAsked(chat.writer, needs, async (tx, beAlone) => {
    const room = await tx.room(id);
    const before = await tx.member(id, user);
    if (before?.state === 'left') return false;
    if (before?.state !== 'member' && before?.state !== 'invited') {
      chat.permissions.require('findRoom', actor, { room, member: before });
      throw new ChatError('notMember', id);
    }
    if (room.kind === 'direct') throw new ChatError('invalid', 'a direct room keeps its two users; archive it instead');
    const goesWithLast = (room.kind === 'group' || room.kind === 'public') && room.created_by !== '';
    const last = goesWithLast && room.member_count === 1;
    const owns = before.state === 'member' && before.role === 'owner';
    if (before.state === 'member' && (last || owns)) beAlone();
    await endMembership(tx, before, 'left', 'member.left', user);
    if (before.state === 'member' && last) await markDeleted(chat, tx, id, user, user);
    else if (owns) await passOwnership(tx, before);
    return isCrowd(room);
  });
  if (crowd) chat.memberCounts.changed(id);
  return {};
}

/**
 * Who was kicked comes back only when invited. Of somebody who is only invited, the invitation ends. Kicking who was
 * kicked does nothing.
 * @throws ChatError roomNotFound, notMember, forbidden, banned, userNotFound, invalid for oneself and for a direct room,
 * tooMany.
 */
export async function kickMember(
  chat: Chat,
  actor: ModuleActor,
  { room: id, user }: { readonly room: string; readonly user: string },
): Promise<Record<string, never>> {
  // Whatever the room: whether it is there is not told by this.
  if (user === actor.user) throw new ChatError('invalid', 'leave the room instead');
  // Alone from the start, and so before whatever comes behind it: kicks are counted, and owners leave the room to somebody
  // who has to be looked for.
  const needs = { rooms: [id], members: [actor.user, user].map((name) => [id, name] as const), alone: true };
  const crowd = await chat.writer.run(needs, async (tx) => {
    const target = await tx.member(id, user);
    const { room } = await enterRoom(chat, tx, actor, id, 'kick', { target, targetUser: user });
    if (room.kind === 'direct') throw new ChatError('invalid', 'a direct room keeps its two users');
    if (target?.state === 'kicked') return false;
    if (target?.state === 'invited') {
      await endMembership(tx, target, 'left', 'member.left', actor.user);
      return false;
    }
    if (target?.state !== 'member') throw new ChatError('userNotFound', `${user} is not in the room`);
    await requireRemovalsLeft(chat, tx, actor, id);
    await endMembership(tx, target, 'kicked', 'member.kicked', actor.user);
    if (target.role === 'owner') await passOwnership(tx, target);
    return isCrowd(room);
  });
  if (crowd) chat.memberCounts.changed(id);
  return {};
}

/** @param tx alone, since it looks for who is in the room. */
export async function passOwnership(tx: ChatTransaction, { room_id, user_id }: MemberRow): Promise<void> {
  const heir = await tx.read
    .selectFrom('chat_members')
    .select(['user_id', 'role'])
    .where('room_id', '=', room_id)
    .where('state', '=', 'member')
    .where('user_id', '<>', user_id)
    .orderBy(
      sql`case role when 'owner' then 0 when 'admin' then 1 when 'moderator' then 2 when 'member' then 3 else 4 end`,
    )
    .orderBy('joined_at')
    .orderBy('user_id')
    .limit(1)
    .executeTakeFirst();
  if (!heir || heir.role === 'owner') return;
  const before = await tx.member(room_id, heir.user_id);
  if (!before) return;
  const after = { ...before, role: 'owner', updated_at: tx.nowMs };
  await tellRoomListItem(tx, await putMember(tx, before, after, 'member.changed', ''));
}
