/** Of many rooms, those that somebody may read: asked at once, for what reaches over rooms. */
import type { ModuleActor } from '../module.ts';
import type { Chat } from './chat.ts';

/** @param ids at most a few thousand. */
export async function readableRooms(chat: Chat, actor: ModuleActor, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const { db, permissions } = chat;
  const [rooms, members, isBanned] = await Promise.all([
    db.selectFrom('chat_rooms').selectAll().where('id', 'in', ids).where('deleted_at', 'is', null).execute(),
    db.selectFrom('chat_members').selectAll().where('user_id', '=', actor.user).where('room_id', 'in', ids).execute(),
    readBans(chat, actor),
  ]);
  const memberOf = new Map(members.map((member) => [member.room_id, member]));
  const readable = rooms.filter(
    (room) => !isBanned(room.id) && permissions.allows('readRoom', actor, { room, member: memberOf.get(room.id) }),
  );
  return new Set(readable.map(({ id }) => id));
}

/** @returns whether the actor is banned from a room now. */
export async function readBans({ db, context }: Chat, actor: ModuleActor): Promise<(room: string) => boolean> {
  if (actor.system || actor.user === '') return () => false;
  const bans = await db
    .selectFrom('chat_restrictions')
    .select(['scope', 'until'])
    .where('user_id', '=', actor.user)
    .where('kind', '=', 'ban')
    .execute();
  const now = context.clock.now();
  const scopes = new Set(bans.filter(({ until }) => until === null || until > now).map(({ scope }) => scope));
  return (room) => scopes.has('*') || scopes.has(room);
}
