/**
 * One piece of work in the transaction it shares with others: what it changes of the rows they share is taken
 * back if it fails, and what it writes past them stands behind a savepoint.
 *
 * Path of a message: command → writer → **work** → rows → store → outbox.
 */
import { sql, type Kysely, type Transaction } from 'kysely';
import type { SortableIds } from '../../lib/ids.ts';
import type {
  ChatEventName,
  ChatTransaction,
  MemberRow,
  MessageRow,
  Needs,
  RestrictionRow,
  RoomRow,
} from './chat-writer.ts';
import type { RoomPublication, UserPublication } from './model.ts';
import type { EntryTarget, OutboxEntry } from './outbox-entry.ts';
import { requireRoom, rowKey, type RowCache } from './row-cache.ts';
import type { ChatTables } from './tables.ts';

type Found<Row> = Row | undefined | Promise<Row | undefined>;

/** What all work of one transaction shares. */
export interface WorkContext {
  readonly db: Transaction<ChatTables>;
  readonly cache: RowCache;
  readonly ids: SortableIds;
  readonly nowMs: number;
  /** What is told of the transaction. */
  readonly outbox: OutboxEntry[];
  /** What is called when it has been committed. */
  readonly afterCommit: (() => void)[];
}

export class WorkTransaction implements ChatTransaction {
  readonly nowMs: number;
  /** Of the whole transaction; those of this work stand behind what was there. */
  readonly #outbox: OutboxEntry[];
  readonly #outboxBefore: number;
  readonly #afterCommit: (() => void)[];
  readonly #afterCommitBefore: number;
  readonly #db: Transaction<ChatTables>;
  readonly #cache: RowCache;
  readonly #ids: SortableIds;
  /** Set before the first statement that writes. */
  #savepoint: Promise<unknown> | undefined;

  constructor({ db, cache, ids, nowMs, outbox, afterCommit }: WorkContext) {
    this.#outbox = outbox;
    this.#outboxBefore = outbox.length;
    this.#afterCommit = afterCommit;
    this.#afterCommitBefore = afterCommit.length;
    this.#db = db;
    this.#cache = cache;
    this.#ids = ids;
    this.nowMs = nowMs;
  }

  newId(): string {
    return this.#ids.next(this.nowMs);
  }

  /** Whether it wrote past the buffered rows. */
  get wrote(): boolean {
    return this.#savepoint !== undefined;
  }

  /** What it wrote stays. */
  keep(): Promise<void> | undefined {
    this.#cache.keepWork();
    return this.#savepoint && this.#release();
  }

  /** What it wrote goes. @throws if the database no longer takes statements in this transaction. */
  async undo(): Promise<void> {
    this.#cache.undoWork();
    this.#outbox.length = this.#outboxBefore;
    this.#afterCommit.length = this.#afterCommitBefore;
    if (!this.#savepoint) return;
    await this.#savepoint;
    await sql`rollback to savepoint work`.execute(this.#db);
    await this.#release();
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

  room(id: string): RoomRow | Promise<RoomRow> {
    const row = this.#cache.rooms.get(id);
    return row === undefined ? this.#load({ rooms: [id] }, () => this.room(id)) : requireRoom(row, id);
  }

  findRoom(id: string): Found<RoomRow> {
    const row = this.#cache.rooms.get(id);
    return row === undefined ? this.#load({ rooms: [id] }, () => this.findRoom(id)) : (row ?? undefined);
  }

  member(room: string, user: string): Found<MemberRow> {
    const row = this.#cache.members.get(rowKey(room, user));
    return row === undefined
      ? this.#load({ members: [[room, user]] }, () => this.member(room, user))
      : (row ?? undefined);
  }

  message(room: string, seq: number): Found<MessageRow> {
    const row = this.#cache.messages.get(rowKey(room, seq));
    return row === undefined
      ? this.#load({ messages: [[room, seq]] }, () => this.message(room, seq))
      : (row ?? undefined);
  }

  sent(room: string, sender: string, clientId: string): MessageRow | undefined {
    return this.#cache.sent.get(rowKey(room, sender, clientId)) ?? undefined;
  }

  restrictions(room: string, user: string): readonly RestrictionRow[] | Promise<readonly RestrictionRow[]> {
    const rows = this.#cache.restrictions.get(user);
    if (rows === undefined) return this.#load({ restrictions: [user] }, () => this.restrictions(room, user));
    if (rows.length === 0) return rows;
    return rows.filter(
      ({ scope, until }) => (scope === '*' || scope === room) && (until === null || until > this.nowMs),
    );
  }

  insertRoom(row: RoomRow): void {
    this.#cache.insertRoom(row);
  }

  insertMember(row: MemberRow): void {
    this.#cache.insertMember(row);
  }

  insertMessage(row: MessageRow): void {
    this.#cache.insertMessage(row);
  }

  changeRoom(id: string, change: Partial<RoomRow>): RoomRow {
    return this.#cache.changeRoom(id, change);
  }

  changeMember(room: string, user: string, change: Partial<MemberRow>): MemberRow {
    return this.#cache.changeMember(room, user, change);
  }

  removeMember(room: string, user: string): void {
    this.#cache.removeMember(room, user);
  }

  changeMessage(room: string, seq: number, change: Partial<MessageRow>): MessageRow {
    return this.#cache.changeMessage(room, seq, change);
  }

  nextRev(room: string, change: Partial<RoomRow> = {}): number {
    const rev = (this.#cache.rooms.get(room)?.rev ?? 0) + 1;
    return this.changeRoom(room, { ...change, rev }).rev;
  }

  mentionAll(room: string, by: 1 | -1, seq: number, sender: string): void {
    this.#cache.mentionAll({ room, by, seq, sender });
  }

  publish(room: string, rev: number, publication: RoomPublication, event: ChatEventName, by: string): void {
    const epoch = this.#cache.rooms.get(room)?.epoch ?? '';
    this.#tell({ to: 'room', id: room, rev, epoch, event, by }, publication);
  }

  tell(user: string, publication: UserPublication): void {
    this.#tell({ to: 'user', id: user }, publication);
  }

  reconsider(room: string, user?: string): void {
    this.#tell({ to: 'access', id: room, ...(user !== undefined && { user }) }, {});
  }

  reconsiderWatcher(user: string, watcher: string): void {
    this.#tell({ to: 'watcher', id: user, user: watcher }, {});
  }

  report(subject: string, event: ChatEventName, data: unknown): void {
    this.#tell({ to: 'application', id: subject, event }, data);
  }

  afterCommit(run: () => void): void {
    this.#afterCommit.push(run);
  }

  async #release(): Promise<void> {
    await this.#savepoint;
    await sql`release savepoint work`.execute(this.#db);
  }

  /** For what was not read with the needs of all. */
  async #load<T>(needs: Needs, again: () => T): Promise<Awaited<T>> {
    await this.#cache.load([needs], false);
    return await again();
  }

  #tell(target: EntryTarget, content: unknown): void {
    this.#outbox.push({ id: this.newId(), target, json: JSON.stringify(content) });
  }
}
