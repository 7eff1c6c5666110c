/**
 * One transaction of an import: some lines, by kind, with the rooms they are about locked. Rows are made in memory and
 * written together, past the writer of chat: nothing of it is told, so `min_rev` goes up, and who is behind reads anew.
 */
import { sql, type Transaction } from 'kysely';
import { newEpoch, newSortableId } from '../../lib/ids.ts';
import { ChatError } from './chat-error.ts';
import type { MemberRow, MessageRow, RoomRow } from './chat-writer.ts';
import type { ImportCounts, ImportOptions } from './import-chat.ts';
import { ImportError, type ImportLine, type LineOf } from './import-lines.ts';
import { isCrowd } from './membership.ts';
import { countMentions } from './mentions.ts';
import { checkContent, toBody } from './message-content.ts';
import { directKey } from './room-list-item.ts';
import { rowKey } from './row-cache.ts';
import { toStoredJson } from './stored-json.ts';
import type { ChatTables } from './tables.ts';

type Counts = { -readonly [Name in keyof Omit<ImportCounts, 'lines'>]: number };

export class ImportBatch {
  readonly #tx: Transaction<ChatTables>;
  readonly #options: Pick<ImportOptions, 'store' | 'clock' | 'config'>;
  readonly #counts: Counts = { users: 0, rooms: 0, members: 0, messages: 0, reactions: 0, known: 0 };
  /** As they are now. */
  readonly #rooms = new Map<string, RoomRow>();
  /** As they were, of those whose messages go on. */
  readonly #before = new Map<string, RoomRow>();
  /** By room and what the file calls a message. */
  readonly #seqs = new Map<string, number>();
  readonly #fresh = new Map<string, MessageRow>();
  readonly #changed = new Map<string, MessageRow>();

  constructor(tx: Transaction<ChatTables>, options: Pick<ImportOptions, 'store' | 'clock' | 'config'>) {
    this.#tx = tx;
    this.#options = options;
  }

  async write(lines: readonly (ImportLine & { readonly line: number })[]): Promise<Counts> {
    const of = <Type extends ImportLine['type']>(type: Type) =>
      lines.filter((line) => line.type === type) as LineOf<Type>[];
    await this.#writeUsers(of('user'));
    await this.#loadRooms(lines);
    await this.#makeRooms(of('room'));
    await this.#writeMembers(of('member'));
    await this.#loadSeqs([...of('message'), ...of('reaction'), ...of('read')]);
    await this.#makeMessages(of('message'));
    await this.#writeMessages();
    await this.#writeReactions(of('reaction'));
    await this.#finishRooms();
    await this.#setReads(of('read'));
    return this.#counts;
  }

  get #now(): number {
    return this.#options.clock.now();
  }

  #json(line: number, data: unknown): string | null {
    return this.#orError(line, () => toStoredJson(data, this.#options.config.limits.messageSize));
  }

  #orError<T>(line: number, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof ChatError) throw new ImportError(line, error.message);
      throw error;
    }
  }

  async #writeUsers(lines: readonly LineOf<'user'>[]): Promise<void> {
    // Of the same user, the last line.
    const users = [...new Map(lines.map((line) => [line.id, line])).values()];
    if (users.length === 0) return;
    const ids = users.map(({ id }) => id);
    const there = await this.#tx.selectFrom('chat_users').select('id').where('id', 'in', ids).execute();
    this.#counts.users += users.length - there.length;
    this.#counts.known += lines.length - (users.length - there.length);
    const rows = users.map((user) => ({
      id: user.id,
      name: user.name ?? null,
      avatar: user.avatar ?? null,
      data: this.#json(user.line, user.data),
      locale: user.locale ?? null,
      time_zone: user.timeZone ?? null,
      invisible: 0 as const,
      last_seen_at: null,
      created_at: user.createdAt ?? this.#now,
      deleted_at: null,
    }));
    await this.#tx
      .insertInto('chat_users')
      .values(rows)
      // What they have said of themselves since stands, and so does that they were erased.
      .onConflict((conflict) => conflict.column('id').doNothing())
      .execute();
  }

  async #loadRooms(lines: readonly ImportLine[]): Promise<void> {
    const ids = [
      ...new Set(lines.flatMap((line) => (line.type === 'room' ? [line.id] : 'room' in line ? [line.room] : []))),
    ];
    if (ids.length === 0) return;
    let query = this.#tx.selectFrom('chat_rooms').selectAll().where('id', 'in', ids).orderBy('id');
    if (this.#options.store.dialect === 'postgres') query = query.forUpdate();
    for (const row of await query.execute()) {
      this.#rooms.set(row.id, row);
      this.#before.set(row.id, row);
    }
  }

  async #makeRooms(lines: readonly LineOf<'room'>[]): Promise<void> {
    for (const line of lines) {
      if (this.#rooms.has(line.id)) {
        this.#counts.known++;
        continue;
      }
      const row = this.#newRoom(line);
      if (row.dm_key !== null) {
        const other = await this.#tx
          .selectFrom('chat_rooms')
          .select('id')
          .where('dm_key', '=', row.dm_key)
          .executeTakeFirst();
        if (other) throw new ImportError(line.line, `these two have a direct room already: ${other.id}`);
      }
      await this.#tx.insertInto('chat_rooms').values(row).execute();
      this.#rooms.set(row.id, row);
      this.#before.set(row.id, row);
      this.#counts.rooms++;
    }
  }

  #newRoom(line: LineOf<'room'>): RoomRow {
    if ((line.kind === 'direct') !== (line.users !== undefined)) {
      throw new ImportError(line.line, 'users: the two of a direct room, and only there');
    }
    const createdAt = line.createdAt ?? this.#now;
    return {
      id: line.id,
      epoch: newEpoch(),
      kind: line.kind,
      dm_key: line.users ? directKey(...line.users) : null,
      name: line.name ?? null,
      topic: line.topic ?? null,
      data: this.#json(line.line, line.data),
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

  /** @throws ImportError for a room that is not known, or deleted. */
  #room(id: string, line: number): RoomRow {
    const row = this.#rooms.get(id);
    if (!row) throw new ImportError(line, `room ${id} is not known: its line must come before`);
    if (row.deleted_at !== null) throw new ImportError(line, `room ${id} was deleted`);
    return row;
  }

  #nextRev(id: string, change: Partial<RoomRow> = {}): number {
    const row = this.#rooms.get(id) as RoomRow;
    const rev = row.rev + 1;
    this.#rooms.set(id, { ...row, ...change, rev });
    return rev;
  }

  async #writeMembers(lines: readonly LineOf<'member'>[]): Promise<void> {
    for (const { room, line } of lines) this.#room(room, line);
    const wanted = new Map(lines.map((line) => [rowKey(line.room, line.user), line]));
    const known = await this.#loadMembers([...wanted.values()]);
    const fresh = [...wanted].filter(([key]) => !known.has(key)).map(([, line]) => this.#newMember(line));
    if (fresh.length > 0) await this.#tx.insertInto('chat_members').values(fresh).execute();
    this.#counts.members += fresh.length;
    this.#counts.known += lines.length - fresh.length;
  }

  #newMember({ room: id, user, role = 'member', joinedAt, line }: LineOf<'member'>): MemberRow {
    const room = this.#room(id, line);
    const count = { member_count: room.member_count + 1 };
    // Of crowds only the number is told.
    if (isCrowd(room)) this.#rooms.set(id, { ...room, ...count });
    return {
      room_id: id,
      user_id: user,
      role,
      state: 'member',
      joined_seq: 0,
      joined_at: joinedAt ?? this.#now,
      read_seq: room.last_seq,
      read_ucount: room.ucount,
      delivered_seq: room.last_seq,
      mention_count: 0,
      mute_until: null,
      notify: 'all',
      pinned: 0,
      archived: 0,
      rev: isCrowd(room) ? 0 : this.#nextRev(id, count),
      updated_at: this.#now,
      sent_at: 0,
    };
  }

  async #loadMembers(
    pairs: readonly { readonly room: string; readonly user: string }[],
  ): Promise<Map<string, MemberRow>> {
    if (pairs.length === 0) return new Map();
    const rows = await this.#tx
      .selectFrom('chat_members')
      .selectAll()
      .where((eb) =>
        eb(
          eb.refTuple('room_id', 'user_id'),
          'in',
          pairs.map(({ room, user }) => eb.tuple(room, user)),
        ),
      )
      .execute();
    return new Map(rows.map((row) => [rowKey(row.room_id, row.user_id), row]));
  }

  async #loadSeqs(lines: readonly (LineOf<'message'> | LineOf<'reaction'> | LineOf<'read'>)[]): Promise<void> {
    const wanted = new Map<string, readonly [room: string, id: string]>();
    for (const line of lines) {
      const ids = line.type === 'message' ? [line.id, line.replyTo, line.thread] : [line.message];
      for (const id of ids) if (id !== undefined) wanted.set(rowKey(line.room, id), [line.room, id]);
    }
    const pairs = [...wanted.values()];
    for (let at = 0; at < pairs.length; at += 500) {
      const rows = await this.#tx
        .selectFrom('chat_import_ids')
        .selectAll()
        .where((eb) =>
          eb(
            eb.refTuple('room_id', 'id'),
            'in',
            pairs.slice(at, at + 500).map(([room, id]) => eb.tuple(room, id)),
          ),
        )
        .execute();
      for (const { room_id, id, seq } of rows) this.#seqs.set(rowKey(room_id, id), seq);
    }
  }

  /** @throws ImportError for a message that is not known. */
  #seq(room: string, id: string, line: number): number {
    const seq = this.#seqs.get(rowKey(room, id));
    if (seq === undefined) throw new ImportError(line, `message ${id} is not known: its line must come before`);
    return seq;
  }

  async #makeMessages(lines: readonly LineOf<'message'>[]): Promise<void> {
    const ids: ChatTables['chat_import_ids'][] = [];
    for (const line of lines) {
      const key = rowKey(line.room, line.id);
      if (this.#seqs.has(key)) {
        this.#counts.known++;
        continue;
      }
      const row = this.#newMessage(line);
      this.#fresh.set(rowKey(row.room_id, row.seq), row);
      this.#seqs.set(key, row.seq);
      ids.push({ room_id: line.room, id: line.id, seq: row.seq });
      if (row.thread_seq !== null) await this.#countReply(row, line.line);
    }
    if (ids.length > 0) await this.#tx.insertInto('chat_import_ids').values(ids).execute();
    this.#counts.messages += ids.length;
  }

  #newMessage(line: LineOf<'message'>): MessageRow {
    const room = this.#room(line.room, line.line);
    const { kind = 'text', silent = false, thread, replyTo } = line;
    if (line.deletedAt === undefined) this.#orError(line.line, () => checkContent(line, this.#options.config));
    const countable = kind !== 'system' && !silent && thread === undefined;
    const ucount = room.ucount + Number(countable);
    const seq = room.last_seq + 1;
    const rev = this.#nextRev(room.id, { last_seq: seq, ucount, last_at: Math.max(room.last_at, line.at) });
    return {
      room_id: room.id,
      seq,
      id: newSortableId(line.at),
      sender_id: line.sender ?? '',
      client_id: null,
      client_hash: null,
      ucount,
      rev,
      first_rev: rev,
      kind,
      thread_seq: thread === undefined ? null : this.#seq(room.id, thread, line.line),
      reply_seq: replyTo === undefined ? null : this.#seq(room.id, replyTo, line.line),
      body: line.deletedAt === undefined ? JSON.stringify(toBody(line)) : '{}',
      reactions: null,
      poll: null,
      thread_count: 0,
      thread_last_seq: 0,
      thread_last_at: 0,
      silent: silent ? 1 : 0,
      shadow: 0,
      version: line.editedAt === undefined ? 1 : 2,
      pinned_at: line.deletedAt === undefined ? (line.pinnedAt ?? null) : null,
      created_at: line.at,
      edited_at: line.deletedAt === undefined ? (line.editedAt ?? null) : null,
      deleted_at: line.deletedAt ?? null,
    };
  }

  async #countReply(row: MessageRow, line: number): Promise<void> {
    const parent = await this.#message(row.room_id, row.thread_seq ?? 0);
    // It may be older than the room keeps messages.
    if (!parent) return;
    if (parent.thread_seq !== null) throw new ImportError(line, 'thread: that message is itself in a thread');
    const followers = [...new Set([parent.sender_id, row.sender_id])].filter((user) => user !== '');
    const counted = row.deleted_at === null ? 1 : 0;
    this.#change(parent, {
      thread_count: parent.thread_count + counted,
      thread_last_seq: row.seq,
      thread_last_at: row.created_at,
    });
    if (followers.length === 0) return;
    await this.#tx
      .insertInto('chat_thread_members')
      .values(
        followers.map((user_id) => ({
          room_id: row.room_id,
          thread_seq: parent.seq,
          user_id,
          read_seq: row.seq,
          following: 1,
          updated_at: this.#now,
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(['room_id', 'thread_seq', 'user_id']).doUpdateSet({ read_seq: row.seq }),
      )
      .execute();
  }

  async #message(room: string, seq: number): Promise<MessageRow | undefined> {
    const key = rowKey(room, seq);
    const here = this.#fresh.get(key) ?? this.#changed.get(key);
    if (here) return here;
    return this.#tx
      .selectFrom('chat_messages')
      .selectAll()
      .where('room_id', '=', room)
      .where('seq', '=', seq)
      .executeTakeFirst();
  }

  #change(row: MessageRow, change: Partial<MessageRow>): void {
    const key = rowKey(row.room_id, row.seq);
    const changed = { ...row, ...change, rev: this.#nextRev(row.room_id) };
    (this.#fresh.has(key) ? this.#fresh : this.#changed).set(key, changed);
  }

  async #writeMessages(): Promise<void> {
    const rows = [...this.#fresh.values()];
    if (rows.length === 0) return;
    await this.#tx.insertInto('chat_messages').values(rows).execute();
    const mentions = rows.flatMap((row) => {
      const { mentions: named } = JSON.parse(row.body) as { mentions?: { users?: string[] } };
      return (named?.users ?? [])
        .filter((user) => user !== row.sender_id)
        .map((user_id) => ({ user_id, room_id: row.room_id, seq: row.seq, message_id: row.id }));
    });
    for (let at = 0; at < mentions.length; at += 500) {
      await this.#tx
        .insertInto('chat_mentions')
        .values(mentions.slice(at, at + 500))
        .execute();
    }
    // What changes from here on is in the database.
    for (const [key, row] of this.#fresh) this.#changed.set(key, row);
    this.#fresh.clear();
  }

  async #writeReactions(lines: readonly LineOf<'reaction'>[]): Promise<void> {
    for (const { room, message, user, emoji, at, line } of lines) {
      this.#room(room, line);
      const row = await this.#message(room, this.#seq(room, message, line));
      if (!row || row.deleted_at !== null) {
        this.#counts.known++;
        continue;
      }
      const added = await this.#tx
        .insertInto('chat_reactions')
        .values({ room_id: room, seq: row.seq, emoji, user_id: user, created_at: at ?? this.#now })
        .onConflict((conflict) => conflict.columns(['room_id', 'seq', 'emoji', 'user_id']).doNothing())
        .returning('seq')
        .execute();
      if (added.length === 0) {
        this.#counts.known++;
        continue;
      }
      const counts = new Map(Object.entries(JSON.parse(row.reactions ?? '{}') as Record<string, number>));
      counts.set(emoji, (counts.get(emoji) ?? 0) + 1);
      this.#change(row, { reactions: JSON.stringify(Object.fromEntries(counts)) });
      this.#counts.reactions++;
    }
  }

  /** Messages that were changed, rooms, and the marks of those who had read everything. */
  async #finishRooms(): Promise<void> {
    for (const row of this.#changed.values()) {
      await this.#tx
        .updateTable('chat_messages')
        .set({
          rev: row.rev,
          reactions: row.reactions,
          thread_count: row.thread_count,
          thread_last_seq: row.thread_last_seq,
          thread_last_at: row.thread_last_at,
        })
        .where('room_id', '=', row.room_id)
        .where('seq', '=', row.seq)
        .where('rev', '<>', row.rev)
        .execute();
    }
    for (const [id, room] of this.#rooms) {
      const before = this.#before.get(id);
      if (room === before) continue;
      const { last_seq, last_at, ucount, rev, member_count } = room;
      await this.#tx
        .updateTable('chat_rooms')
        .set({ last_seq, last_at, ucount, rev, member_count, min_rev: rev })
        .where('id', '=', id)
        .execute();
      if (!before || last_seq === before.last_seq) continue;
      await this.#tx
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

  async #setReads(lines: readonly LineOf<'read'>[]): Promise<void> {
    const members = await this.#loadMembers(lines);
    for (const { room, user, message, line } of lines) {
      this.#room(room, line);
      if (!members.has(rowKey(room, user))) throw new ImportError(line, `user ${user} is no member of room ${room}`);
      const row = await this.#message(room, this.#seq(room, message, line));
      if (!row) continue;
      await this.#tx
        .updateTable('chat_members')
        .set({
          read_seq: row.seq,
          read_ucount: row.ucount,
          mention_count: await countMentions(this.#tx, room, user, row.seq),
        })
        .where('room_id', '=', room)
        .where('user_id', '=', user)
        .execute();
    }
  }
}
