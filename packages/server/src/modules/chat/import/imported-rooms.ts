/** Rooms that one transaction of an import is about: locked, changed in memory, and written once. */
import { sql } from 'kysely';
import { newEpoch } from '../../../lib/ids.ts';
import type { RoomRow } from '../chat-writer.ts';
import { directKey } from '../room-list-item.ts';
import { ImportError, type ImportLine, type LineOf } from './import-lines.ts';
import { jsonOf, type ImportWork } from './import-work.ts';

export class ImportedRooms {
  readonly #work: ImportWork;
  /** As they are now. */
  readonly #rooms = new Map<string, RoomRow>();
  /** As they were. */
  readonly #before = new Map<string, RoomRow>();

  constructor(work: ImportWork) {
    this.#work = work;
  }

  /** Reads and locks the rooms of these lines, in the order of their ids. */
  async load(lines: readonly ImportLine[]): Promise<void> {
    const { tx, dialect } = this.#work;
    const ids = [
      ...new Set(lines.flatMap((line) => (line.type === 'room' ? [line.id] : 'room' in line ? [line.room] : []))),
    ];
    if (ids.length === 0) return;
    let query = tx.selectFrom('chat_rooms').selectAll().where('id', 'in', ids).orderBy('id');
    if (dialect === 'postgres') query = query.forUpdate();
    for (const row of await query.execute()) this.#know(row);
  }

  async make(lines: readonly LineOf<'room'>[]): Promise<void> {
    const { tx, counts } = this.#work;
    for (const line of lines) {
      if (this.#rooms.has(line.id)) {
        counts.known++;
        continue;
      }
      const row = this.#newRoom(line);
      if (row.dm_key !== null) {
        const other = await tx
          .selectFrom('chat_rooms')
          .select('id')
          .where('dm_key', '=', row.dm_key)
          .executeTakeFirst();
        if (other) throw new ImportError(line.line, `these two have a direct room already: ${other.id}`);
      }
      await tx.insertInto('chat_rooms').values(row).execute();
      this.#know(row);
      counts.rooms++;
    }
  }

  /** @throws ImportError for a room that is not known, or deleted. */
  get(id: string, line: number): RoomRow {
    const row = this.#rooms.get(id);
    if (!row) throw new ImportError(line, `room ${id} is not known: its line must come before`);
    if (row.deleted_at !== null) throw new ImportError(line, `room ${id} was deleted`);
    return row;
  }

  /** @param id of a room that is known. */
  change(id: string, change: Partial<RoomRow>): void {
    this.#rooms.set(id, { ...(this.#rooms.get(id) as RoomRow), ...change });
  }

  /** @param id of a room that is known. */
  nextRev(id: string, change: Partial<RoomRow> = {}): number {
    const rev = (this.#rooms.get(id) as RoomRow).rev + 1;
    this.change(id, { ...change, rev });
    return rev;
  }

  /** Writes what has changed. Who had read everything still has. */
  async finish(): Promise<void> {
    const { tx } = this.#work;
    for (const [id, room] of this.#rooms) {
      const before = this.#before.get(id);
      if (room === before) continue;
      const { last_seq, last_at, ucount, rev, member_count } = room;
      await tx
        .updateTable('chat_rooms')
        .set({ last_seq, last_at, ucount, rev, member_count, min_rev: rev })
        .where('id', '=', id)
        .execute();
      if (!before || last_seq === before.last_seq) continue;
      await tx
        .updateTable('chat_members')
        .set((eb) => ({
          read_seq: last_seq,
          read_ucount: ucount,
          delivered_seq: sql<number>`case when ${eb.ref('delivered_seq')} < ${last_seq} then ${last_seq} else ${eb.ref('delivered_seq')} end`,
        }))
        .where('room_id', '=', id)
        .where('read_seq', '=', before.last_seq)
        .execute();
    }
  }

  #know(row: RoomRow): void {
    this.#rooms.set(row.id, row);
    this.#before.set(row.id, row);
  }

  #newRoom(line: LineOf<'room'>): RoomRow {
    if ((line.kind === 'direct') !== (line.users !== undefined)) {
      throw new ImportError(line.line, 'users: the two of a direct room, and only there');
    }
    const createdAt = line.createdAt ?? this.#work.nowMs;
    return {
      id: line.id,
      epoch: newEpoch(),
      kind: line.kind,
      dm_key: line.users ? directKey(...line.users) : null,
      name: line.name ?? null,
      topic: line.topic ?? null,
      data: jsonOf(this.#work, line.line, line.data),
      created_by: line.createdBy ?? '',
      created_at: createdAt,
      last_seq: 0,
      last_at: createdAt,
      ucount: 0,
      rev: 0,
      min_rev: 0,
      changed_rev: 0,
      member_count: 0,
      slow_ms: 0,
      retention_ms: null,
      frozen: 0,
      deleted_at: null,
    };
  }
}
