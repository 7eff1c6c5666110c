/** Who is what in a room. Two who change each other's role at once are one after the other: the second may no longer. */
import type { ModuleActor } from '../module.ts';
import { actingUser } from './acting-user.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction, MemberRow } from './chat-writer.ts';
import { toMember } from './mappers.ts';
import { putMember } from './membership.ts';
import type { Member, Role } from './model.ts';
import { enterRoom } from './room-access.ts';
import { tellRoomListItem } from './room-list-item.ts';

export interface RoleInput {
  readonly room: string;
  readonly user: string;
  readonly role: Role;
}

/**
 * Giving the role that somebody has does nothing. Only a back end can leave a room without an owner.
 * @throws ChatError roomNotFound, notMember, forbidden, banned, userNotFound, invalid for a direct room and for its last owner.
 */
export function changeRole(
  chat: Chat,
  actor: ModuleActor,
  { room: id, user, role }: RoleInput,
): Promise<{ readonly member: Member }> {
  const needs = { rooms: [id], members: [actor.user, user].map((name) => [id, name] as const), alone: true };
  return chat.writer.run(needs, async (tx) => {
    const target = await tx.member(id, user);
    const { room } = await enterRoom(chat, tx, actor, id, 'changeRole', { target, targetUser: user, value: role });
    if (room.kind === 'direct') throw new ChatError('invalid', 'a direct room has no roles');
    const before = requireMember(target, user);
    if (before.role === role) return { member: toMember(before) };
    if (before.role === 'owner' && !actor.system && (await owners(tx, id)).length < 2) {
      throw new ChatError('invalid', `${user} is the last owner of the room; transfer it first`);
    }
    return { member: toMember(await giveRole(tx, before, role, actor.user)) };
  });
}

/**
 * Makes a member the owner; who was it becomes admin. A back end that acts for itself takes it from all owners.
 * @throws ChatError roomNotFound, notMember, forbidden, banned, userNotFound, invalid for a direct room.
 */
export function transferRoom(
  chat: Chat,
  actor: ModuleActor,
  { room: id, user }: { readonly room: string; readonly user: string },
): Promise<{ readonly member: Member }> {
  if (!actor.system) actingUser(actor);
  const needs = { rooms: [id], members: [actor.user, user].map((name) => [id, name] as const), alone: true };
  return chat.writer.run(needs, async (tx) => {
    const target = await tx.member(id, user);
    const { room } = await enterRoom(chat, tx, actor, id, 'transfer', { target, targetUser: user });
    if (room.kind === 'direct') throw new ChatError('invalid', 'a direct room has no owner');
    const before = requireMember(target, user);
    for (const owner of actor.system ? await owners(tx, id) : [actor.user]) {
      const former = await tx.member(id, owner);
      if (owner !== user && former?.state === 'member' && former.role === 'owner') {
        await giveRole(tx, former, 'admin', actor.user);
      }
    }
    const after = before.role === 'owner' ? before : await giveRole(tx, before, 'owner', actor.user);
    return { member: toMember(after) };
  });
}

function requireMember(row: MemberRow | undefined, user: string): MemberRow {
  if (row?.state !== 'member') throw new ChatError('userNotFound', `${user} is not in the room`);
  return row;
}

/** What somebody may do and see changes with their role. */
async function giveRole(tx: ChatTransaction, before: MemberRow, role: Role, by: string): Promise<MemberRow> {
  const row = await putMember(tx, before, { ...before, role, updated_at: tx.nowMs }, 'member.changed', by);
  await tellRoomListItem(tx, row);
  tx.reconsider(row.room_id, row.user_id);
  return row;
}

async function owners(tx: ChatTransaction, room: string): Promise<string[]> {
  const rows = await tx.read
    .selectFrom('chat_members')
    .select('user_id')
    .where('room_id', '=', room)
    .where('state', '=', 'member')
    .where('role', '=', 'owner')
    .orderBy('user_id')
    .execute();
  return rows.map(({ user_id }) => user_id);
}
