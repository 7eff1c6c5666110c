/**
 * Pages of messages, both ways and around one, by seq. A page is one stretch of the primary key, or of the index over
 * threads; nothing is counted.
 */
import type { ModuleActor } from '../module.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { MessageRow } from './chat-writer.ts';
import { showMessage } from './message-access.ts';
import type { Message, OwnState } from './model.ts';
import { readOwnStates } from './own-state.ts';
import { accessRoom } from './room-access.ts';

export interface PageInput {
  readonly room: string;
  /** Only messages before this seq, the latest of them. */
  readonly before?: number | undefined;
  /** Only messages after it, the first of them. */
  readonly after?: number | undefined;
  /** This message, if it is still there, with half of the page before and half behind it. */
  readonly around?: number | undefined;
  readonly limit?: number | undefined;
  /** Those of this thread; without it those of the room that are in no thread. */
  readonly threadSeq?: number | undefined;
}

export interface MessagePage {
  /** By seq. */
  readonly messages: Message[];
  readonly hasBefore: boolean;
  readonly hasAfter: boolean;
  /** What the actor did with them, where they did something. */
  readonly own: OwnState[];
}

const defaultLimit = 50;

/**
 * @throws ChatError invalid for two cursors at once, tooMany for a limit beyond `limits.page`, roomNotFound, notMember,
 * forbidden.
 */
export async function readMessages(chat: Chat, actor: ModuleActor, input: PageInput): Promise<MessagePage> {
  const { before, after, around } = input;
  const limit = pageLimit(chat, input.limit);
  if ([before, after, around].filter((cursor) => cursor !== undefined).length > 1) {
    throw new ChatError('invalid', 'one of before, after and around');
  }
  const { room } = await accessRoom(chat, actor, input.room);
  if (around !== undefined) {
    const half = Math.floor(limit / 2);
    const [above, below] = await Promise.all([
      stretch(chat, input, 'desc', around, half),
      stretch(chat, input, 'asc', around - 1, limit - half),
    ]);
    return page(chat, actor, [...above.rows.toReversed(), ...below.rows], above.more, below.more);
  }
  if (after !== undefined) {
    const [rows, others] = await Promise.all([
      stretch(chat, input, 'asc', after, limit),
      stretch(chat, input, 'desc', after + 1, 0),
    ]);
    return page(chat, actor, rows.rows, others.more, rows.more);
  }
  const bound = before ?? room.last_seq + 1;
  const [rows, others] = await Promise.all([
    stretch(chat, input, 'desc', bound, limit),
    // What comes in meanwhile is told on the room's channel.
    before === undefined ? { more: false } : stretch(chat, input, 'asc', bound - 1, 0),
  ]);
  return page(chat, actor, rows.rows.toReversed(), rows.more, others.more);
}

/**
 * One message, as the database has it: what the actor sees of it, `toMessage` says.
 * @throws ChatError messageNotFound, and those of reading the room.
 */
export async function readMessage(chat: Chat, actor: ModuleActor, room: string, seq: number): Promise<MessageRow> {
  await accessRoom(chat, actor, room);
  return findMessage(chat, room, seq);
}

/** @throws ChatError messageNotFound. */
export async function findMessage({ db }: Pick<Chat, 'db'>, room: string, seq: number): Promise<MessageRow> {
  const row = await db
    .selectFrom('chat_messages')
    .selectAll()
    .where('room_id', '=', room)
    .where('seq', '=', seq)
    .executeTakeFirst();
  if (!row) throw new ChatError('messageNotFound', String(seq));
  return row;
}

/** @throws ChatError tooMany. */
export function pageLimit({ config }: Pick<Chat, 'config'>, limit: number | undefined): number {
  const max = config.limits.page;
  if (limit !== undefined && limit > max) throw new ChatError('tooMany', `limit ${limit}; at most ${max}`);
  return limit ?? Math.min(defaultLimit, max);
}

async function page(
  chat: Chat,
  actor: ModuleActor,
  rows: readonly MessageRow[],
  hasBefore: boolean,
  hasAfter: boolean,
): Promise<MessagePage> {
  const own = await readOwnStates(chat.db, rows, actor.user);
  return { messages: rows.map((row) => showMessage(row, actor)), hasBefore, hasAfter, own };
}

/** Rows from `bound`, without it, in one direction, and whether there are more. */
async function stretch(
  { db }: Chat,
  { room, threadSeq }: PageInput,
  order: 'asc' | 'desc',
  bound: number,
  limit: number,
): Promise<{ readonly rows: MessageRow[]; readonly more: boolean }> {
  const rows = await db
    .selectFrom('chat_messages')
    .selectAll()
    .where('room_id', '=', room)
    .where('thread_seq', threadSeq === undefined ? 'is' : '=', threadSeq ?? null)
    .where('seq', order === 'asc' ? '>' : '<', bound)
    .orderBy('seq', order)
    .limit(limit + 1)
    .execute();
  return { rows: rows.slice(0, limit), more: rows.length > limit };
}
