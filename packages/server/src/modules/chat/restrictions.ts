/**
 * Bans, mutes and shadow bans: of one room by who moderates it, of all rooms by the system. A ban of a room also ends
 * the membership. What holds for how long is asked when somebody writes or reads (`sender-restrictions.ts`,
 * `room-access.ts`); nothing has to happen when it ends.
 */
import type { ModuleActor } from '../module.ts';
import { everyRoom } from './channel-names.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction, MemberRow, RestrictionRow } from './chat-writer.ts';
import { passOwnership } from './leave-room.ts';
import { endMembership, isCrowd } from './membership.ts';
import { pageLimit } from './message-pages.ts';
import type { Restriction } from './model.ts';
import { requireRemovalsLeft } from './removed-users.ts';
import { accessRoom, enterRoom } from './room-access.ts';

export type RestrictionKind = Restriction['kind'];

export interface RestrictInput {
  /** Absent: all rooms. */
  readonly room?: string | undefined;
  readonly user: string;
  readonly until?: number | undefined;
  readonly reason?: string | undefined;
}

/**
 * Restricts a user, or replaces what held before, which is no new restriction. Whose membership ends with it, is told so.
 * @throws ChatError roomNotFound, notMember, forbidden, invalid for oneself, for a direct room, and for a time that has
 * passed; tooMany.
 */
export async function restrict(
  chat: Chat,
  actor: ModuleActor,
  kind: RestrictionKind,
  input: RestrictInput,
): Promise<{ readonly restriction: Restriction }> {
  const { room, user } = input;
  const { row, crowd } = await chat.writer.run(restrictNeeds(actor, room, user), async (tx) => ({
    row: await applyRestriction(chat, tx, actor, kind, input),
    crowd: room !== undefined && isCrowd(await tx.room(room)),
  }));
  if (crowd && kind === 'ban' && room !== undefined) chat.memberCounts.changed(room);
  return { restriction: toRestriction(row) };
}

/** What `applyRestriction` asks for. Alone, since an owner who is banned leaves the room to somebody who has to be looked for. */
export function restrictNeeds(actor: ModuleActor, room: string | undefined, user: string) {
  if (room === undefined) return { alone: true, restrictions: [user] };
  return { rooms: [room], members: [actor.user, user].map((name) => [room, name] as const), alone: true };
}

/** @param tx alone. */
export async function applyRestriction(
  chat: Chat,
  tx: ChatTransaction,
  actor: ModuleActor,
  kind: RestrictionKind,
  { room, user, until, reason }: RestrictInput,
): Promise<RestrictionRow> {
  if (until !== undefined && until <= tx.nowMs) throw new ChatError('invalid', 'until has passed');
  const target = await requireModerator(chat, tx, actor, room, user);
  const row: RestrictionRow = {
    scope: room ?? everyRoom,
    user_id: user,
    kind,
    reason: reason ?? null,
    until: until ?? null,
    created_by: actor.user,
    created_at: tx.nowMs,
  };
  if (room !== undefined && !(await hasRestriction(tx, row))) await requireRemovalsLeft(chat, tx, actor, room);
  const { scope: _scope, user_id: _user, kind: _kind, ...columns } = row;
  await tx.write
    .insertInto('chat_restrictions')
    .values(row)
    .onConflict((conflict) => conflict.columns(['scope', 'user_id', 'kind']).doUpdateSet(columns))
    .execute();
  report(tx, row, actor, false);
  if (kind !== 'ban') return row;
  if (room === undefined) {
    // Whoever is banned from everywhere sees no room from now on, also of those that anybody may look into.
    tx.reconsider(everyRoom, user);
    return row;
  }
  if (target?.state === 'member' || target?.state === 'invited') {
    // The ban alone keeps them out, so that they can come back the usual way when it ends.
    await endMembership(tx, target, 'left', target.state === 'member' ? 'member.kicked' : 'member.left', actor.user);
    if (target.state === 'member' && target.role === 'owner') await passOwnership(tx, target);
  } else {
    tx.reconsider(room, user);
  }
  return row;
}

/** Whether one is there to be replaced, also one that has ended. */
async function hasRestriction(tx: ChatTransaction, { scope, user_id, kind }: RestrictionRow): Promise<boolean> {
  const before = await tx.read
    .selectFrom('chat_restrictions')
    .select('kind')
    .where('scope', '=', scope)
    .where('user_id', '=', user_id)
    .where('kind', '=', kind)
    .executeTakeFirst();
  return before !== undefined;
}

/**
 * Lifting what does not hold does nothing.
 * @throws ChatError roomNotFound, notMember, forbidden, invalid.
 */
export async function lift(
  chat: Chat,
  actor: ModuleActor,
  kind: RestrictionKind,
  { room, user }: Pick<RestrictInput, 'room' | 'user'>,
): Promise<Record<string, never>> {
  await chat.writer.run({ ...restrictNeeds(actor, room, user), alone: false }, async (tx) => {
    await requireModerator(chat, tx, actor, room, user);
    const [row] = await tx.write
      .deleteFrom('chat_restrictions')
      .where('scope', '=', room ?? everyRoom)
      .where('user_id', '=', user)
      .where('kind', '=', kind)
      .returningAll()
      .execute();
    if (row && (row.until === null || row.until > tx.nowMs)) report(tx, row, actor, true);
  });
  return {};
}

export interface RestrictionsInput {
  /** Absent: of all rooms and of everywhere, for back ends. */
  readonly room?: string | undefined;
  readonly user?: string | undefined;
  readonly kind?: RestrictionKind | undefined;
  /** Behind this one: the last of a page. */
  readonly after?:
    | { readonly room?: string | undefined; readonly user: string; readonly kind: RestrictionKind }
    | undefined;
  readonly limit?: number | undefined;
}

/**
 * What holds now, by room, user and kind.
 * @throws ChatError roomNotFound, notMember, forbidden, tooMany.
 */
export async function listRestrictions(
  chat: Chat,
  actor: ModuleActor,
  { room, user, kind, after, limit: wanted }: RestrictionsInput,
): Promise<{ readonly restrictions: Restriction[]; readonly hasMore: boolean }> {
  const limit = pageLimit(chat, wanted);
  if (room !== undefined) await accessRoom(chat, actor, room, 'moderate');
  else requireSystem(actor);
  const now = chat.context.clock.now();
  let query = chat.db
    .selectFrom('chat_restrictions')
    .selectAll()
    .where((eb) => eb.or([eb('until', 'is', null), eb('until', '>', now)]))
    .orderBy('scope')
    .orderBy('user_id')
    .orderBy('kind')
    .limit(limit + 1);
  if (room !== undefined) query = query.where('scope', '=', room);
  if (user !== undefined) query = query.where('user_id', '=', user);
  if (kind !== undefined) query = query.where('kind', '=', kind);
  if (after) {
    const last = [after.room ?? room ?? everyRoom, after.user, after.kind] as const;
    query = query.where((eb) => eb(eb.refTuple('scope', 'user_id', 'kind'), '>', eb.tuple(...last)));
  }
  const rows = await query.execute();
  return { restrictions: rows.slice(0, limit).map(toRestriction), hasMore: rows.length > limit };
}

export function requireSystem(actor: ModuleActor): void {
  if (!actor.system) throw new ChatError('forbidden', 'of all rooms, this is for back ends');
}

/**
 * Who moderates may do nothing to who stands above them: that is what the permission to kick says.
 * @returns the target's membership.
 */
async function requireModerator(
  chat: Chat,
  tx: ChatTransaction,
  actor: ModuleActor,
  id: string | undefined,
  user: string,
): Promise<MemberRow | undefined> {
  if (!actor.system && user === actor.user) throw new ChatError('invalid', 'not oneself');
  if (id === undefined) {
    requireSystem(actor);
    return undefined;
  }
  const target = await tx.member(id, user);
  const { room, member } = await enterRoom(chat, tx, actor, id, 'moderate');
  chat.permissions.require('kick', actor, { room, member, target, targetUser: user });
  if (room.kind === 'direct') throw new ChatError('invalid', 'a direct room has no moderators: users block each other');
  return target;
}

function report(tx: ChatTransaction, row: RestrictionRow, { user: by }: ModuleActor, lifted: boolean): void {
  const restriction = toRestriction(row);
  const subject = row.scope === everyRoom ? `user:${row.user_id}` : `room:${row.scope}`;
  tx.report(subject, lifted ? 'restriction.lifted' : 'restriction.created', { by, type: 'restriction', restriction });
  if (row.kind === 'shadow') return;
  tx.tell(row.user_id, { type: 'restriction', restriction, ...(lifted && { lifted: true }) });
}

export function toRestriction(row: RestrictionRow): Restriction {
  return {
    ...(row.scope !== everyRoom && { room: row.scope }),
    user: row.user_id,
    kind: row.kind as RestrictionKind,
    ...(row.reason !== null && { reason: row.reason }),
    ...(row.until !== null && { until: row.until }),
    createdBy: row.created_by,
    createdAt: row.created_at,
  };
}
