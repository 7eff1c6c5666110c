/**
 * The rows that one transaction reads and changes. They are read in few statements for all the work of a turn, changed
 * in memory, and written in few statements: what a hot room costs is per transaction, not per message. What one piece of
 * work changes the next one sees; if it fails, its changes are taken back.
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

/** Of two or three parts. */
export function rowKey(room: string, second: string | number, third?: string): string {
  return third === undefined ? `${room}\u0000${second}` : `${room}\u0000${second}\u0000${third}`;
}

/** A change of the mention counts of all members of a room that have not read message `seq`, but for its sender. */
export interface MentionOfAll {
  readonly room: string;
  readonly by: 1 | -1;
  readonly seq: number;
  readonly sender: string;
}

export function withMention(row: MemberRow, { by, seq, sender }: MentionOfAll): MemberRow {
  if (row.state !== 'member' || row.read_seq >= seq || row.user_id === sender) return row;
  return { ...row, mention_count: Math.max(0, row.mention_count + by) };
}

/** What every message changes of its room and its sender: no index has it, but for `last_at` of rooms to be found. */
const roomCounters = ['last_seq', 'last_at', 'ucount', 'rev'] as const;
const memberMarks = ['read_seq', 'read_ucount', 'delivered_seq', 'mention_count', 'updated_at', 'sent_at'] as const;

/** A row as it was before the work under way has changed it; undefined: it had not been read. */
interface Former {
  readonly rows: Map<string, unknown>;
  readonly key: string;
  readonly row: unknown;
}

/** Rows by key; null: there is none. */
export class RowCache {
  readonly rooms: Map<string, RoomRow | null>;
  readonly members: Map<string, MemberRow | null>;
  readonly messages = new Map<string, MessageRow | null>();
  /** Messages by room, sender and client id. */
  readonly sent = new Map<string, MessageRow | null>();
  readonly restrictions: Map<string, readonly RestrictionRow[]>;
  readonly #db: Transaction<ChatTables>;
  readonly #dialect: StoreDialect;
  readonly #kept: KeptRows;
  // Keys of rows to be written. Those whose change was taken back are written as they were, or not at all.
  readonly #newRooms = new Set<string>();
  readonly #changedRooms = new Set<string>();
  readonly #changedMembers = new Set<string>();
  /** With room and user. Those that came back, or whose removal was taken back, are not null in `members`. */
  readonly #removedMembers = new Map<string, readonly [room: string, user: string]>();
  readonly #newMessages = new Set<string>();
  readonly #changedMessages = new Set<string>();
  /** Rooms and members of which more has changed than counters and marks. */
  readonly #whole = new Set<string>();
  /** The members here have them already, those still in the database have not. */
  readonly #mentions: MentionOfAll[] = [];
  #former: Former[] = [];
  /** Mentions of all before the work under way. */
  #formerMentions = 0;

  /** @param kept rows of the transactions before that are still as they were. */
  constructor(db: Transaction<ChatTables>, dialect: StoreDialect, kept: KeptRows) {
    this.#db = db;
    this.#dialect = dialect;
    this.#kept = kept;
    this.rooms = kept.rooms;
    this.members = kept.members;
    this.restrictions = kept.restrictions;
  }

  /**
   * Reads what is not here yet; messages by their client ids only if asked to, since else the index tells when the new one
   * is written. Rooms are locked, in the order of their ids, so that two transactions do not wait for each other.
   */
  async load(all: readonly Needs[], withClientIds: boolean): Promise<void> {
    const batch = new RowBatch(this.#dialect);
    // Rooms come first, since their locks are what keeps the rest as it is.
    const rooms = missingIds(all, 'rooms', this.rooms);
    const found = (rows: RoomRow[]) => {
      fill(this.rooms, rooms, rows, ({ id }) => id);
      for (const row of rows) this.#kept.count(row);
    };
    batch.find('chat_rooms', ['id'], singly(rooms), found, true);
    const members = missing(all, 'members', this.members);
    batch.find('chat_members', ['room_id', 'user_id'], [...members.values()], (rows) =>
      this.#fillMembers(members.keys(), rows),
    );
    const messages = missing(all, 'messages', this.messages);
    batch.find('chat_messages', ['room_id', 'seq'], [...messages.values()], (rows) =>
      fill(this.messages, messages.keys(), rows, (row) => rowKey(row.room_id, row.seq)),
    );
    const sent = missing(withClientIds ? all : [], 'clientIds', this.sent);
    batch.find('chat_messages', ['room_id', 'sender_id', 'client_id'], [...sent.values()], (rows) =>
      fill(this.sent, sent.keys(), rows, (row) => rowKey(row.room_id, row.sender_id, row.client_id ?? '')),
    );
    const users = missingIds(all, 'restrictions', this.restrictions);
    batch.find('chat_restrictions', ['user_id'], singly(users), (rows) => {
      const byUser = Map.groupBy(rows, ({ user_id }) => user_id);
      for (const user of users) this.restrictions.set(user, byUser.get(user) ?? []);
      for (const row of rows) this.#kept.count(row);
    });
    await batch.run(this.#db);
  }

  insertRoom(row: RoomRow): void {
    this.#set(this.rooms, row.id, row);
    this.#newRooms.add(row.id);
    this.#kept.count(row);
  }

  changeRoom(id: string, change: Partial<RoomRow>): RoomRow {
    const row = { ...known(this.rooms.get(id), `room ${id}`), ...change };
    this.#set(this.rooms, id, row);
    if (!this.#newRooms.has(id)) this.#changedRooms.add(id);
    if (isWithin(change, roomCounters)) return row;
    this.#whole.add(id);
    this.#kept.count(row);
    return row;
  }

  /** Also over a row that is there. */
  insertMember(row: MemberRow): void {
    const at = rowKey(row.room_id, row.user_id);
    this.#set(this.members, at, row);
    this.#changedMembers.add(at);
    this.#whole.add(at);
  }

  changeMember(room: string, user: string, change: Partial<MemberRow>): MemberRow {
    const at = rowKey(room, user);
    const row = { ...known(this.members.get(at), `member ${user} of ${room}`), ...change };
    this.#set(this.members, at, row);
    this.#changedMembers.add(at);
    if (!isWithin(change, memberMarks)) this.#whole.add(at);
    return row;
  }

  removeMember(room: string, user: string): void {
    const at = rowKey(room, user);
    known(this.members.get(at), `member ${user} of ${room}`);
    this.#set(this.members, at, null);
    this.#removedMembers.set(at, [room, user]);
  }

  insertMessage(row: MessageRow): void {
    this.#newMessages.add(this.#setMessage(row));
  }

  changeMessage(room: string, seq: number, change: Partial<MessageRow>): MessageRow {
    const row = { ...known(this.messages.get(rowKey(room, seq)), `message ${seq} of ${room}`), ...change };
    const at = this.#setMessage(row);
    if (!this.#newMessages.has(at)) this.#changedMessages.add(at);
    return row;
  }

  mentionAll(mention: MentionOfAll): void {
    this.#mentions.push(mention);
    for (const [at, row] of this.members) {
      if (row?.room_id !== mention.room) continue;
      const counted = withMention(row, mention);
      if (counted !== row) this.#set(this.members, at, counted);
    }
  }

  /** The work under way has succeeded. */
  keepWork(): void {
    this.#former = [];
    this.#formerMentions = this.#mentions.length;
  }

  /** … has failed: what it changed is as it was. */
  undoWork(): void {
    for (const { rows, key, row } of this.#former.toReversed()) {
      if (row === undefined) rows.delete(key);
      else rows.set(key, row);
    }
    this.#mentions.length = this.#formerMentions;
    this.keepWork();
  }

  /** Has every row written once. */
  write(batch: RowBatch): void {
    // Before the members: those that were changed have it already, and are written as they are.
    for (const { room, by, seq, sender } of this.#mentions) {
      batch.add(
        this.#db
          .updateTable('chat_members')
          .set((eb) => ({ mention_count: eb('mention_count', '+', by) }))
          .where('room_id', '=', room)
          .where('state', '=', 'member')
          .where('read_seq', '<', seq)
          .where('user_id', '<>', sender)
          .where('mention_count', '>=', by === -1 ? 1 : 0)
          .compile(),
      );
    }
    for (const [at, [room, user]] of this.#removedMembers) {
      if (this.members.get(at) !== null) continue;
      batch.add(this.#db.deleteFrom('chat_members').where('room_id', '=', room).where('user_id', '=', user).compile());
    }
    const [rooms, members] = [this.#byExtent(this.#changedRooms), this.#byExtent(this.#changedMembers)];
    // Not "put": who makes a room at the same time must not be overwritten.
    batch.insert('chat_rooms', present(this.rooms, this.#newRooms));
    batch.put('chat_rooms', ['id'], present(this.rooms, rooms.whole));
    batch.update('chat_rooms', ['id'], roomCounters, present(this.rooms, rooms.counted));
    batch.insert('chat_messages', present(this.messages, this.#newMessages));
    batch.put('chat_messages', ['room_id', 'seq'], present(this.messages, this.#changedMessages));
    batch.put('chat_members', ['room_id', 'user_id'], present(this.members, members.whole));
    batch.update('chat_members', ['room_id', 'user_id'], memberMarks, present(this.members, members.counted));
  }

  #set<Row>(rows: Map<string, Row | null>, key: string, row: Row | null): void {
    this.#former.push({ rows, key, row: rows.get(key) });
    rows.set(key, row);
  }

  /** @returns its key. */
  #setMessage(row: MessageRow): string {
    const at = rowKey(row.room_id, row.seq);
    this.#set(this.messages, at, row);
    if (row.client_id !== null) this.#set(this.sent, rowKey(row.room_id, row.sender_id, row.client_id), row);
    return at;
  }

  #fillMembers(keys: Iterable<string>, rows: readonly MemberRow[]): void {
    const mentioned = (row: MemberRow) =>
      this.#mentions.filter(({ room }) => room === row.room_id).reduce(withMention, row);
    const keyOf = ({ room_id, user_id }: MemberRow) => rowKey(room_id, user_id);
    fill(this.members, keys, this.#mentions.length > 0 ? rows.map(mentioned) : rows, keyOf);
    if (this.#mentions.length === this.#formerMentions) return;
    // They count a mention that may be taken back: then they are to be read anew.
    for (const row of rows) this.#former.push({ rows: this.members, key: keyOf(row), row: undefined });
  }

  #byExtent(keys: ReadonlySet<string>): { readonly whole: string[]; readonly counted: string[] } {
    const [whole, counted]: [string[], string[]] = [[], []];
    for (const key of keys) (this.#whole.has(key) ? whole : counted).push(key);
    return { whole, counted };
  }
}

/** Those of the rows that are there. */
function present<Row>(rows: ReadonlyMap<string, Row | null>, keys: Iterable<string>): Row[] {
  const found: Row[] = [];
  for (const key of keys) {
    const row = rows.get(key);
    if (row) found.push(row);
  }
  return found;
}

function isWithin(change: object, columns: readonly string[]): boolean {
  for (const column in change) if (!columns.includes(column)) return false;
  return true;
}

/** Changing what was not read is a mistake of the caller. */
function known<T>(row: T | null | undefined, what: string): T {
  if (!row) throw new Error(`${what} was changed before it was read`);
  return row;
}

/** Rows that are wanted and not here, by their keys. */
function missing<Name extends 'members' | 'messages' | 'clientIds'>(
  all: readonly Needs[],
  name: Name,
  known: ReadonlyMap<string, unknown>,
): Map<string, NonNullable<Needs[Name]>[number]> {
  const found = new Map<string, NonNullable<Needs[Name]>[number]>();
  for (const needs of all) {
    const wanted = needs[name];
    if (wanted === undefined) continue;
    for (const parts of wanted) {
      const [room, second, third] = parts;
      const key = rowKey(room, second, third);
      if (!known.has(key)) found.set(key, parts);
    }
  }
  return found;
}

/** … where the key is one id. */
function missingIds(
  all: readonly Needs[],
  name: 'rooms' | 'restrictions',
  known: ReadonlyMap<string, unknown>,
): Set<string> {
  const found = new Set<string>();
  for (const needs of all) for (const id of needs[name] ?? []) if (!known.has(id)) found.add(id);
  return found;
}

const singly = (ids: Iterable<string>): (readonly [id: string])[] => Array.from(ids, (id) => [id] as const);

/** Notes for every key its row, or that there is none. */
function fill<Row>(
  cache: Map<string, Row | null>,
  keys: Iterable<string>,
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): void {
  for (const key of keys) cache.set(key, null);
  for (const row of rows) cache.set(keyOf(row), row);
}

/** @throws ChatError roomNotFound, also for a deleted room. */
export function requireRoom(row: RoomRow | null | undefined, id: string): RoomRow {
  if (!row || row.deleted_at !== null) throw new ChatError('roomNotFound', id);
  return row;
}
