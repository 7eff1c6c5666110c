/**
 * Pages of messages, both ways and around one, by seq. A page is one stretch of the primary key, or of the index over
 * threads; nothing is counted.
 */
import type { SelectQueryBuilder } from 'kysely';
import type { ModuleActor } from '../module.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { MessageRow } from './chat-writer.ts';
import { showMessage } from './message-access.ts';
import { shownColumns, type ShownRow } from './mappers.ts';
import type { Message, OwnState } from './model.ts';
import { readOwnStates } from './own-state.ts';
import { readTogether } from './read-together.ts';
import { accessRoom } from './room-access.ts';
import type { ChatTables } from './tables.ts';

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
  // One more than wanted, if there are more.
  const rows = (order: 'asc' | 'desc', bound: number, most: number) =>
    stretch(chat, input, order, bound, most + 1).select(shownColumns);
  const isThere = (order: 'asc' | 'desc', bound: number) => stretch(chat, input, order, bound, 1).select('seq');
  if (around !== undefined) {
    const half = Math.floor(limit / 2);
    const below = limit - half;
    const [earlier, from] = await readTogether(chat.db, rows('desc', around, half), rows('asc', around - 1, below));
    const messages = [...earlier.slice(0, half).toReversed(), ...from.slice(0, below)];
    return page(chat, actor, messages, earlier.length > half, from.length > below);
  }
  if (after !== undefined) {
    const [behind, others] = await readTogether(chat.db, rows('asc', after, limit), isThere('desc', after + 1));
    return page(chat, actor, behind.slice(0, limit), others.length > 0, behind.length > limit);
  }
  const ahead = rows('desc', before ?? room.last_seq + 1, limit);
  // What comes in meanwhile, behind the latest, is told on the room's channel.
  const [found, others] =
    before === undefined ? [await ahead.execute(), []] : await readTogether(chat.db, ahead, isThere('asc', before - 1));
  return page(chat, actor, found.slice(0, limit).toReversed(), found.length > limit, others.length > 0);
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
  rows: readonly ShownRow[],
  hasBefore: boolean,
  hasAfter: boolean,
): Promise<MessagePage> {
  const own = await readOwnStates(chat.db, rows, actor.user);
  return { messages: rows.map((row) => showMessage(row, actor)), hasBefore, hasAfter, own };
}

/** Rows from `bound`, without it, in one direction. */
function stretch(
  { db }: Chat,
  { room, threadSeq }: PageInput,
  order: 'asc' | 'desc',
  bound: number,
  limit: number,
): SelectQueryBuilder<ChatTables, 'chat_messages', object> {
  return db
    .selectFrom('chat_messages')
    .where('room_id', '=', room)
    .where('thread_seq', threadSeq === undefined ? 'is' : '=', threadSeq ?? null)
    .where('seq', order === 'asc' ? '>' : '<', bound)
    .orderBy('seq', order)
    .limit(limit);
}
