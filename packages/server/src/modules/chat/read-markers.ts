/**
 * How far each member has read, and what was delivered to them: marks "up to" a message, which only go up, but for
 * mark-unread. Unread is a difference of two counters; nothing is counted over messages.
 *
 * Marks take no revision: they are told live without one (`receipts.ts`), and to the user's own devices.
 */
import type { ModuleActor } from '../module.ts';
import { actingUser } from './acting-user.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction, MemberRow, MessageRow, RoomRow } from './chat-writer.ts';
import { toMembership } from './mappers.ts';
import { countMentions } from './mentions.ts';
import { pageLimit } from './message-pages.ts';
import type { ReadState } from './model.ts';
import { accessRoom, enterRoom } from './room-access.ts';

/** Rooms of one transaction of `markDelivered`, so that nobody waits long for one of them. */
const roomsAtOnce = 100;

export interface MarkInput {
  readonly room: string;
  readonly seq: number;
}

/** How it is after the work of a transaction. */
interface Marked {
  readonly room: RoomRow;
  readonly member: MemberRow;
}

/**
 * Everything up to `seq` was read. What was read stays so; beyond the latest message is the latest message.
 * @throws ChatError roomNotFound, notMember, forbidden, banned, invalid.
 */
export async function markRead(chat: Chat, actor: ModuleActor, { room: id, seq }: MarkInput): Promise<ReadState> {
  const user = actingUser(actor);
  const marked = await chat.writer.run(needsOf(user, [id]), async (tx) => {
    const { room, member } = await requireMember(chat, tx, actor, id);
    const readSeq = Math.min(seq, room.last_seq);
    if (readSeq <= member.read_seq) return { room, member };
    const countable = Math.max(member.read_ucount, await countableUpTo(tx, room, readSeq));
    const none = readSeq === room.last_seq || member.mention_count === 0;
    const mentions = none ? 0 : await countMentions(tx, id, user, readSeq);
    return setRead(chat, tx, actor, { room, member }, { readSeq, countable, mentions });
  });
  return toReadState(marked.member, marked.room);
}

/**
 * Message `seq` and all behind it are unread again, however old it is.
 * @throws ChatError roomNotFound, notMember, forbidden, banned, messageNotFound, invalid.
 */
export async function markUnread(chat: Chat, actor: ModuleActor, { room: id, seq }: MarkInput): Promise<ReadState> {
  const user = actingUser(actor);
  const marked = await chat.writer.run(needsOf(user, [id]), async (tx) => {
    const { room, member } = await requireMember(chat, tx, actor, id);
    if (seq > room.last_seq) throw new ChatError('messageNotFound', String(seq));
    const readSeq = seq - 1;
    const countable = await countableUpTo(tx, room, readSeq);
    const mentions = await countMentions(tx, id, user, readSeq);
    const same = member.read_seq === readSeq && member.read_ucount === countable && member.mention_count === mentions;
    return same ? { room, member } : setRead(chat, tx, actor, { room, member }, { readSeq, countable, mentions });
  });
  return toReadState(marked.member, marked.room);
}

export interface Delivered {
  readonly room: string;
  readonly deliveredSeq: number;
}

/**
 * Everything up to `seq` reached a device of the user. Of several rooms, those that the user is no member of are left
 * out of the answer.
 * @throws ChatError invalid; for a single room roomNotFound, notMember, forbidden, banned.
 */
export async function markDelivered(
  chat: Chat,
  actor: ModuleActor,
  marks: readonly MarkInput[],
): Promise<{ readonly delivered: Delivered[] }> {
  const user = actingUser(actor);
  // The highest of each room, in the order in which rooms are locked.
  const highest = new Map<string, number>();
  for (const { room, seq } of marks) highest.set(room, Math.max(seq, highest.get(room) ?? 0));
  const rooms = [...highest.keys()].toSorted();
  const delivered: Delivered[] = [];
  for (let at = 0; at < rooms.length; at += roomsAtOnce) {
    const some = rooms.slice(at, at + roomsAtOnce);
    const marked = await chat.writer.run(needsOf(user, some), async (tx) => {
      const done: Marked[] = [];
      for (const id of some) {
        try {
          done.push(await deliver(chat, tx, actor, id, highest.get(id) ?? 0));
        } catch (error) {
          if (marks.length === 1 || !(error instanceof ChatError)) throw error;
        }
      }
      return done;
    });
    for (const { room, member } of marked) delivered.push({ room: room.id, deliveredSeq: member.delivered_seq });
  }
  return { delivered };
}

async function deliver(chat: Chat, tx: ChatTransaction, actor: ModuleActor, id: string, seq: number): Promise<Marked> {
  const { room, member } = await requireMember(chat, tx, actor, id);
  const deliveredSeq = Math.min(seq, room.last_seq);
  if (deliveredSeq <= member.delivered_seq) return { room, member };
  const moved = tx.changeMember(id, actor.user, { delivered_seq: deliveredSeq, updated_at: tx.nowMs });
  tx.afterCommit(() => chat.receipts.note(actor, room, moved, { delivered: deliveredSeq }));
  return { room, member: moved };
}

export interface Receipt {
  readonly user: string;
  readonly readSeq: number;
  readonly deliveredSeq: number;
}

export interface ReceiptsInput {
  readonly room: string;
  /** Only members whom this message has reached. */
  readonly seq?: number | undefined;
  /** Only users behind this one: the last of a page. */
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

/**
 * How far the members of a room have read, by user id.
 * @throws ChatError roomNotFound, notMember, forbidden, banned, tooMany.
 */
export async function listReceipts(
  chat: Chat,
  actor: ModuleActor,
  input: ReceiptsInput,
): Promise<{ readonly receipts: Receipt[]; readonly hasMore: boolean }> {
  const limit = pageLimit(chat, input.limit);
  const { room, member } = await accessRoom(chat, actor, input.room);
  chat.permissions.require('seeReceipts', actor, { room, member });
  let query = chat.db
    .selectFrom('chat_members')
    .select(['user_id', 'read_seq', 'delivered_seq'])
    .where('room_id', '=', room.id)
    .where('state', '=', 'member')
    .orderBy('user_id')
    .limit(limit + 1);
  if (input.after !== undefined) query = query.where('user_id', '>', input.after);
  const { seq } = input;
  if (seq !== undefined) query = query.where('delivered_seq', '>=', seq);
  const rows = await query.execute();
  return {
    receipts: rows.slice(0, limit).map((row) => ({
      user: row.user_id,
      readSeq: row.read_seq,
      deliveredSeq: row.delivered_seq,
    })),
    hasMore: rows.length > limit,
  };
}

export function toReadState(member: MemberRow, room: Pick<RoomRow, 'ucount'>): ReadState {
  const { readSeq, readCountable, deliveredSeq, unread, mentions } = toMembership(member, room);
  return { room: member.room_id, readSeq, readCountable, deliveredSeq, unread, mentions };
}

function needsOf(user: string, rooms: readonly string[]) {
  return { rooms, members: rooms.map((room) => [room, user] as const), restrictions: [user] };
}

async function requireMember(chat: Chat, tx: ChatTransaction, actor: ModuleActor, id: string) {
  const { room, member } = await enterRoom(chat, tx, actor, id);
  if (member?.state !== 'member') throw new ChatError('notMember', id);
  return { room, member };
}

function setRead(
  chat: Chat,
  tx: ChatTransaction,
  actor: ModuleActor,
  { room, member: before }: Marked,
  { readSeq, countable, mentions }: { readonly readSeq: number; readonly countable: number; readonly mentions: number },
): Marked {
  const member = tx.changeMember(room.id, before.user_id, {
    read_seq: readSeq,
    read_ucount: countable,
    delivered_seq: Math.max(before.delivered_seq, readSeq),
    mention_count: mentions,
    updated_at: tx.nowMs,
  });
  tx.tell(member.user_id, { type: 'read', ...toReadState(member, room) });
  tx.afterCommit(() => chat.receipts.note(actor, room, member, { read: readSeq }));
  return { room, member };
}

/**
 * Countable messages up to `seq`. If that message is no longer kept, those before the next one that is: what is unread
 * behind it are then the messages that are still there.
 */
async function countableUpTo(tx: ChatTransaction, room: RoomRow, seq: number): Promise<number> {
  if (seq >= room.last_seq) return room.ucount;
  const row = seq > 0 ? await tx.message(room.id, seq) : undefined;
  if (row) return row.ucount;
  const above = await firstAbove(tx, room, seq);
  return above ? above.ucount - (isCountable(above) ? 1 : 0) : room.ucount;
}

async function firstAbove(tx: ChatTransaction, room: RoomRow, seq: number): Promise<MessageRow | undefined> {
  const kept = await tx.read
    .selectFrom('chat_messages')
    .selectAll()
    .where('room_id', '=', room.id)
    .where('seq', '>', seq)
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst();
  if (kept) return kept;
  // Those of this very transaction are not in the database yet, and have no gaps.
  let first: MessageRow | undefined;
  for (let at = room.last_seq; at > seq; at--) {
    const fresh = await tx.message(room.id, at);
    if (!fresh) break;
    first = fresh;
  }
  return first;
}

/** Whether it raised the room's count when it was sent. */
function isCountable(row: MessageRow): boolean {
  return row.kind !== 'system' && row.silent === 0 && row.thread_seq === null && row.shadow === 0;
}
