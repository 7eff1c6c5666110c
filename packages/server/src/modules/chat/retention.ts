/**
 * Messages older than a room keeps them are removed, from the first on, in slices. What follows from it: a client whose
 * position lies before the last change of a removed message gets one reset instead of a gap; and who had not read them
 * has nothing unread of them any more.
 *
 * Read marks go first: whatever dies in between, no message is unread that is not there. What somebody marks as unread
 * meanwhile is put right when the messages have gone.
 */
import { sql } from 'kysely';
import type { Chat } from './chat.ts';
import type { ChatTransaction, RoomRow } from './chat-writer.ts';
import { toReadState } from './read-markers.ts';

const roomsAtOnce = 200;
const messagesAtOnce = 500;
const membersAtOnce = 500;

/** Messages up to here go. */
interface Cut {
  readonly seq: number;
  /** Countable messages up to it. */
  readonly ucount: number;
}

/** Goes through all rooms, some in each slice, and begins anew when it has seen them all. */
export class RetentionSweep {
  readonly #chat: Chat;
  #after = '';

  constructor(chat: Chat) {
    this.#chat = chat;
  }

  /** @returns whether there are more rooms. */
  async slice(): Promise<boolean> {
    const { db, config, context } = this.#chat;
    const now = context.clock.now();
    let query = db
      .selectFrom('chat_rooms as room')
      .select(['id', 'retention_ms'])
      .select(
        sql<number | null>`(select created_at from chat_messages where room_id = room.id order by seq limit 1)`.as(
          'oldest',
        ),
      )
      .where('id', '>', this.#after)
      .where('deleted_at', 'is', null)
      .orderBy('id')
      .limit(roomsAtOnce);
    if (config.retention === undefined) query = query.where('retention_ms', 'is not', null);
    const rooms = await query.execute();
    for (const { id, retention_ms, oldest } of rooms) {
      const keptMs = retention_ms ?? config.retention;
      if (keptMs !== undefined && oldest !== null && oldest < now - keptMs)
        await removeBefore(this.#chat, id, now - keptMs);
      this.#after = id;
    }
    if (rooms.length === roomsAtOnce) return true;
    this.#after = '';
    return false;
  }
}

/** Removes the messages of a room that were sent before a time, up to the first that was not. */
async function removeBefore(chat: Chat, room: string, beforeMs: number): Promise<void> {
  const cut = await findCut(chat, room, beforeMs);
  if (!cut) return;
  await raiseReadMarks(chat, room, cut);
  while (await removeSlice(chat, room, cut)) await new Promise<void>((resolve) => setImmediate(resolve));
  await raiseReadMarks(chat, room, cut);
}

async function findCut({ db }: Chat, room: string, beforeMs: number): Promise<Cut | undefined> {
  // By steps along the key: what is kept may be a long way behind.
  for (let seq = 0; ;) {
    const rows = await db
      .selectFrom('chat_messages')
      .select(['seq', 'ucount', 'created_at'])
      .where('room_id', '=', room)
      .where('seq', '>', seq)
      .orderBy('seq')
      .limit(messagesAtOnce)
      .execute();
    const kept = rows.findIndex(({ created_at }) => created_at >= beforeMs);
    const last = kept === -1 ? rows.at(-1) : rows[kept - 1];
    if (kept !== -1 || rows.length < messagesAtOnce) {
      if (last) return { seq: last.seq, ucount: last.ucount };
      return seq === 0 ? undefined : lastBefore(db, room, seq + 1);
    }
    seq = last?.seq ?? seq;
  }
}

async function lastBefore(db: Chat['db'], room: string, seq: number): Promise<Cut | undefined> {
  return db
    .selectFrom('chat_messages')
    .select(['seq', 'ucount'])
    .where('room_id', '=', room)
    .where('seq', '<', seq)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** Whoever has read less has read that far: the rest is still to be read, and nothing more. */
async function raiseReadMarks(chat: Chat, id: string, cut: Cut): Promise<void> {
  for (let after = ''; ;) {
    const behind = await chat.db
      .selectFrom('chat_members')
      .select('user_id')
      .where('room_id', '=', id)
      .where('user_id', '>', after)
      .where((eb) => eb.or([eb('read_seq', '<', cut.seq), eb('read_ucount', '<', cut.ucount)]))
      .orderBy('user_id')
      .limit(membersAtOnce)
      .execute();
    const users = behind.map(({ user_id }) => user_id);
    if (users.length === 0) return;
    const needs = { rooms: [id], members: users.map((user) => [id, user] as const), alone: true };
    await chat.writer.run(needs, async (tx) => {
      const room = await tx.findRoom(id);
      if (!room) return;
      const mentions = await countMentionsBehind(tx, id, users, cut.seq);
      for (const user of users) await raiseReadMark(chat, tx, room, user, cut, mentions.get(user) ?? 0);
    });
    after = users.at(-1) ?? after;
  }
}

async function raiseReadMark(
  chat: Chat,
  tx: ChatTransaction,
  room: RoomRow,
  user: string,
  cut: Cut,
  mentions: number,
): Promise<void> {
  const before = await tx.member(room.id, user);
  if (!before || (before.read_seq >= cut.seq && before.read_ucount >= cut.ucount)) return;
  const member = tx.changeMember(room.id, user, {
    read_seq: Math.max(before.read_seq, cut.seq),
    read_ucount: Math.max(before.read_ucount, cut.ucount),
    delivered_seq: Math.max(before.delivered_seq, cut.seq),
    mention_count: before.mention_count === 0 ? 0 : Math.min(before.mention_count, mentions),
    updated_at: tx.nowMs,
  });
  if (member.state !== 'member' || room.member_count > chat.config.limits.notifiedMembers) return;
  tx.tell(user, { type: 'read', ...toReadState(member, room) });
}

/** Mentions of these users, and of everybody by others, behind `seq`. */
async function countMentionsBehind(
  tx: ChatTransaction,
  room: string,
  users: readonly string[],
  seq: number,
): Promise<ReadonlyMap<string, number>> {
  const rows = await tx.read
    .selectFrom('chat_mentions as mention')
    .innerJoin('chat_messages as message', (join) =>
      join.onRef('message.room_id', '=', 'mention.room_id').onRef('message.seq', '=', 'mention.seq'),
    )
    .select(['mention.user_id', 'mention.seq', 'message.sender_id'])
    .where('mention.room_id', '=', room)
    .where('mention.seq', '>', seq)
    .where('mention.user_id', 'in', [...users, '*'])
    .execute();
  const ofAll = rows.filter(({ user_id }) => user_id === '*');
  const all = new Set(ofAll.map((row) => row.seq));
  const bySender = Map.groupBy(ofAll, ({ sender_id }) => sender_id);
  const counts = new Map(users.map((user) => [user, all.size - (bySender.get(user)?.length ?? 0)]));
  for (const { user_id, seq: at } of rows) {
    if (user_id !== '*' && !all.has(at)) counts.set(user_id, (counts.get(user_id) ?? 0) + 1);
  }
  return counts;
}

/** @returns whether there are more. */
async function removeSlice(chat: Chat, id: string, cut: Cut): Promise<boolean> {
  // Alone: what others have read in this transaction they would write again.
  return chat.writer.run({ rooms: [id], alone: true }, async (tx) => {
    const room = await tx.findRoom(id);
    if (!room) return false;
    const removed = await removeMessages(tx, id, cut.seq, messagesAtOnce);
    if (removed.count > 0) tx.changeRoom(id, { min_rev: Math.max(room.min_rev, removed.maxRev) });
    return removed.count === messagesAtOnce;
  });
}

/**
 * Removes the first messages of a room and everything that hangs on them; their attachments become orphans.
 * @param tx alone, with the room locked.
 */
export async function removeMessages(
  tx: ChatTransaction,
  room: string,
  maxSeq: number,
  limit: number,
): Promise<{ readonly count: number; readonly maxRev: number }> {
  const rows = await tx.read
    .selectFrom('chat_messages')
    .select(['seq', 'rev'])
    .where('room_id', '=', room)
    .where('seq', '<=', maxSeq)
    .orderBy('seq')
    .limit(limit)
    .execute();
  const last = rows.at(-1);
  if (!last) return { count: 0, maxRev: 0 };
  for (const table of [
    'chat_message_versions',
    'chat_reactions',
    'chat_poll_votes',
    'chat_poll_closings',
    'chat_mentions',
  ] as const) {
    await tx.write.deleteFrom(table).where('room_id', '=', room).where('seq', '<=', last.seq).execute();
  }
  await tx.write
    .deleteFrom('chat_thread_members')
    .where('room_id', '=', room)
    .where('thread_seq', '<=', last.seq)
    .execute();
  // A trigger makes their attachments orphans and takes them from the search index.
  await tx.write.deleteFrom('chat_messages').where('room_id', '=', room).where('seq', '<=', last.seq).execute();
  return { count: rows.length, maxRev: rows.reduce((max, { rev }) => Math.max(max, rev), 0) };
}
