/** Coming into a room: by oneself, by an invitation, or brought in by others. */
import type { ModuleActor } from '../module.ts';
import { actingUser } from './acting-user.ts';
import { runAloneIfAsked } from './alone.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction } from './chat-writer.ts';
import { toMember } from './mappers.ts';
import {
  checkInvitees,
  endMembership,
  isCrowd,
  newMembership,
  putMember,
  requirePlaces,
  requireRoomsLeft,
} from './membership.ts';
import type { Member, RoomListItem } from './model.ts';
import { refuseBanned, refuseBannedActor } from './room-access.ts';
import { readRoomListItem, tellRoomListItem } from './room-list-item.ts';

export interface Joined {
  readonly item: RoomListItem;
  /** The user was a member already. */
  readonly replayed?: boolean;
}

/**
 * A member from now on: what was said before may be read and is not unread. Joining again does nothing.
 * @param invitedOnly only by an invitation.
 * @throws ChatError roomNotFound, notMember for no invitation, forbidden for who was kicked, banned, tooMany.
 */
export async function joinRoom(
  chat: Chat,
  actor: ModuleActor,
  { room: id }: { readonly room: string },
  invitedOnly = false,
): Promise<Joined> {
  const user = actingUser(actor);
  const needs = { rooms: [id], members: [[id, user]], restrictions: [user] } as const;
  const { crowd, ...joined } = await runAloneIfAsked(chat.writer, needs, async (tx, beAlone) => {
    const room = await tx.room(id);
    const before = await tx.member(id, user);
    const crowd = isCrowd(room);
    if (before?.state !== 'member') chat.permissions.require('joinRoom', actor, { room, member: before });
    refuseBanned(await tx.restrictions(id, user), id, tx.nowMs);
    if (before?.state === 'member') return { crowd, item: await readRoomListItem(tx, id, before), replayed: true };
    // Whatever the rules say: it has its two.
    if (room.kind === 'direct') throw new ChatError('roomNotFound', id);
    if (invitedOnly && before?.state !== 'invited') throw new ChatError('notMember', 'there is no invitation');
    // Of crowds all come at once; one room more than allowed does no harm.
    if (!crowd) beAlone();
    await requireRoomsLeft(chat, tx, [user], 'member');
    await requirePlaces(chat, tx, room, 1, 'member');
    const row = newMembership(room, user, { role: 'member', state: 'member', before, nowMs: tx.nowMs });
    const member = await putMember(tx, before, row, 'member.joined', user);
    return { crowd, item: await tellRoomListItem(tx, member) };
  });
  if (crowd) chat.memberCounts.changed(id);
  return joined;
}

/**
 * Declining what was declined does nothing.
 * @throws ChatError roomNotFound, notMember for no invitation, invalid for a member.
 */
export async function declineInvite(
  chat: Chat,
  actor: ModuleActor,
  { room: id }: { readonly room: string },
): Promise<Record<string, never>> {
  const user = actingUser(actor);
  await chat.writer.run({ rooms: [id], members: [[id, user]] }, async (tx) => {
    const room = await tx.room(id);
    const before = await tx.member(id, user);
    if (before?.state === 'left') return;
    chat.permissions.require('findRoom', actor, { room, member: before });
    if (before?.state === 'member') throw new ChatError('invalid', 'you are a member already: leave the room');
    if (before?.state !== 'invited') throw new ChatError('notMember', 'there is no invitation');
    await endMembership(tx, before, 'left', 'member.left', user);
  });
  return {};
}

export interface InviteInput {
  readonly room: string;
  readonly users: readonly string[];
  /** They decide; without it they are members at once. */
  readonly ask?: boolean | undefined;
}

/**
 * All or none of them. Who is a member already stays what they are, and who is invited already is not asked again. Who
 * was kicked comes back only this way.
 * @throws ChatError roomNotFound, notMember, forbidden, invalid for a direct room, banned, blocked, userNotFound, tooMany.
 */
export async function inviteMembers(
  chat: Chat,
  actor: ModuleActor,
  { room: id, users, ask = false }: InviteInput,
): Promise<{ readonly members: Member[] }> {
  const all = [...new Set(users)];
  const needs = {
    rooms: [id],
    members: [actor.user, ...all].map((user) => [id, user] as const),
    restrictions: all,
    // Members and rooms are counted.
    alone: true,
  };
  const { crowd, members } = await chat.writer.run(needs, async (tx) => {
    const room = await tx.room(id);
    const own = await tx.member(id, actor.user);
    const fresh: string[] = [];
    for (const user of all) {
      const target = await tx.member(id, user);
      chat.permissions.require('invite', actor, { room, member: own, target, targetUser: user });
      if (target?.state !== 'member' && !(ask && target?.state === 'invited')) fresh.push(user);
    }
    await refuseBannedActor(tx, actor, id);
    if (room.kind === 'direct') throw new ChatError('invalid', 'a direct room has its two users; make a group');
    const state = ask ? 'invited' : 'member';
    await checkInvitees(tx, actor, id, fresh);
    await requirePlaces(chat, tx, room, fresh.length, state, !actor.system && fresh.length > 0);
    await requireRoomsLeft(chat, tx, fresh, state);
    for (const user of fresh) {
      const before = await tx.member(id, user);
      const row = newMembership(room, user, { role: 'member', state, before, nowMs: tx.nowMs });
      await putMember(tx, before, row, ask ? 'member.invited' : 'member.joined', actor.user);
    }
    // Each is told of the room as it is when all are in.
    for (const user of fresh) {
      const member = await tx.member(id, user);
      if (member) await tellRoomListItem(tx, member);
    }
    return { crowd: isCrowd(room), members: await membersOf(tx, id, all) };
  });
  if (crowd) chat.memberCounts.changed(id);
  return { members };
}

async function membersOf(tx: ChatTransaction, room: string, users: readonly string[]): Promise<Member[]> {
  const members: Member[] = [];
  for (const user of users) {
    const row = await tx.member(room, user);
    if (row) members.push(toMember(row));
  }
  return members;
}
