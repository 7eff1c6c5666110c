/**
 * Who is mentioned where: rows for named users, one for everybody in the room, and the members' counts of unread
 * mentions. The counts are kept by those who send, edit, delete and read; `countMentions` makes one anew.
 */
import { sql } from 'kysely';
import type { ModuleActor } from '../module.ts';
import { blockersOf } from './blockers.ts';
import type { Chat } from './chat.ts';
import type { ChatTransaction, MessageRow } from './chat-writer.ts';
import { toMessage, type MessageBody } from './mappers.ts';
import { showMessage } from './message-access.ts';
import type { Mentions, Message } from './model.ts';
import { pageLimit } from './message-pages.ts';
import { readableRooms } from './readable-rooms.ts';

/** Stands for everybody in the room; no user can be called so. */
const everybody = '*';

/** Notes and counts the mentions of a new message, and tells who is named; it mentions nobody to its sender. */
export async function addMentions(tx: ChatTransaction, row: MessageRow): Promise<void> {
  const mentions = mentionsOf(row);
  if (!mentions || row.shadow === 1) return;
  const all = namesAll(mentions);
  const named = await namedMembers(tx, row, mentions.users ?? []);
  for (const user of named) {
    if (!all) await count(tx, row, user, 1);
    await tell(tx, row, user);
  }
  if (all) tx.mentionAll(row.room_id, 1, row.seq, row.sender_id);
  await note(tx, row, all ? [...named, everybody] : named);
}

/**
 * Brings notes and counts in line with an edit. That everybody is mentioned now does not count: an edit of an old message
 * would call up the whole room.
 */
export async function updateMentions(tx: ChatTransaction, row: MessageRow): Promise<void> {
  if (row.shadow === 1) return;
  const is = mentionsOf(row) ?? {};
  const noted = await tx.read
    .selectFrom('chat_mentions')
    .select('user_id')
    .where('room_id', '=', row.room_id)
    .where('seq', '=', row.seq)
    .execute();
  const known = new Set(noted.map(({ user_id }) => user_id));
  // What an edit brought in later stands in no note, and was never counted.
  const everybodyWas = known.has(everybody);
  const named = await namedMembers(tx, row, is.users ?? []);
  const gone = [...known].filter((user) => user !== everybody && !named.includes(user));
  const added = named.filter((user) => !known.has(user));
  for (const user of added) {
    if (!everybodyWas) await count(tx, row, user, 1);
    await tell(tx, row, user);
  }
  if (!everybodyWas) for (const user of gone) await count(tx, row, user, -1);
  if (everybodyWas && !namesAll(is)) {
    tx.mentionAll(row.room_id, -1, row.seq, row.sender_id);
    for (const user of named) await count(tx, row, user, 1);
    gone.push(everybody);
  }
  await forget(tx, row, gone);
  await note(tx, row, added);
}

/** Takes back what a message that is deleted has mentioned. */
export async function removeMentions(tx: ChatTransaction, row: MessageRow): Promise<void> {
  const mentions = mentionsOf(row);
  if (!mentions || row.shadow === 1) return;
  const removed = await tx.write
    .deleteFrom('chat_mentions')
    .where('room_id', '=', row.room_id)
    .where('seq', '=', row.seq)
    .returning('user_id')
    .execute();
  const users = removed.map(({ user_id }) => user_id);
  if (users.includes(everybody)) tx.mentionAll(row.room_id, -1, row.seq, row.sender_id);
  else for (const user of users) await count(tx, row, user, -1);
}

/**
 * Unread mentions of a member who has read up to `readSeq`, counted anew; what they said themselves is none.
 * @param tx without `message` where all messages are in the database.
 */
export async function countMentions(
  tx: Pick<ChatTransaction, 'read'> & Partial<Pick<ChatTransaction, 'message'>>,
  room: string,
  user: string,
  readSeq: number,
): Promise<number> {
  // Messages of this very transaction are not in the database yet, their notes are: one row for each.
  const counted = await tx.read
    .selectFrom('chat_mentions as mention')
    .leftJoin('chat_messages as message', (join) =>
      join.onRef('message.room_id', '=', 'mention.room_id').onRef('message.seq', '=', 'mention.seq'),
    )
    .select(sql<number>`case when message.seq is null then mention.seq else 0 end`.as('fresh'))
    .select((eb) => eb.fn.count<number>('mention.seq').distinct().as('total'))
    .where('mention.user_id', 'in', [user, everybody])
    .where('mention.room_id', '=', room)
    .where('mention.seq', '>', readSeq)
    .where((eb) => eb.or([eb('message.sender_id', 'is', null), eb('message.sender_id', '<>', user)]))
    .groupBy('fresh')
    .execute();
  let unread = 0;
  for (const { fresh, total } of counted) {
    const isOwn = fresh > 0 && (await tx.message?.(room, fresh))?.sender_id === user;
    if (!isOwn) unread += total;
  }
  return unread;
}

export interface MentionPage {
  /** The latest first. */
  readonly mentions: Message[];
  /** For `before` of the next page; absent on the last. */
  readonly next?: string;
}

/**
 * Messages that mention the actor, or everybody, in rooms they are a member of and may read.
 * @throws ChatError tooMany.
 */
export async function listMentions(
  chat: Chat,
  actor: ModuleActor,
  input: { readonly before?: string | undefined; readonly limit?: number | undefined },
): Promise<MentionPage> {
  const limit = pageLimit(chat, input.limit);
  const from = (user: string) => {
    let query = chat.db
      .selectFrom('chat_members as member')
      .innerJoin('chat_mentions as mention', 'mention.room_id', 'member.room_id')
      .innerJoin('chat_messages as message', (join) =>
        join.onRef('message.room_id', '=', 'mention.room_id').onRef('message.seq', '=', 'mention.seq'),
      )
      .selectAll('message')
      .where('member.user_id', '=', actor.user)
      .where('member.state', '=', 'member')
      .where('mention.user_id', '=', user)
      .where('message.sender_id', '<>', actor.user)
      .whereRef('mention.seq', '>', 'member.joined_seq')
      .orderBy('mention.message_id', 'desc')
      .limit(limit + 1);
    if (input.before !== undefined) query = query.where('mention.message_id', '<', input.before);
    return query.execute();
  };
  const found = await Promise.all([from(actor.user), from(everybody)]);
  const byId = new Map(found.flat().map((row) => [row.id, row]));
  const rows = [...byId.values()].toSorted((a, b) => (a.id < b.id ? 1 : -1)).slice(0, limit);
  const readable = await readableRooms(chat, actor, [...new Set(rows.map(({ room_id }) => room_id))]);
  const last = rows.at(-1);
  return {
    mentions: rows.filter(({ room_id }) => readable.has(room_id)).map((row) => showMessage(row, actor)),
    ...(byId.size > limit && last && { next: last.id }),
  };
}

function mentionsOf(row: MessageRow): Mentions | undefined {
  return (JSON.parse(row.body) as MessageBody).mentions;
}

function namesAll(mentions: Mentions): boolean {
  return mentions.room === true || mentions.here === true;
}

/** Of the users named, those who are members, not the sender, and do not block the sender. */
async function namedMembers(tx: ChatTransaction, row: MessageRow, users: readonly string[]): Promise<string[]> {
  const named: string[] = [];
  if (users.length === 0) return named;
  const blockers = await blockersOf(tx.read, { user: row.sender_id, system: false }, users);
  for (const user of users) {
    if (user === row.sender_id || blockers.has(user)) continue;
    const member = await tx.member(row.room_id, user);
    if (member?.state === 'member') named.push(user);
  }
  return named;
}

/** Who is banned from everywhere is still a member, but sees nothing of the room until the ban ends. */
async function tell(tx: ChatTransaction, row: MessageRow, user: string): Promise<void> {
  const restrictions = await tx.restrictions(row.room_id, user);
  if (restrictions.some(({ kind }) => kind === 'ban')) return;
  tx.tell(user, { type: 'mention', message: toMessage(row) });
}

/** Counts for a member who has not read the message. */
async function count(tx: ChatTransaction, row: MessageRow, user: string, by: 1 | -1): Promise<void> {
  const member = await tx.member(row.room_id, user);
  if (member?.state !== 'member' || member.read_seq >= row.seq) return;
  tx.changeMember(row.room_id, user, {
    mention_count: Math.max(0, member.mention_count + by),
    updated_at: tx.nowMs,
  });
}

async function note(tx: ChatTransaction, row: MessageRow, users: readonly string[]): Promise<void> {
  if (users.length === 0) return;
  await tx.write
    .insertInto('chat_mentions')
    .values(users.map((user_id) => ({ user_id, room_id: row.room_id, seq: row.seq, message_id: row.id })))
    .execute();
}

async function forget(tx: ChatTransaction, row: MessageRow, users: readonly string[]): Promise<void> {
  if (users.length === 0) return;
  await tx.write
    .deleteFrom('chat_mentions')
    .where('room_id', '=', row.room_id)
    .where('seq', '=', row.seq)
    .where('user_id', 'in', users)
    .execute();
}
