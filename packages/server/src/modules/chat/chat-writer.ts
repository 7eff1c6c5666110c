/**
 * Everything that changes chat goes through here. Work that arrives in one turn of the event loop shares a transaction;
 * what it says to others stands in the outbox of the same transaction and is told after the commit.
 *
 * Path of a message: command → **writer** → store → outbox → channel of the room. Implementation: `grouped-writer.ts`.
 */
import type { Kysely, Selectable, Transaction } from 'kysely';
import type { RoomPublication, UserPublication } from './model.ts';
import type { ChatTables } from './tables.ts';

export type RoomRow = Selectable<ChatTables['chat_rooms']>;
export type MemberRow = Selectable<ChatTables['chat_members']>;
export type MessageRow = Selectable<ChatTables['chat_messages']>;
export type RestrictionRow = Selectable<ChatTables['chat_restrictions']>;

/** Rows that the work will ask for; those of all the work of one turn are read together. */
export interface Needs {
  readonly rooms?: readonly string[];
  readonly members?: readonly (readonly [room: string, user: string])[];
  readonly messages?: readonly (readonly [room: string, seq: number])[];
  /** Messages by what their sender calls them. */
  readonly clientIds?: readonly (readonly [room: string, sender: string, clientId: string])[];
  /** Users whose restrictions matter. */
  readonly restrictions?: readonly string[];
  /**
   * In a transaction of its own, so that `read` sees everything there is: for what must be counted against a limit. For
   * rare work only; together with `rooms`, nothing of those rooms changes meanwhile.
   */
  readonly alone?: boolean;
}

/**
 * One piece of work in a transaction. Rows that are here already are given without waiting. Rows are read once per transaction and changed in memory; they are written
 * together just before the commit. So `read` does not see what `insert…` and `change…` did, `room`, `member`,
 * `message` and `sent` do.
 */
export interface ChatTransaction {
  readonly nowMs: number;
  /** Unique, and sorts by time and within this process by the order in which they were made. */
  newId(): string;
  /** For reading other rows. */
  readonly read: Kysely<ChatTables>;
  /** For writing other tables (drafts, reactions, votes …); what is buffered here may not be written by it. */
  readonly write: Transaction<ChatTables>;
  /**
   * The room's row, locked until the commit.
   * @throws ChatError roomNotFound, also for a deleted room.
   */
  room(id: string): RoomRow | Promise<RoomRow>;
  findRoom(id: string): RoomRow | undefined | Promise<RoomRow | undefined>;
  /** Whatever its state. */
  member(room: string, user: string): MemberRow | undefined | Promise<MemberRow | undefined>;
  message(room: string, seq: number): MessageRow | undefined | Promise<MessageRow | undefined>;
  /**
   * The message its sender gave this client id, which must be in `needs.clientIds`. On SQLite it may be there and not be
   * given: then inserting another makes the work run again, and so does failing.
   */
  sent(room: string, sender: string, clientId: string): MessageRow | undefined;
  /** Restrictions of the user that hold now, of the room and of everywhere. */
  restrictions(room: string, user: string): readonly RestrictionRow[] | Promise<readonly RestrictionRow[]>;
  insertRoom(row: RoomRow): void;
  insertMember(row: MemberRow): void;
  insertMessage(row: MessageRow): void;
  /** The row with the change; later reads in this transaction see it. */
  changeRoom(id: string, change: Partial<RoomRow>): RoomRow;
  changeMember(room: string, user: string, change: Partial<MemberRow>): MemberRow;
  /** Who was away can no longer be told of it: raise the room's `min_rev` to the revision that tells the others. */
  removeMember(room: string, user: string): void;
  changeMessage(room: string, seq: number, change: Partial<MessageRow>): MessageRow;
  /**
   * Raises (or with −1 lowers) the count of unread mentions of every member of the room that has not read message `seq`
   * and is not its sender. One statement however many there are; the room must be in `needs.rooms`.
   */
  mentionAll(room: string, by: 1 | -1, seq: number, sender: string): void;
  /**
   * Raises the room's revision. The change that carries it must be published.
   * @param change of the room's row, along with it.
   */
  nextRev(room: string, change?: Partial<RoomRow>): number;
  /** Told on the room's channel at `rev`, and to the application as event, after the commit, also if this process dies in between. */
  publish(room: string, rev: number, publication: RoomPublication, event: ChatEventName, by: string): void;
  /** Told to one user on their own channel after the commit; at least once. */
  tell(user: string, publication: UserPublication): void;
  /**
   * After the commit, also if this process dies in between: who is subscribed to the room's channel (or this user of
   * them) stays so only if they still may. Of `everyRoom`, all subscriptions of a user to rooms.
   */
  reconsider(room: string, user?: string): void;
  /** After the commit, also if this process dies in between: what the watcher may see of the user's presence is another now. */
  reconsiderWatcher(user: string, watcher: string): void;
  /** An event for the application alone. */
  report(subject: string, event: ChatEventName, data: unknown): void;
  /**
   * Called after the commit, in the order of the work, before anything of this transaction is told; never if the process
   * dies. Must not throw.
   */
  afterCommit(run: () => void): void;
}

/**
 * Law: `work` may be called again when the transaction has to be repeated, so it does nothing but read and write through
 * `tx`. If it throws, nothing of it is written and nothing told; the work of others in the same turn stands.
 */
export interface ChatWriter {
  /** Resolves after the commit. @throws what `work` threw; ChatError unavailable, full. */
  run<T>(needs: Needs, work: (tx: ChatTransaction) => Promise<T> | T): Promise<T>;
}

/**
 * A row that the work has named in its needs: it is there, or it is known that there is none. Work that waits for nothing
 * costs much less than work that does, even if there is nothing to wait for.
 * @throws Error for one that was not named.
 */
export function here<Row>(row: Row | Promise<Row>): Row {
  if (row instanceof Promise) throw new Error('work asks at once for a row that is not in its needs');
  return row;
}

/** Events for the application: `chat.<name>`. */
export const chatEventNames = [
  'message.sent',
  'message.edited',
  'message.deleted',
  'message.reacted',
  'message.pinned',
  'message.changed',
  'thread.changed',
  'member.joined',
  'member.invited',
  'member.left',
  'member.kicked',
  'member.changed',
  'room.created',
  'room.changed',
  'room.deleted',
  'report.created',
  'report.resolved',
  'restriction.created',
  'restriction.lifted',
  'user.changed',
  'user.erased',
] as const;
export type ChatEventName = (typeof chatEventNames)[number];
