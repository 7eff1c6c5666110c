/**
 * The rows that one transaction reads and changes. They are read in few statements for all the work of a turn, changed
 * in memory, and written in few statements: what a hot room costs is per transaction, not per message.
 *
 * Path of a message: command → writer → **rows** → store → outbox.
 */
import type { Transaction } from 'kysely';
import type { StoreDialect } from '../../stores/store.ts';
import { ChatError } from './chat-error.ts';
import type { MemberRow, MessageRow, Needs, RestrictionRow, RoomRow } from './chat-writer.ts';
import type { KeptRows } from './kept-rows.ts';
import { RowBatch } from './row-batch.ts';
import type { ChatTables } from './tables.ts';

export const rowKey = (...parts: readonly (string | number)[]): string => parts.join('\u0000');

/** A change of the mention counts of all members of a room that have not read `seq`. */
export interface MentionOfAll {
  readonly room: string;
  readonly by: 1 | -1;
  readonly seq: number;
}

export function withMention(row: MemberRow, { by, seq }: MentionOfAll): MemberRow {
  if (row.state !== 'member' || row.read_seq >= seq) return row;
  return { ...row, mention_count: Math.max(0, row.mention_count + by) };
}

/** Rows by key; null: there is none. */
export class RowCache {
  readonly rooms: Map<string, RoomRow | null>;
  readonly members: Map<string, MemberRow | null>;
  readonly messages = new Map<string, MessageRow | null>();
  /** Messages by room, sender and client id. */
  readonly sent = new Map<string, MessageRow | null>();
  readonly restrictions: Map<string, readonly RestrictionRow[]>;
  /** By room; the members here have them already, those still in the database have not. */
  readonly mentions = new Map<string, MentionOfAll[]>();
  readonly #db: Transaction<ChatTables>;
  readonly #dialect: StoreDialect;

  /** @param kept rows of the transactions before that are still as they were. */
  constructor(db: Transaction<ChatTables>, dialect: StoreDialect, kept: KeptRows) {
    this.#db = db;
    this.#dialect = dialect;
    this.rooms = kept.rooms;
    this.members = kept.members;
    this.restrictions = kept.restrictions;
  }

  /** Reads what is not here yet. Rooms are locked, in the order of their ids, so that two transactions do not wait for each other. */
  async load(needs: Needs): Promise<void> {
    const batch = new RowBatch(this.#dialect);
    // Rooms come first, since their locks are what keeps the rest as it is.
    const rooms = [...new Set(needs.rooms)].filter((id) => !this.rooms.has(id)).map((id) => [id] as const);
    batch.find('chat_rooms', ['id'], rooms, (rows) => fill(this.rooms, rooms, rows, ({ id }) => id), true);
    const members = missing(needs.members, this.members);
    batch.find('chat_members', ['room_id', 'user_id'], members, (rows) =>
      fill(
        this.members,
        members,
        rows.map((row) => (this.mentions.get(row.room_id) ?? []).reduce(withMention, row)),
        (row) => rowKey(row.room_id, row.user_id),
      ),
    );
    const messages = missing(needs.messages, this.messages);
    batch.find('chat_messages', ['room_id', 'seq'], messages, (rows) =>
      fill(this.messages, messages, rows, (row) => rowKey(row.room_id, row.seq)),
    );
    const sent = missing(needs.clientIds, this.sent);
    batch.find('chat_messages', ['room_id', 'sender_id', 'client_id'], sent, (rows) =>
      fill(this.sent, sent, rows, (row) => rowKey(row.room_id, row.sender_id, row.client_id ?? '')),
    );
    const users = [...new Set(needs.restrictions)].filter((user) => !this.restrictions.has(user));
    batch.find(
      'chat_restrictions',
      ['user_id'],
      users.map((user) => [user]),
      (rows) => {
        const found = Map.groupBy(rows, ({ user_id }) => user_id);
        for (const user of users) this.restrictions.set(user, found.get(user) ?? []);
      },
    );
    await batch.run(this.#db);
  }
}

/** What every message changes of its room and its sender; an index has none of it but `last_at`, of rooms to be found. */
export const roomCounters = ['last_seq', 'last_at', 'ucount', 'rev'] as const satisfies readonly (keyof RoomRow)[];
export const memberMarks = [
  'read_seq',
  'read_ucount',
  'delivered_seq',
  'mention_count',
  'updated_at',
  'sent_at',
] as const satisfies readonly (keyof MemberRow)[];

/** What one piece of work changed. It goes to the changes of the whole transaction when the work has succeeded. */
export class RowChanges {
  readonly rooms = new Map<string, RoomRow>();
  readonly newRooms = new Map<string, RoomRow>();
  readonly members = new Map<string, MemberRow>();
  /** Rooms and members of which more has changed than counters and marks. */
  readonly whole = new Set<string>();
  readonly mentions: MentionOfAll[] = [];
  readonly messages = new Map<string, MessageRow>();
  readonly newMessages = new Map<string, MessageRow>();

  mergeInto(target: RowChanges, cache: RowCache): void {
    for (const [id, row] of this.newRooms) target.newRooms.set(id, set(cache.rooms, id, row));
    for (const [id, row] of this.rooms) {
      (target.newRooms.has(id) ? target.newRooms : target.rooms).set(id, set(cache.rooms, id, row));
    }
    for (const id of this.whole) target.whole.add(id);
    for (const mention of this.mentions) this.#mergeMention(mention, target, cache);
    for (const [id, row] of this.members) target.members.set(id, set(cache.members, id, row));
    for (const [id, row] of this.newMessages) {
      target.newMessages.set(id, set(cache.messages, id, row));
      if (row.client_id !== null) cache.sent.set(rowKey(row.room_id, row.sender_id, row.client_id), row);
    }
    for (const [id, row] of this.messages) {
      // A message of this very transaction is inserted as it is now.
      (target.newMessages.has(id) ? target.newMessages : target.messages).set(id, set(cache.messages, id, row));
      if (row.client_id !== null) cache.sent.set(rowKey(row.room_id, row.sender_id, row.client_id), row);
    }
  }

  /** Rows that other work has read or changed learn of it; those that this work has changed know. */
  #mergeMention(mention: MentionOfAll, target: RowChanges, cache: RowCache): void {
    target.mentions.push(mention);
    const before = cache.mentions.get(mention.room);
    if (before) before.push(mention);
    else cache.mentions.set(mention.room, [mention]);
    for (const [id, row] of cache.members) {
      if (row?.room_id !== mention.room) continue;
      const counted = withMention(row, mention);
      cache.members.set(id, counted);
      if (target.members.has(id)) target.members.set(id, counted);
    }
  }

  /** Has every row written once. */
  write(db: Transaction<ChatTables>, batch: RowBatch): void {
    // Before the members: those that were changed have it already, and are written as they are.
    for (const { room, by, seq } of this.mentions) {
      batch.add(
        db
          .updateTable('chat_members')
          .set((eb) => ({ mention_count: eb('mention_count', '+', by) }))
          .where('room_id', '=', room)
          .where('state', '=', 'member')
          .where('read_seq', '<', seq)
          .where('mention_count', '>=', by === -1 ? 1 : 0)
          .compile(),
      );
    }
    // Not "put": who makes a room at the same time must not be overwritten.
    batch.insert('chat_rooms', [...this.newRooms.values()]);
    const rooms = this.#byExtent(this.rooms);
    batch.put('chat_rooms', ['id'], rooms.whole);
    batch.update('chat_rooms', ['id'], roomCounters, rooms.counted);
    batch.insert('chat_messages', [...this.newMessages.values()]);
    batch.put('chat_messages', ['room_id', 'seq'], [...this.messages.values()]);
    const members = this.#byExtent(this.members);
    batch.put('chat_members', ['room_id', 'user_id'], members.whole);
    batch.update('chat_members', ['room_id', 'user_id'], memberMarks, members.counted);
  }

  #byExtent<Row>(rows: ReadonlyMap<string, Row>): { readonly whole: Row[]; readonly counted: Row[] } {
    const [whole, counted]: [Row[], Row[]] = [[], []];
    for (const [id, row] of rows) (this.whole.has(id) ? whole : counted).push(row);
    return { whole, counted };
  }
}

function set<T>(map: Map<string, T | null>, id: string, row: T): T {
  map.set(id, row);
  return row;
}

function missing<T extends readonly (string | number)[]>(
  wanted: readonly T[] | undefined,
  known: ReadonlyMap<string, unknown>,
): T[] {
  const found = new Map<string, T>();
  for (const parts of wanted ?? []) {
    const id = rowKey(...parts);
    if (!known.has(id)) found.set(id, parts);
  }
  return [...found.values()];
}

/** Notes for every key its row, or that there is none. */
function fill<Row>(
  cache: Map<string, Row | null>,
  keys: readonly (readonly (string | number)[])[],
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): void {
  for (const key of keys) cache.set(rowKey(...key), null);
  for (const row of rows) cache.set(keyOf(row), row);
}

/** @throws ChatError roomNotFound, also for a deleted room. */
export function requireRoom(row: RoomRow | null | undefined, id: string): RoomRow {
  if (!row || row.deleted_at !== null) throw new ChatError('roomNotFound', id);
  return row;
}
