/**
 * Searching messages: the index gives candidates, newest first; the messages themselves decide. So nothing is found that
 * was deleted, hidden or changed since, however far behind the index is.
 */
import { sql } from 'kysely';
import type { ModuleActor } from '../../module.ts';
import type { Chat } from '../chat.ts';
import { ChatError } from '../chat-error.ts';
import type { MessageRow } from '../chat-writer.ts';
import type { MessageBody } from '../mappers.ts';
import { isVisible, showMessage } from '../message-access.ts';
import { pageLimit } from '../message-pages.ts';
import type { Message } from '../model.ts';
import { readableRooms } from '../readable-rooms.ts';
import { accessRoom } from '../room-access.ts';
import { firstIdAt, roomWord } from './index-slice.ts';
import { indexWords, matches, queryTerms, type Term } from './search-words.ts';
import { makeSnippet, type Snippet } from './snippet.ts';

/** Words of one query. */
const maxTerms = 20;
/** Up to so many rooms, the index itself is asked for them; of more, candidates are sorted out. */
const maxRoomWords = 100;
const slice = 100;
/** Ids are at most so far behind their time. */
const spillMs = 1_000;
/** Candidates of one call; what is beyond is found by going on from `next`. */
const maxCandidates = 3_000;
/** Rooms of one user that are searched. */
const maxRooms = 10_000;

export interface SearchInput {
  readonly query: string;
  readonly room?: string | undefined;
  readonly sender?: string | undefined;
  /** Sent before this time; at or after that one. Unix milliseconds. */
  readonly before?: number | undefined;
  readonly after?: number | undefined;
  readonly limit?: number | undefined;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
}

export interface SearchPage {
  /** Newest first. */
  readonly results: readonly { readonly message: Message; readonly snippet: Snippet }[];
  /** For `cursor`; absent when there is nothing more. A page may hold less than asked for, or nothing, and still go on. */
  readonly next?: string;
}

/** Where to look. */
interface Scope {
  readonly terms: readonly Term[];
  /** Undefined: everywhere. */
  readonly rooms: ReadonlySet<string> | undefined;
  /** Of the rooms, for the index; undefined if they are too many. */
  readonly roomWords: readonly string[] | undefined;
}

/**
 * @throws ChatError invalid for a query without a word, tooMany, and for a room what reading it throws.
 */
export async function searchMessages(chat: Chat, actor: ModuleActor, input: SearchInput): Promise<SearchPage> {
  const limit = pageLimit(chat, input.limit);
  const terms = queryTerms(input.query);
  if (terms.length === 0) throw new ChatError('invalid', 'a query needs a word');
  if (terms.length > maxTerms) throw new ChatError('tooMany', `${terms.length} words; at most ${maxTerms}`);
  const rooms = await roomsOf(chat, actor, input.room);
  await chat.search.catchUp();
  const roomWords = await wordsOfRooms(chat, rooms);
  if (rooms && (rooms.size === 0 || roomWords?.length === 0)) return { results: [] };
  const scope: Scope = { terms, rooms, roomWords };
  const from = input.after === undefined ? 0 : firstIdAt(input.after);
  let below = Number(input.cursor ?? Number.MAX_SAFE_INTEGER);
  // Ids of a full millisecond go on into the next: the messages themselves are asked for their time.
  if (input.before !== undefined) below = Math.min(below, firstIdAt(input.before + spillMs));
  const results: { message: Message; snippet: Snippet }[] = [];
  for (let seen = 0; seen < maxCandidates; seen += slice) {
    const ids = await findCandidates(chat, scope, from, below);
    const found = await readMessages(chat, actor, scope, input, ids);
    for (const id of ids) {
      const row = found.get(id);
      if (row === undefined) continue;
      if (results.length === limit) return { results, next: String(below) };
      below = id;
      const { text = '' } = JSON.parse(row.body) as MessageBody;
      results.push({ message: showMessage(row, actor), snippet: makeSnippet(text, terms) });
    }
    if (ids.length < slice) return { results };
    below = ids.at(-1) ?? below;
  }
  return { results, next: String(below) };
}

/** @returns undefined for the system without a room: it may read everything. */
async function roomsOf(chat: Chat, actor: ModuleActor, room: string | undefined): Promise<Set<string> | undefined> {
  if (room !== undefined) return new Set([(await accessRoom(chat, actor, room)).room.id]);
  if (actor.system) return undefined;
  const rows = await chat.db
    .selectFrom('chat_members')
    .select('room_id')
    .where('user_id', '=', actor.user)
    .where('state', '=', 'member')
    .limit(maxRooms)
    .execute();
  return readableRooms(
    chat,
    actor,
    rows.map(({ room_id }) => room_id),
  );
}

async function wordsOfRooms(chat: Chat, rooms: ReadonlySet<string> | undefined): Promise<string[] | undefined> {
  if (!rooms || rooms.size === 0 || rooms.size > maxRoomWords) return undefined;
  const rows = await chat.db
    .selectFrom('chat_search_rooms')
    .select('number')
    .where('room_id', 'in', [...rooms])
    .execute();
  return rows.map(({ number }) => roomWord(number));
}

/** Ids of the index, newest first, at most a slice. */
async function findCandidates(
  { db, context: { store } }: Chat,
  { terms, roomWords }: Scope,
  from: number,
  below: number,
): Promise<number[]> {
  // Words are letters, digits and marks: no quote ends what stands in quotes.
  if (store.dialect === 'postgres') {
    const words = terms.map(({ text, prefix }) => `'${text}'${prefix ? ':*' : ''}`);
    const places = roomWords ? [`(${roomWords.map((word) => `'${word}'`).join(' | ')})`] : [];
    const query = [...words, ...places].join(' & ');
    const { rows } = await sql<{ id: number }>`
      select id from chat_search where words @@ ${query}::tsquery and id >= ${from}::bigint and id < ${below}::bigint
      order by id desc limit ${slice}::int`.execute(db);
    return rows.map(({ id }) => id);
  }
  const words = terms.map(({ text, prefix }) => `"${text}"${prefix ? '*' : ''}`);
  const places = roomWords ? [`(${roomWords.map((word) => `"${word}"`).join(' OR ')})`] : [];
  const { rows } = await sql<{ id: number }>`
    select rowid as id from chat_search_words where chat_search_words match ${[...words, ...places].join(' AND ')}
    and rowid >= ${from} and rowid < ${below} order by rowid desc limit ${slice}`.execute(db);
  return rows.map(({ id }) => id);
}

/** Of the candidates, the messages that the actor sees and that still say it; by id. */
async function readMessages(
  { db }: Chat,
  actor: ModuleActor,
  { terms, rooms }: Scope,
  input: SearchInput,
  ids: readonly number[],
): Promise<Map<number, MessageRow>> {
  if (ids.length === 0) return new Map();
  let entries = db.selectFrom('chat_search').select(['id', 'room_id', 'seq']).where('id', 'in', ids);
  if (input.sender !== undefined) entries = entries.where('sender_id', '=', input.sender);
  const places = (await entries.execute()).filter(({ room_id }) => !rooms || rooms.has(room_id));
  if (places.length === 0) return new Map();
  const rows = await db
    .selectFrom('chat_messages as message')
    .innerJoin('chat_rooms as room', 'room.id', 'message.room_id')
    .selectAll('message')
    .where('message.deleted_at', 'is', null)
    .where('room.deleted_at', 'is', null)
    .where((eb) =>
      eb(
        eb.refTuple('message.room_id', 'message.seq'),
        'in',
        places.map(({ room_id, seq }) => eb.tuple(room_id, seq)),
      ),
    )
    .execute();
  const idOf = new Map(places.map(({ id, room_id, seq }) => [`${room_id}\0${seq}`, id]));
  const found = new Map<number, MessageRow>();
  for (const row of rows) {
    const id = idOf.get(`${row.room_id}\0${row.seq}`);
    if (id === undefined || !isVisible(row, actor)) continue;
    if (input.before !== undefined && row.created_at >= input.before) continue;
    if (input.after !== undefined && row.created_at < input.after) continue;
    if (matches(indexWords((JSON.parse(row.body) as MessageBody).text ?? ''), terms)) found.set(id, row);
  }
  return found;
}
