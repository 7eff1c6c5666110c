/** Members of rooms in one transaction of an import, and how far they have read. */
import type { MemberRow } from '../chat-writer.ts';
import { isCrowd } from '../membership.ts';
import { countMentions } from '../mentions.ts';
import { rowKey } from '../row-cache.ts';
import type { ChatTables } from '../tables.ts';
import { ImportError, type LineOf } from './import-lines.ts';
import { inStatements, type ImportWork } from './import-work.ts';
import type { ImportedMessages } from './imported-messages.ts';
import type { ImportedRooms } from './imported-rooms.ts';

export class ImportedMembers {
  readonly #work: ImportWork;
  readonly #rooms: ImportedRooms;

  constructor(work: ImportWork, rooms: ImportedRooms) {
    this.#work = work;
    this.#rooms = rooms;
  }

  async write(lines: readonly LineOf<'member'>[]): Promise<void> {
    const { tx, counts } = this.#work;
    for (const { room, user, line } of lines) {
      const { dm_key: pair } = this.#rooms.get(room, line);
      if (pair !== null && !isOfPair(pair, user)) {
        throw new ImportError(line, `room ${room} is a direct room, and user ${user} is none of its two`);
      }
    }
    const wanted = new Map(lines.map((line) => [rowKey(line.room, line.user), line]));
    const known = await this.#load([...wanted.values()]);
    const fresh = [...wanted].filter(([key]) => !known.has(key)).map(([, line]) => this.#newMember(line));
    if (fresh.length > 0) await tx.insertInto('chat_members').values(fresh).execute();
    counts.members += fresh.length;
    counts.known += lines.length - fresh.length;
  }

  /** Counts anew for members whom new messages mention and who have something unread. After the rooms are finished. */
  async setMentions(mentions: readonly ChatTables['chat_mentions'][]): Promise<void> {
    const { tx } = this.#work;
    const latest = new Map(mentions.map((row) => [rowKey(row.room_id, row.user_id), row]));
    const named = [...latest.values()].map(({ room_id, user_id }) => ({ room: room_id, user: user_id }));
    for (const [key, member] of await this.#load(named)) {
      const { room_id: room, user_id: user, read_seq, state } = member;
      if (state !== 'member' || read_seq >= (latest.get(key)?.seq ?? 0)) continue;
      await tx
        .updateTable('chat_members')
        .set({ mention_count: await countMentions({ read: tx }, room, user, read_seq) })
        .where('room_id', '=', room)
        .where('user_id', '=', user)
        .execute();
    }
  }

  /** Everything up to a message was read, and nothing behind it. After the rooms are finished. */
  async setReads(lines: readonly LineOf<'read'>[], messages: ImportedMessages): Promise<void> {
    const { tx } = this.#work;
    const members = await this.#load(lines);
    for (const { room, user, message, line } of lines) {
      this.#rooms.get(room, line);
      if (!members.has(rowKey(room, user))) throw new ImportError(line, `user ${user} is no member of room ${room}`);
      const row = await messages.find(room, messages.seq(room, message, line));
      if (!row) continue;
      await tx
        .updateTable('chat_members')
        .set({
          read_seq: row.seq,
          read_ucount: row.ucount,
          mention_count: await countMentions({ read: tx }, room, user, row.seq),
        })
        .where('room_id', '=', room)
        .where('user_id', '=', user)
        .execute();
    }
  }

  #newMember({ room: id, user, role = 'member', joinedAt, line }: LineOf<'member'>): MemberRow {
    const room = this.#rooms.get(id, line);
    const count = { member_count: room.member_count + 1 };
    // Of crowds only the number is told.
    if (isCrowd(room)) this.#rooms.change(id, count);
    return {
      room_id: id,
      user_id: user,
      role,
      state: 'member',
      joined_seq: 0,
      joined_at: joinedAt ?? this.#work.nowMs,
      read_seq: room.last_seq,
      read_ucount: room.ucount,
      delivered_seq: room.last_seq,
      mention_count: 0,
      mute_until: null,
      notify: 'all',
      pinned: 0,
      archived: 0,
      rev: isCrowd(room) ? 0 : this.#rooms.nextRev(id, count),
      updated_at: this.#work.nowMs,
      sent_at: 0,
    };
  }

  async #load(pairs: readonly { readonly room: string; readonly user: string }[]): Promise<Map<string, MemberRow>> {
    const found = new Map<string, MemberRow>();
    for (const some of inStatements(pairs)) {
      const rows = await this.#work.tx
        .selectFrom('chat_members')
        .selectAll()
        .where((eb) =>
          eb(
            eb.refTuple('room_id', 'user_id'),
            'in',
            some.map(({ room, user }) => eb.tuple(room, user)),
          ),
        )
        .execute();
      for (const row of rows) found.set(rowKey(row.room_id, row.user_id), row);
    }
    return found;
  }
}

function isOfPair(key: string, user: string): boolean {
  return key.split('\u0001').includes(user);
}
