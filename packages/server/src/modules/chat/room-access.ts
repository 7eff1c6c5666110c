/**
 * A room as somebody meets it: its row, their own membership, and whether they may. Who is banned may not, whatever the
 * permissions say.
 */
import type { ChatAction } from '../../config/chat-schema.ts';
import type { ModuleActor } from '../module.ts';
import type { Chat, PermissionSubject } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction, MemberRow, RestrictionRow, RoomRow } from './chat-writer.ts';
import { readTogether } from './read-together.ts';
import { requireRoom } from './row-cache.ts';

export interface RoomAccess {
  readonly room: RoomRow;
  /** The actor's own, whatever its state. */
  readonly member: MemberRow | undefined;
}

/**
 * Reads the room outside of a transaction, and asks for the permission.
 * @throws ChatError roomNotFound, notMember, forbidden, banned.
 */
export async function accessRoom(
  chat: Chat,
  actor: ModuleActor,
  id: string,
  action: ChatAction = 'readRoom',
): Promise<RoomAccess> {
  const [[row], [member], bans] = await readTogether(
    chat.db,
    chat.db.selectFrom('chat_rooms').selectAll().where('id', '=', id),
    chat.db.selectFrom('chat_members').selectAll().where('room_id', '=', id).where('user_id', '=', actor.user),
    bansOf(chat, actor.user),
  );
  const room = requireRoom(row, id);
  chat.permissions.require(action, actor, { room, member });
  if (!actor.system) refuseBanned(bans, id, chat.context.clock.now());
  return { room, member };
}

/**
 * The same within a transaction.
 * @param tx with the room and the actor's membership in its needs.
 * @param subject what else the permission is about.
 * @throws ChatError roomNotFound, notMember, forbidden, banned.
 */
export async function enterRoom(
  chat: Chat,
  tx: ChatTransaction,
  actor: ModuleActor,
  id: string,
  action: ChatAction = 'readRoom',
  subject: Omit<PermissionSubject, 'room' | 'member'> = {},
): Promise<RoomAccess> {
  const room = await tx.room(id);
  const member = await tx.member(id, actor.user);
  chat.permissions.require(action, actor, { ...subject, room, member });
  await refuseBannedActor(tx, actor, id);
  return { room, member };
}

/** @throws ChatError banned. */
export async function refuseBannedActor(tx: ChatTransaction, actor: ModuleActor, room: string): Promise<void> {
  if (!actor.system) refuseBanned(await tx.restrictions(room, actor.user), room, tx.nowMs);
}

function bansOf({ db }: Chat, user: string) {
  return db.selectFrom('chat_restrictions').selectAll().where('user_id', '=', user).where('kind', '=', 'ban');
}

/**
 * @param restrictions of one user.
 * @throws ChatError banned, if one of them is a ban from the room that holds now.
 */
export function refuseBanned(
  restrictions: readonly RestrictionRow[],
  room: string,
  nowMs: number,
  whom?: string,
): void {
  const ban = restrictions.find(
    ({ kind, scope, until }) =>
      kind === 'ban' && (scope === '*' || scope === room) && (until === null || until > nowMs),
  );
  if (!ban) return;
  const until = ban.until === null ? '' : `until ${new Date(ban.until).toISOString()}`;
  throw new ChatError('banned', [whom, until].filter((part) => part).join(', ') || undefined);
}
