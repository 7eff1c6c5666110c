/** Who is in a room. */
import type { ModuleActor } from '../module.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import { toMember } from './mappers.ts';
import { pageLimit } from './message-pages.ts';
import type { Member, Role } from './model.ts';
import { accessRoom } from './room-access.ts';

export interface MembersInput {
  readonly room: string;
  /** Only users behind this one. */
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
  readonly role?: Role | undefined;
  /** Without it those who are in it. */
  readonly state?: 'member' | 'invited' | 'kicked' | undefined;
}

/**
 * Members by user id. Who was kicked, those see who moderate.
 * @throws ChatError roomNotFound, notMember, forbidden, banned, tooMany.
 */
export async function listMembers(
  chat: Chat,
  actor: ModuleActor,
  { room: id, after, limit: wanted, role, state = 'member' }: MembersInput,
): Promise<{ readonly members: Member[]; readonly hasMore: boolean }> {
  const limit = pageLimit(chat, wanted);
  const access = await accessRoom(chat, actor, id);
  chat.permissions.require('seeMembers', actor, access);
  if (state === 'kicked') chat.permissions.require('moderate', actor, access);
  let query = chat.db
    .selectFrom('chat_members')
    .selectAll()
    .where('room_id', '=', id)
    .where('state', '=', state)
    .orderBy('user_id')
    .limit(limit + 1);
  if (after !== undefined) query = query.where('user_id', '>', after);
  if (role !== undefined) query = query.where('role', '=', role);
  const rows = await query.execute();
  return { members: rows.slice(0, limit).map(toMember), hasMore: rows.length > limit };
}

/**
 * Oneself, or another member.
 * @throws ChatError roomNotFound, notMember, forbidden, banned, userNotFound.
 */
export async function readMember(
  chat: Chat,
  actor: ModuleActor,
  { room: id, user }: { readonly room: string; readonly user: string },
): Promise<{ readonly member: Member }> {
  const access = await accessRoom(chat, actor, id, user === actor.user ? 'findRoom' : 'readRoom');
  if (user !== actor.user) chat.permissions.require('seeMembers', actor, access);
  const row = await chat.db
    .selectFrom('chat_members')
    .selectAll()
    .where('room_id', '=', id)
    .where('user_id', '=', user)
    .executeTakeFirst();
  const gone = row?.state === 'left' || row?.state === 'kicked';
  const seen = row && (!gone || user === actor.user || chat.permissions.allows('moderate', actor, access));
  if (!seen) throw new ChatError('userNotFound', `${user} is not in the room`);
  return { member: toMember(row) };
}
