/**
 * One transaction of the search index: new messages of some rooms by seq, then changed ones by revision, up to a bound.
 * Doing any of it again does no harm.
 */
import { sql, type Transaction } from 'kysely';
import type { StoreDialect } from '../../../stores/store.ts';
import type { MessageRow } from '../chat-writer.ts';
import type { MessageBody } from '../mappers.ts';
import type { ChatTables } from '../tables.ts';
import { indexWords } from './search-words.ts';

/** Messages of one transaction: about as many as a sender can wait for. On SQLite all of them wait. */
const maxMessages = { sqlite: 50, postgres: 100 } as const;
/** Ids of one millisecond. */
const idsPerMs = 1_024;

/** A private-use character, which no word holds, and the number of the room. */
export function roomWord(number: number): string {
  return `\uE000${number}`;
}

/** In the year 2245. Whatever comes later, by an import with wrong times, sorts as if sent then. */
const maxTimeMs = 8_700_000_000_000;

/** The least id of messages sent at this time. */
export function firstIdAt(ms: number): number {
  return Math.min(Math.max(0, Math.floor(ms)), maxTimeMs) * idsPerMs;
}

type Database = Transaction<ChatTables>;
type RoomState = ChatTables['chat_search_rooms'];
type Change = Pick<MessageRow, 'room_id' | 'seq' | 'sender_id' | 'body' | 'rev' | 'created_at' | 'deleted_at'>;

/** @returns rooms that have more. */
export async function indexSlice(
  db: Database,
  dialect: StoreDialect,
  rooms: readonly string[],
): Promise<readonly string[]> {
  const revs = await db.selectFrom('chat_rooms').select(['id', 'rev']).where('id', 'in', rooms).execute();
  const states = await loadStates(db, revs);
  const changes: Change[] = [];
  const numbers = new Map<string, number>();
  const moved: RoomState[] = [];
  const more: string[] = [];
  for (const { id, rev } of revs) {
    const state = states.get(id);
    if (!state) continue;
    numbers.set(id, state.number);
    const left = maxMessages[dialect] - changes.length;
    if (left <= 0) {
      more.push(id);
      continue;
    }
    const next = await readChanges(db, dialect, state, rev, left);
    for (const change of next.changes) changes.push(change);
    moved.push(next.state);
    if (next.more) more.push(id);
  }
  if (changes.length > 0) await writeChanges(db, dialect, changes, numbers);
  if (moved.length > 0) await saveStates(db, moved);
  return more;
}

async function loadStates(
  db: Database,
  rooms: readonly { readonly id: string; readonly rev: number }[],
): Promise<Map<string, RoomState>> {
  const ids = rooms.map(({ id }) => id);
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom('chat_search_rooms').selectAll().where('room_id', 'in', ids).execute();
  const states = new Map(rows.map((row) => [row.room_id, row]));
  const fresh = rooms.filter(({ id }) => !states.has(id));
  if (fresh.length === 0) return states;
  const { last } = await db
    .selectFrom('chat_search_rooms')
    .select((eb) => eb.fn.max('number').as('last'))
    .executeTakeFirstOrThrow();
  // What its messages went through before is in them when they are read.
  for (const [at, { id, rev }] of fresh.entries()) {
    states.set(id, { room_id: id, number: (last ?? 0) + at + 1, seq: 0, rev });
  }
  return states;
}

async function readChanges(
  db: Database,
  dialect: StoreDialect,
  state: RoomState,
  rev: number,
  limit: number,
): Promise<{ readonly changes: Change[]; readonly state: RoomState; readonly more: boolean }> {
  let query = db
    .selectFrom('chat_messages')
    .select(['room_id', 'seq', 'sender_id', 'body', 'rev', 'created_at', 'deleted_at'])
    .where('room_id', '=', state.room_id);
  // Whoever deletes one of them meanwhile waits, and then removes it from the index too.
  if (dialect === 'postgres') query = query.forKeyShare();
  const added = await query.where('seq', '>', state.seq).orderBy('seq').limit(limit).execute();
  const seq = added.at(-1)?.seq ?? state.seq;
  if (added.length === limit) return { changes: added, state: { ...state, seq }, more: true };
  const left = limit - added.length;
  const changed = await query
    .where('rev', '>', state.rev)
    .where('rev', '<>', (eb) => eb.ref('first_rev'))
    .where('seq', '<=', state.seq)
    .orderBy('rev')
    .limit(left)
    .execute();
  const more = changed.length === left;
  const reached = more ? (changed.at(-1)?.rev ?? state.rev) : rev;
  return { changes: [...added, ...changed], state: { ...state, seq, rev: reached }, more };
}

async function writeChanges(
  db: Database,
  dialect: StoreDialect,
  changes: readonly Change[],
  numbers: ReadonlyMap<string, number>,
): Promise<void> {
  const known = await db
    .selectFrom('chat_search')
    .select(['id', 'room_id', 'seq'])
    .where((eb) =>
      eb(
        eb.refTuple('room_id', 'seq'),
        'in',
        changes.map(({ room_id, seq }) => eb.tuple(room_id, seq)),
      ),
    )
    .execute();
  const ids = new Map(known.map(({ id, room_id, seq }) => [`${room_id}\0${seq}`, id]));
  const free = new FreeIds(db, dialect);
  await free.load(changes.map(({ created_at }) => firstIdAt(created_at)));
  const entries = new Map<string, { readonly row: ChatTables['chat_search']; readonly words: string[] }>();
  for (const { room_id, seq, sender_id, body, created_at, deleted_at } of changes) {
    const key = `${room_id}\0${seq}`;
    const words = deleted_at === null ? [...indexWords((JSON.parse(body) as MessageBody).text ?? '')] : [];
    if (words.length === 0 || entries.has(key)) continue;
    const id = ids.get(key) ?? (await free.next(created_at));
    entries.set(key, {
      row: { id, room_id, seq, sender_id },
      words: [...words, roomWord(numbers.get(room_id) ?? 0)],
    });
  }
  // Not before the free ids were found: an id stays with its message.
  if (ids.size > 0) {
    await db
      .deleteFrom('chat_search')
      .where('id', 'in', [...ids.values()])
      .execute();
  }
  if (entries.size === 0) return;
  const all = [...entries.values()];
  if (dialect === 'postgres') {
    const rows = all.map(
      ({ row, words }) =>
        sql`(${row.id}::bigint, ${row.room_id}, ${row.seq}::bigint, ${row.sender_id}, array_to_tsvector(${words}::text[]))`,
    );
    await sql`insert into chat_search (id, room_id, seq, sender_id, words) values ${sql.join(rows)}`.execute(db);
    return;
  }
  await db
    .insertInto('chat_search')
    .values(all.map(({ row }) => row))
    .execute();
  const rows = all.map(({ row, words }) => sql`(${row.id}, ${words.join(' ')})`);
  await sql`insert into chat_search_words (rowid, words) values ${sql.join(rows)}`.execute(db);
}

/** Ids that sort by time. Where a millisecond has more messages than ids, they go on into the next. */
class FreeIds {
  readonly #db: Database;
  readonly #dialect: StoreDialect;
  /** The next free id, by the first of its stretch of `idsPerMs`. */
  readonly #next = new Map<number, number>();

  constructor(db: Database, dialect: StoreDialect) {
    this.#db = db;
    this.#dialect = dialect;
  }

  /** Looks up stretches together. */
  async load(firsts: readonly number[]): Promise<void> {
    const json = JSON.stringify([...new Set(firsts)]);
    const stretches =
      this.#dialect === 'sqlite'
        ? sql`(select value as first from json_each(${json})) as stretch`
        : sql`(select value::bigint as first from json_array_elements_text(${json})) as stretch`;
    const { rows } = await sql<{ first: number; last: number | null }>`
      select first, (select max(id) from chat_search where id >= first and id < first + ${sql.lit(idsPerMs)}) as last
      from ${stretches}`.execute(this.#db);
    for (const { first, last } of rows) this.#next.set(first, last === null ? first : last + 1);
  }

  async next(sentMs: number): Promise<number> {
    for (let first = firstIdAt(sentMs); ; first += idsPerMs) {
      if (!this.#next.has(first)) await this.load([first]);
      const id = this.#next.get(first) as number;
      if (id >= first + idsPerMs) continue;
      this.#next.set(first, id + 1);
      return id;
    }
  }
}

async function saveStates(db: Database, states: readonly RoomState[]): Promise<void> {
  await db
    .insertInto('chat_search_rooms')
    .values(states)
    .onConflict((conflict) =>
      conflict.column('room_id').doUpdateSet((eb) => ({ seq: eb.ref('excluded.seq'), rev: eb.ref('excluded.rev') })),
    )
    .execute();
}
