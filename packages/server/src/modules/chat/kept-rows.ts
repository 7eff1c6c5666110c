/**
 * Rows that the next transaction would read again, kept in memory as they were committed: the rooms, members and
 * restrictions of those who write just now. Only where this process alone writes (SQLite). Whoever else changes one of
 * these tables is noticed, by SQLite or by the store: another process, an import, a statement past the writer.
 */
import { CompiledQuery, type Transaction } from 'kysely';
import type { BatchConnection } from '../../stores/store.ts';
import type { MemberRow, RestrictionRow, RoomRow } from './chat-writer.ts';
import type { ChatTables } from './tables.ts';

/** Rows of each kind. With more, all are dropped: those in use are soon back. */
const maxKept = 20_000;
/** … and so much text of rooms and restrictions, which is 32 MB at most. */
const maxKeptChars = 16 * 1024 ** 2;

const keptTables = ['chat_rooms', 'chat_members', 'chat_restrictions'] as const satisfies (keyof ChatTables)[];
/** SQLite's number for what other connections have committed. */
const dataVersion = CompiledQuery.raw('pragma data_version');

/** By key, as in `row-cache.ts`. */
export class KeptRows {
  readonly rooms = new Map<string, RoomRow | null>();
  readonly members = new Map<string, MemberRow | null>();
  readonly restrictions = new Map<string, readonly RestrictionRow[]>();
  /** What others had written when these rows were read. */
  #others: string | undefined;
  /** Text that came in since all was dropped, also what was replaced since. */
  #chars = 0;

  /** Before anything is read in a transaction: drops everything if somebody else has written. */
  async check(db: Transaction<ChatTables>): Promise<void> {
    const others = await db.getExecutor().provideConnection(writesOfOthers);
    const tooMany = Math.max(this.rooms.size, this.members.size, this.restrictions.size) > maxKept;
    if (others === undefined || others !== this.#others || tooMany || this.#chars > maxKeptChars) this.clear();
    this.#others = others;
  }

  /** Counts the text of a row that came in: it was read, or got other text. Of members there is too little to count. */
  count(row: RoomRow | RestrictionRow): void {
    for (const value of Object.values(row)) if (typeof value === 'string') this.#chars += value.length;
  }

  /** What is here may not be what was committed. */
  clear(): void {
    for (const rows of [this.rooms, this.members, this.restrictions]) rows.clear();
    this.#chars = 0;
  }
}

/** Changes whenever others write. Undefined: that cannot be known. */
async function writesOfOthers(connection: BatchConnection): Promise<string | undefined> {
  const written = connection.writesTo?.(keptTables);
  if (written === undefined) return undefined;
  const { rows } = await connection.executeQuery<{ readonly data_version: number }>(dataVersion);
  return `${written} ${rows[0]?.data_version}`;
}
