/**
 * Reactions: a row for each user and emoji, and a summary on the message, which is what everybody sees. The summary also
 * says which emoji there are, so that nothing is counted.
 */
import type { ModuleActor } from '../module.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction, MessageRow } from './chat-writer.ts';
import { changeMessage, isVisible, requireMessage, showMessage } from './message-access.ts';
import { pageLimit, readMessage } from './message-pages.ts';
import type { Message, OwnState } from './model.ts';
import { readOwnState, tellOwnState } from './own-state.ts';
import { enterRoom } from './room-access.ts';
import { checkRestrictions } from './sender-restrictions.ts';

export interface ReactionInput {
  readonly room: string;
  readonly seq: number;
  readonly emoji: string;
}

export interface Reacted {
  readonly message: Message;
  /** What the user did with it, as it is now. */
  readonly own: OwnState;
}

/**
 * Reacting again with the same emoji does nothing.
 * @throws ChatError roomNotFound, notMember, forbidden, frozen, banned, muted, messageNotFound, deleted, tooMany.
 */
export function react(chat: Chat, actor: ModuleActor, input: ReactionInput): Promise<Reacted> {
  const { limits } = chat.config;
  return change(chat, actor, input, async (tx, row, counts, own) => {
    if (own.includes(input.emoji)) return undefined;
    if (own.length >= limits.reactionsPerUser) {
      throw new ChatError('tooMany', `reactions of one user on a message; at most ${limits.reactionsPerUser}`);
    }
    if (!counts.has(input.emoji) && counts.size >= limits.reactionKinds) {
      throw new ChatError('tooMany', `kinds of reactions on a message; at most ${limits.reactionKinds}`);
    }
    await tx.write
      .insertInto('chat_reactions')
      .values({
        room_id: row.room_id,
        seq: row.seq,
        emoji: input.emoji,
        user_id: actor.user,
        created_at: tx.nowMs,
      })
      .execute();
    counts.set(input.emoji, (counts.get(input.emoji) ?? 0) + 1);
    return [...own, input.emoji].toSorted();
  });
}

/**
 * Taking back what is not there does nothing.
 * @throws ChatError roomNotFound, notMember, forbidden, frozen, banned, muted, messageNotFound, deleted.
 */
export function unreact(chat: Chat, actor: ModuleActor, input: ReactionInput): Promise<Reacted> {
  return change(chat, actor, input, async (tx, row, counts, own) => {
    if (!own.includes(input.emoji)) return undefined;
    await tx.write
      .deleteFrom('chat_reactions')
      .where('room_id', '=', row.room_id)
      .where('seq', '=', row.seq)
      .where('emoji', '=', input.emoji)
      .where('user_id', '=', actor.user)
      .execute();
    const left = (counts.get(input.emoji) ?? 1) - 1;
    if (left > 0) counts.set(input.emoji, left);
    else counts.delete(input.emoji);
    return own.filter((emoji) => emoji !== input.emoji);
  });
}

export interface Reaction {
  readonly emoji: string;
  readonly user: string;
  readonly at: number;
}

export interface ReactionsInput {
  readonly room: string;
  readonly seq: number;
  readonly emoji?: string | undefined;
  readonly after?: { readonly emoji: string; readonly user: string } | undefined;
  readonly limit?: number | undefined;
}

/**
 * Who reacted, by emoji and user.
 * @throws ChatError roomNotFound, notMember, forbidden, messageNotFound, tooMany.
 */
export async function listReactions(
  chat: Chat,
  actor: ModuleActor,
  { room, seq, emoji, after, limit: wanted }: ReactionsInput,
): Promise<{ readonly reactions: Reaction[]; readonly hasMore: boolean }> {
  const limit = pageLimit(chat, wanted);
  const row = await readMessage(chat, actor, room, seq);
  if (!isVisible(row, actor)) throw new ChatError('messageNotFound', String(seq));
  let query = chat.db
    .selectFrom('chat_reactions')
    .select(['emoji', 'user_id', 'created_at'])
    .where('room_id', '=', room)
    .where('seq', '=', seq)
    .orderBy('emoji')
    .orderBy('user_id')
    .limit(limit + 1);
  if (emoji !== undefined) query = query.where('emoji', '=', emoji);
  if (after) {
    query = query.where((eb) => eb(eb.refTuple('emoji', 'user_id'), '>', eb.tuple(after.emoji, after.user)));
  }
  const rows = await query.execute();
  return {
    reactions: rows.slice(0, limit).map((found) => ({ emoji: found.emoji, user: found.user_id, at: found.created_at })),
    hasMore: rows.length > limit,
  };
}

type Counts = Map<string, number>;

/** @param work changes the counts and returns the user's own reactions as they are then; undefined if nothing changes. */
function change(
  chat: Chat,
  actor: ModuleActor,
  { room: id, seq }: ReactionInput,
  work: (
    tx: ChatTransaction,
    row: MessageRow,
    counts: Counts,
    own: readonly string[],
  ) => Promise<readonly string[] | undefined>,
): Promise<Reacted> {
  // A reaction is a user's own; there is no user who is the system.
  if (actor.user === '') return Promise.reject(new ChatError('invalid', 'a reaction is of a user: name one in `as`'));
  const needs = {
    rooms: [id],
    members: [[id, actor.user]],
    messages: [[id, seq]],
    restrictions: [actor.user],
  } as const;
  return chat.writer.run(needs, async (tx) => {
    const { room, member } = await enterRoom(chat, tx, actor, id);
    const row = await requireMessage(tx, actor, id, seq);
    chat.permissions.require('react', actor, { room, member, message: row });
    const { shadow } = checkRestrictions(chat, tx, actor, room, member);
    const before = await readOwnState(tx.read, row, actor.user);
    // Others do not see it, and who is in the shadow is not to notice.
    if (shadow) return { message: showMessage(row, actor), own: before };
    const counts = countsOf(row);
    const reactions = await work(tx, row, counts, before.reactions);
    if (!reactions) return { message: showMessage(row, actor), own: before };
    const summary = counts.size === 0 ? null : JSON.stringify(Object.fromEntries(counts));
    const changed = changeMessage(tx, row, { reactions: summary }, 'message.reacted', actor.user);
    const own = { ...before, reactions };
    tellOwnState(tx, changed, actor.user, own);
    return { message: showMessage(changed, actor), own };
  });
}

function countsOf(row: MessageRow): Counts {
  return new Map(row.reactions === null ? [] : Object.entries(JSON.parse(row.reactions) as Record<string, number>));
}
