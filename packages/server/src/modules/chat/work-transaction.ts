/**
 * One piece of work in the transaction it shares with others: its rows are buffered until it succeeds, and what it writes
 * past the buffer stands behind a savepoint.
 *
 * Path of a message: command → writer → **work** → rows → store → outbox.
 */
import { sql, type Kysely, type Transaction } from 'kysely';
import { newSortableId } from '../../lib/ids.ts';
import type { ChatEventName, ChatTransaction, MemberRow, MessageRow, RestrictionRow, RoomRow } from './chat-writer.ts';
import type { RoomPublication, UserPublication } from './model.ts';
import type { EntryTarget, OutboxEntry } from './outbox-entry.ts';
import { memberMarks, requireRoom, roomCounters, RowChanges, rowKey, withMention, type RowCache } from './row-cache.ts';
import type { ChatTables } from './tables.ts';

export class WorkTransaction implements ChatTransaction {
  readonly changes = new RowChanges();
  readonly outbox: OutboxEntry[] = [];
  readonly nowMs: number;
  readonly #db: Transaction<ChatTables>;
  readonly #cache: RowCache;
  /** Set before the first statement that writes. */
  #savepoint: Promise<unknown> | undefined;

  constructor(db: Transaction<ChatTables>, cache: RowCache, nowMs: number) {
    this.#db = db;
    this.#cache = cache;
    this.nowMs = nowMs;
  }

  /** Whether it wrote past the buffered rows. */
  get wrote(): boolean {
    return this.#savepoint !== undefined;
  }

  /** What it wrote stays. */
  async keep(): Promise<void> {
    if (!this.#savepoint) return;
    await this.#savepoint;
    await sql`release savepoint work`.execute(this.#db);
  }

  /** What it wrote goes. @throws if the database no longer takes statements in this transaction. */
  async undo(): Promise<void> {
    if (!this.#savepoint) return;
    await this.#savepoint;
    await sql`rollback to savepoint work`.execute(this.#db);
    await sql`release savepoint work`.execute(this.#db);
  }

  get read(): Kysely<ChatTables> {
    return this.#db;
  }

  get write(): Transaction<ChatTables> {
    if (!this.#savepoint) {
      // Statements run in the order they are given: it need not be waited for here.
      this.#savepoint = sql`savepoint work`.execute(this.#db);
      this.#savepoint.catch(() => {});
    }
    return this.#db;
  }

  async room(id: string): Promise<RoomRow> {
    return requireRoom(await this.findRoom(id), id);
  }

  async findRoom(id: string): Promise<RoomRow | undefined> {
    const changed = this.#changedRoom(id);
    if (changed) return changed;
    if (!this.#cache.rooms.has(id)) await this.#cache.load({ rooms: [id] });
    return this.#cache.rooms.get(id) ?? undefined;
  }

  async member(room: string, user: string): Promise<MemberRow | undefined> {
    const at = rowKey(room, user);
    const changed = this.changes.members.get(at);
    if (changed) return changed;
    if (!this.#cache.members.has(at)) await this.#cache.load({ members: [[room, user]] });
    return this.#readMember(at) ?? undefined;
  }

  async message(room: string, seq: number): Promise<MessageRow | undefined> {
    const at = rowKey(room, seq);
    const changed = this.changes.messages.get(at) ?? this.changes.newMessages.get(at);
    if (changed) return changed;
    if (!this.#cache.messages.has(at)) await this.#cache.load({ messages: [[room, seq]] });
    return this.#cache.messages.get(at) ?? undefined;
  }

  async sent(room: string, sender: string, clientId: string): Promise<MessageRow | undefined> {
    const at = rowKey(room, sender, clientId);
    for (const row of this.changes.newMessages.values()) {
      if (rowKey(row.room_id, row.sender_id, row.client_id ?? '') === at) return row;
    }
    if (!this.#cache.sent.has(at)) await this.#cache.load({ clientIds: [[room, sender, clientId]] });
    return this.#cache.sent.get(at) ?? undefined;
  }

  async restrictions(room: string, user: string): Promise<readonly RestrictionRow[]> {
    if (!this.#cache.restrictions.has(user)) await this.#cache.load({ restrictions: [user] });
    return (this.#cache.restrictions.get(user) ?? []).filter(
      ({ scope, until }) => (scope === '*' || scope === room) && (until === null || until > this.nowMs),
    );
  }

  insertRoom(row: RoomRow): void {
    this.changes.newRooms.set(row.id, row);
  }

  insertMember(row: MemberRow): void {
    const at = rowKey(row.room_id, row.user_id);
    this.changes.members.set(at, row);
    this.changes.whole.add(at);
  }

  insertMessage(row: MessageRow): void {
    this.changes.newMessages.set(rowKey(row.room_id, row.seq), row);
  }

  changeRoom(id: string, change: Partial<RoomRow>): RoomRow {
    const changed = { ...this.#knownRoom(id), ...change };
    (this.changes.newRooms.has(id) ? this.changes.newRooms : this.changes.rooms).set(id, changed);
    if (!isWithin(change, roomCounters)) this.changes.whole.add(id);
    return changed;
  }

  changeMember(room: string, user: string, change: Partial<MemberRow>): MemberRow {
    const at = rowKey(room, user);
    const row = known(this.changes.members.get(at) ?? this.#readMember(at), `member ${user} of ${room}`);
    const changed = { ...row, ...change };
    this.changes.members.set(at, changed);
    if (!isWithin(change, memberMarks)) this.changes.whole.add(at);
    return changed;
  }

  changeMessage(room: string, seq: number, change: Partial<MessageRow>): MessageRow {
    const at = rowKey(room, seq);
    const fresh = this.changes.newMessages.get(at);
    const row = known(
      fresh ?? this.changes.messages.get(at) ?? this.#cache.messages.get(at),
      `message ${seq} of ${room}`,
    );
    const changed = { ...row, ...change };
    (fresh ? this.changes.newMessages : this.changes.messages).set(at, changed);
    return changed;
  }

  nextRev(room: string, change: Partial<RoomRow> = {}): number {
    return this.changeRoom(room, { ...change, rev: this.#knownRoom(room).rev + 1 }).rev;
  }

  mentionAll(room: string, by: 1 | -1, seq: number): void {
    const mention = { room, by, seq };
    this.changes.mentions.push(mention);
    for (const [at, row] of this.changes.members) {
      if (row.room_id === room) this.changes.members.set(at, withMention(row, mention));
    }
  }

  publish(room: string, rev: number, publication: RoomPublication, event: ChatEventName, by: string): void {
    const { epoch } = this.#knownRoom(room);
    this.#tell({ to: 'room', id: room, rev, epoch, event, by }, publication);
  }

  tell(user: string, publication: UserPublication): void {
    this.#tell({ to: 'user', id: user }, publication);
  }

  reconsider(room: string, user?: string): void {
    this.#tell({ to: 'access', id: room, ...(user !== undefined && { user }) }, {});
  }

  report(subject: string, event: ChatEventName, data: unknown): void {
    this.#tell({ to: 'application', id: subject, event }, data);
  }

  #changedRoom(id: string): RoomRow | undefined {
    return this.changes.rooms.get(id) ?? this.changes.newRooms.get(id);
  }

  #knownRoom(id: string): RoomRow {
    return known(this.#changedRoom(id) ?? this.#cache.rooms.get(id), `room ${id}`);
  }

  /** As others left it, with what this work did to all members. */
  #readMember(at: string): MemberRow | null | undefined {
    const row = this.#cache.members.get(at);
    if (!row) return row;
    return this.changes.mentions.filter(({ room }) => room === row.room_id).reduce(withMention, row);
  }

  #tell(target: EntryTarget, content: unknown): void {
    this.outbox.push({ id: newSortableId(this.nowMs), target, json: JSON.stringify(content) });
  }
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
