/**
 * Threads: messages under a message, with who follows and what each has read. Replies stand in `messages` with
 * `threadSeq`; sending one makes its sender and the one who wrote the first message follow.
 */
import { sql } from 'kysely';
import type { ModuleActor } from '../module.ts';
import { actingUser } from './acting-user.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction, MessageRow } from './chat-writer.ts';
import { changeMessage, isVisible, showMessage } from './message-access.ts';
import { pageLimit } from './message-pages.ts';
import type { Message } from './model.ts';
import { accessRoom, enterRoom } from './room-access.ts';

/** Unread replies are counted up to here. */
export const maxThreadUnread = 100;

export interface ThreadState {
  readonly room: string;
  readonly threadSeq: number;
  readonly readSeq: number;
  readonly following: boolean;
}

export interface FollowedThread extends ThreadState {
  /** What the thread stands under. */
  readonly message: Message;
  /** Replies behind `readSeq`, at most `maxThreadUnread`. */
  readonly unread: number;
}

export interface ThreadInput {
  readonly room: string;
  readonly threadSeq: number;
}

/** A new reply: raises what the message above says of its thread, and makes who takes part follow. */
export async function addToThread(
  tx: ChatTransaction,
  actor: ModuleActor,
  parent: MessageRow,
  row: MessageRow,
): Promise<void> {
  if (row.shadow === 1) return;
  const change = { thread_count: parent.thread_count + 1, thread_last_seq: row.seq, thread_last_at: tx.nowMs };
  changeMessage(tx, parent, change, 'thread.changed', actor.user);
  const key = { room_id: row.room_id, thread_seq: parent.seq, following: 1, updated_at: tx.nowMs } as const;
  const columns = ['room_id', 'thread_seq', 'user_id'] as const;
  if (parent.sender_id !== '' && parent.sender_id !== actor.user) {
    await tx.write
      .insertInto('chat_thread_members')
      .values({ ...key, user_id: parent.sender_id, read_seq: 0 })
      .onConflict((conflict) => conflict.columns(columns).doNothing())
      .execute();
  }
  if (actor.user === '') return;
  await tx.write
    .insertInto('chat_thread_members')
    .values({ ...key, user_id: actor.user, read_seq: row.seq })
    .onConflict((conflict) =>
      conflict.columns(columns).doUpdateSet({ read_seq: row.seq, following: 1, updated_at: tx.nowMs }),
    )
    .execute();
}

/** A reply that others no longer see: lowers what the message above says of its thread. @param row as it was before. */
export async function removeFromThread(tx: ChatTransaction, row: MessageRow, by: string): Promise<void> {
  if (row.thread_seq === null || row.shadow === 1) return;
  const parent = await tx.message(row.room_id, row.thread_seq);
  if (!parent) return;
  changeMessage(tx, parent, { thread_count: Math.max(0, parent.thread_count - 1) }, 'thread.changed', by);
}

/**
 * Threads of a room that the actor follows, the one with the latest reply first.
 * @throws ChatError roomNotFound, notMember, forbidden, tooMany.
 */
export async function listThreads(
  chat: Chat,
  actor: ModuleActor,
  input: { readonly room: string; readonly before?: number | undefined; readonly limit?: number | undefined },
): Promise<{ readonly threads: FollowedThread[]; readonly hasMore: boolean }> {
  const limit = pageLimit(chat, input.limit);
  await accessRoom(chat, actor, input.room);
  let query = chat.db
    .selectFrom('chat_thread_members as follower')
    .innerJoin('chat_messages as message', (join) =>
      join.onRef('message.room_id', '=', 'follower.room_id').onRef('message.seq', '=', 'follower.thread_seq'),
    )
    .selectAll('message')
    .select('follower.read_seq')
    .select(
      sql<number>`(select count(*) from (select 1 from chat_messages as reply
        where reply.room_id = follower.room_id and reply.thread_seq = follower.thread_seq
        and reply.seq > follower.read_seq and reply.shadow = 0 and reply.deleted_at is null
        limit ${sql.lit(maxThreadUnread)}) as unread_replies)`.as('unread'),
    )
    .where('follower.user_id', '=', actor.user)
    .where('follower.room_id', '=', input.room)
    .where('follower.following', '=', 1)
    .orderBy('message.thread_last_seq', 'desc')
    .orderBy('message.seq', 'desc')
    .limit(limit + 1);
  // No two threads have the same last reply; those without one come last, and all at once.
  if (input.before !== undefined) query = query.where('message.thread_last_seq', '<', input.before);
  const rows = await query.execute();
  return {
    threads: rows.slice(0, limit).map(({ read_seq, unread, ...row }) => ({
      room: row.room_id,
      threadSeq: row.seq,
      readSeq: read_seq,
      following: true,
      message: showMessage(row, actor),
      unread,
    })),
    hasMore: rows.length > limit,
  };
}

/**
 * Marks replies up to `seq` as read; what is read stays so.
 * @throws ChatError roomNotFound, notMember, forbidden, banned, messageNotFound, invalid.
 */
export async function markThreadRead(
  chat: Chat,
  actor: ModuleActor,
  input: ThreadInput & { readonly seq: number },
): Promise<ThreadState> {
  return changeState(chat, actor, input, (before, { thread_last_seq }) => ({
    ...before,
    readSeq: Math.max(before.readSeq, Math.min(input.seq, thread_last_seq)),
  }));
}

/**
 * Follows a thread, or follows it no longer. Who begins to follow has read what is there.
 * @throws ChatError roomNotFound, notMember, forbidden, banned, messageNotFound, invalid.
 */
export async function setFollowing(
  chat: Chat,
  actor: ModuleActor,
  input: ThreadInput,
  following: boolean,
): Promise<ThreadState> {
  return changeState(chat, actor, input, (before, { thread_last_seq }) => ({
    ...before,
    readSeq: following && !before.following ? Math.max(before.readSeq, thread_last_seq) : before.readSeq,
    following,
  }));
}

/** Changes what a user has with a thread, and tells their other devices. It is no change of the room. */
async function changeState(
  chat: Chat,
  actor: ModuleActor,
  { room, threadSeq }: ThreadInput,
  change: (before: ThreadState, parent: MessageRow) => ThreadState,
): Promise<ThreadState> {
  const user = actingUser(actor);
  const needs = {
    rooms: [room],
    members: [[room, user]],
    messages: [[room, threadSeq]],
    restrictions: [user],
  } as const;
  return chat.writer.run(needs, async (tx) => {
    await enterRoom(chat, tx, actor, room);
    const parent = await tx.message(room, threadSeq);
    if (!parent || !isVisible(parent, actor)) throw new ChatError('messageNotFound', String(threadSeq));
    if (parent.thread_seq !== null) {
      throw new ChatError('invalid', `message ${threadSeq} is itself in the thread under ${parent.thread_seq}`);
    }
    const row = await tx.read
      .selectFrom('chat_thread_members')
      .selectAll()
      .where('room_id', '=', room)
      .where('thread_seq', '=', threadSeq)
      .where('user_id', '=', actor.user)
      .executeTakeFirst();
    const before = { room, threadSeq, readSeq: row?.read_seq ?? 0, following: row?.following === 1 };
    const after = change(before, parent);
    if (after.readSeq === before.readSeq && after.following === before.following) return after;
    const columns = { read_seq: after.readSeq, following: after.following ? 1 : 0, updated_at: tx.nowMs } as const;
    await tx.write
      .insertInto('chat_thread_members')
      .values({ room_id: room, thread_seq: threadSeq, user_id: actor.user, ...columns })
      .onConflict((conflict) => conflict.columns(['room_id', 'thread_seq', 'user_id']).doUpdateSet(columns))
      .execute();
    tx.tell(actor.user, { type: 'thread', ...after });
    return after;
  });
}
