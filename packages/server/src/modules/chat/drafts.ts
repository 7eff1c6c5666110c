/** What users have begun to write, the same on all their devices: the last write wins, by the time of the server. */
import type { ModuleActor } from '../module.ts';
import { actingUser } from './acting-user.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction, Needs } from './chat-writer.ts';
import { isVisible } from './message-access.ts';
import type { Draft } from './model.ts';
import { enterRoom } from './room-access.ts';

export interface DraftInput {
  readonly room: string;
  readonly threadSeq?: number | undefined;
  /** Empty: the draft goes. */
  readonly text: string;
}

/**
 * Setting what stands there already does nothing.
 * @throws ChatError roomNotFound, notMember, forbidden, banned, messageNotFound, invalid, tooLarge, tooMany.
 */
export function setDraft(chat: Chat, actor: ModuleActor, input: DraftInput): Promise<{ readonly draft: Draft }> {
  const user = actingUser(actor);
  const { room: id, threadSeq, text } = input;
  const bytes = Buffer.byteLength(text);
  const { messageSize } = chat.config.limits;
  if (bytes > messageSize) throw new ChatError('tooLarge', `the text has ${bytes} bytes; at most ${messageSize}`);
  const needs: Needs = {
    rooms: [id],
    members: [[id, user]],
    ...(threadSeq !== undefined && { messages: [[id, threadSeq]] }),
    restrictions: [user],
  };
  return chat.writer.run(needs, async (tx) => {
    const { member } = await enterRoom(chat, tx, actor, id);
    if (member?.state !== 'member') throw new ChatError('notMember', id);
    const key = { user_id: user, room_id: id, thread_seq: threadSeq ?? 0 };
    const draft: Draft = { room: id, ...(threadSeq !== undefined && { threadSeq }), text, updatedAt: tx.nowMs };
    if (text === '') {
      const [gone] = await tx.write
        .deleteFrom('chat_drafts')
        .where((eb) => eb.and(key))
        .returning('room_id')
        .execute();
      if (gone) tx.tell(user, { type: 'draft', draft });
      return { draft };
    }
    if (threadSeq !== undefined) await checkThread(tx, actor, id, threadSeq);
    const before = await tx.read
      .selectFrom('chat_drafts')
      .select(['text', 'updated_at'])
      .where((eb) => eb.and(key))
      .executeTakeFirst();
    if (before?.text === text) return { draft: { ...draft, updatedAt: before.updated_at } };
    if (!before) await checkRoomForMore(chat, tx, user);
    // Two nodes may write at once; the row of the room keeps them in order, and time does not go back.
    const columns = { text, updated_at: Math.max(tx.nowMs, before?.updated_at ?? 0) };
    await tx.write
      .insertInto('chat_drafts')
      .values({ ...key, ...columns })
      .onConflict((conflict) => conflict.columns(['user_id', 'room_id', 'thread_seq']).doUpdateSet(columns))
      .execute();
    const stored = { ...draft, updatedAt: columns.updated_at };
    tx.tell(user, { type: 'draft', draft: stored });
    return { draft: stored };
  });
}

/** All drafts of the actor in rooms they are a member of, the latest first. @throws ChatError invalid. */
export async function listDrafts({ db, config }: Pick<Chat, 'db' | 'config'>, actor: ModuleActor): Promise<Draft[]> {
  const rows = await db
    .selectFrom('chat_drafts as draft')
    .innerJoin('chat_members as member', (join) =>
      join.onRef('member.room_id', '=', 'draft.room_id').onRef('member.user_id', '=', 'draft.user_id'),
    )
    .innerJoin('chat_rooms as room', 'room.id', 'draft.room_id')
    .select(['draft.room_id', 'draft.thread_seq', 'draft.text', 'draft.updated_at'])
    .where('draft.user_id', '=', actingUser(actor))
    .where('member.state', '=', 'member')
    .where('room.deleted_at', 'is', null)
    .orderBy('draft.updated_at', 'desc')
    .orderBy('draft.room_id')
    .orderBy('draft.thread_seq')
    .limit(config.limits.drafts)
    .execute();
  return rows.map(({ room_id, thread_seq, text, updated_at }) => ({
    room: room_id,
    ...(thread_seq > 0 && { threadSeq: thread_seq }),
    text,
    updatedAt: updated_at,
  }));
}

/** Who leaves a room leaves no drafts. @param tx with the room in `needs.rooms`. */
export async function removeDrafts(tx: ChatTransaction, room: string, user: string): Promise<void> {
  await tx.write.deleteFrom('chat_drafts').where('room_id', '=', room).where('user_id', '=', user).execute();
}

/** A room that is deleted has no drafts. @param tx with the room in `needs.rooms`. */
export async function removeDraftsOfRoom(tx: ChatTransaction, room: string): Promise<void> {
  await tx.write
    .deleteFrom('chat_drafts')
    .where('room_id', '=', room)
    // Their key begins with the user.
    .where('user_id', 'in', (eb) => eb.selectFrom('chat_members').select('user_id').where('room_id', '=', room))
    .execute();
}

async function checkThread(tx: ChatTransaction, actor: ModuleActor, room: string, threadSeq: number): Promise<void> {
  const parent = await tx.message(room, threadSeq);
  if (!parent || !isVisible(parent, actor)) throw new ChatError('messageNotFound', String(threadSeq));
  if (parent.thread_seq !== null) {
    throw new ChatError('invalid', `message ${threadSeq} is itself in the thread under ${parent.thread_seq}`);
  }
}

async function checkRoomForMore({ config }: Chat, tx: ChatTransaction, user: string): Promise<void> {
  const { total } = await tx.read
    .selectFrom('chat_drafts')
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .where('user_id', '=', user)
    .executeTakeFirstOrThrow();
  const { drafts } = config.limits;
  if (total >= drafts) throw new ChatError('tooMany', `drafts of one user; at most ${drafts}`);
}
