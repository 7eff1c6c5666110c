/**
 * Rows that the next transaction would read again, kept in memory as they were committed: the rooms, members and
 * restrictions of those who write just now. Only where this process alone writes (SQLite); whoever else changes one of
 * these tables does it through the writer, or from another connection, which is noticed.
 */
import { sql, type Transaction } from 'kysely';
import type { MemberRow, RestrictionRow, RoomRow } from './chat-writer.ts';
import type { ChatTables } from './tables.ts';

/** Rows of each kind. With more, all are dropped: those in use are soon back. */
const maxKept = 20_000;

/** By key, as in `row-cache.ts`. */
export class KeptRows {
  readonly rooms = new Map<string, RoomRow | null>();
  readonly members = new Map<string, MemberRow | null>();
  readonly restrictions = new Map<string, readonly RestrictionRow[]>();
  /** SQLite's number for what other connections have committed. */
  #version: number | undefined;

  /** Before anything is read in a transaction: drops everything if another connection has written. */
  async check(db: Transaction<ChatTables>): Promise<void> {
    const { rows } = await sql<{ data_version: number }>`pragma data_version`.execute(db);
    const version = rows[0]?.data_version;
    const tooMany = Math.max(this.rooms.size, this.members.size, this.restrictions.size) > maxKept;
    if (version !== this.#version || tooMany) this.clear();
    this.#version = version;
  }

  /** What is here may not be what was committed. */
  clear(): void {
    for (const rows of [this.rooms, this.members, this.restrictions]) rows.clear();
  }
}
