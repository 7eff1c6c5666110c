/**
 * Messages and polls of one transaction of an import. New ones are made in memory, where threads count on them, and
 * written together; so is what changes of those that are there.
 */
import { newSortableId } from '../../../lib/ids.ts';
import type { MessageRow } from '../chat-writer.ts';
import type { MessageBody } from '../mappers.ts';
import { checkContent, toBody } from '../message-content.ts';
import type { Attachment, Poll } from '../model.ts';
import { checkPoll, newPoll } from '../polls.ts';
import { rowKey } from '../row-cache.ts';
import { storageKey } from '../attachments/uploads.ts';
import type { ChatTables } from '../tables.ts';
import { ImportError, type LineOf } from './import-lines.ts';
import { inStatements, ofLine, type ImportWork } from './import-work.ts';
import type { ImportedRooms } from './imported-rooms.ts';
import { importingState, type StoredFiles } from './store-files.ts';

type MessageLine = LineOf<'message'> | LineOf<'poll'>;
/** What a line names messages by. */
type Naming = MessageLine | LineOf<'reaction'> | LineOf<'vote'> | LineOf<'read'>;

export class ImportedMessages {
  readonly #work: ImportWork;
  readonly #rooms: ImportedRooms;
  readonly #files: StoredFiles;
  /** By room and what the file calls a message. */
  readonly #seqs = new Map<string, number>();
  readonly #fresh = new Map<string, MessageRow>();
  readonly #changed = new Map<string, MessageRow>();
  /** Of the new ones, in the order of their rooms. */
  readonly mentions: ChatTables['chat_mentions'][] = [];

  constructor(work: ImportWork, rooms: ImportedRooms, files: StoredFiles) {
    this.#work = work;
    this.#rooms = rooms;
    this.#files = files;
  }

  /** Finds out which of the messages that these lines name are there. */
  async load(lines: readonly Naming[]): Promise<void> {
    const wanted = new Map<string, readonly [room: string, id: string]>();
    for (const line of lines) for (const id of namesIn(line)) wanted.set(rowKey(line.room, id), [line.room, id]);
    for (const some of inStatements([...wanted.values()])) {
      const rows = await this.#work.tx
        .selectFrom('chat_import_ids')
        .selectAll()
        .where((eb) =>
          eb(
            eb.refTuple('room_id', 'id'),
            'in',
            some.map(([room, id]) => eb.tuple(room, id)),
          ),
        )
        .execute();
      for (const { room_id, id, seq } of rows) this.#seqs.set(rowKey(room_id, id), seq);
    }
  }

  /** @throws ImportError for a message that is not known. */
  seq(room: string, id: string, line: number): number {
    const seq = this.#seqs.get(rowKey(room, id));
    if (seq === undefined) throw new ImportError(line, `message ${id} is not known: its line must come before`);
    return seq;
  }

  /** @returns undefined for one that the room no longer keeps. */
  async find(room: string, seq: number): Promise<MessageRow | undefined> {
    const key = rowKey(room, seq);
    const here = this.#fresh.get(key) ?? this.#changed.get(key);
    if (here) return here;
    return this.#work.tx
      .selectFrom('chat_messages')
      .selectAll()
      .where('room_id', '=', room)
      .where('seq', '=', seq)
      .executeTakeFirst();
  }

  change(row: MessageRow, change: Partial<MessageRow>): void {
    const key = rowKey(row.room_id, row.seq);
    const changed = { ...row, ...change, rev: this.#rooms.nextRev(row.room_id) };
    (this.#fresh.has(key) ? this.#fresh : this.#changed).set(key, changed);
  }

  /** Makes and writes the messages that are not there yet, in the order of the lines. */
  async write(lines: readonly MessageLine[]): Promise<void> {
    const { tx, counts } = this.#work;
    const ids: ChatTables['chat_import_ids'][] = [];
    const attachments: ChatTables['chat_attachments'][] = [];
    for (const line of lines) {
      const key = rowKey(line.room, line.id);
      if (this.#seqs.has(key)) {
        counts.known++;
        continue;
      }
      const files = this.#files.get(line.line) ?? [];
      const row = this.#newMessage(line, files);
      this.#fresh.set(rowKey(row.room_id, row.seq), row);
      this.#seqs.set(key, row.seq);
      ids.push({ room_id: line.room, id: line.id, seq: row.seq });
      for (const file of files) attachments.push(toRow(row, file));
      if (row.thread_seq !== null) await this.#countReply(row, line.line);
      if (line.type === 'poll') counts.polls++;
      else counts.messages++;
    }
    for (const some of inStatements(ids))
      await tx
        .insertInto('chat_import_ids')
        .values([...some])
        .execute();
    await this.#writeFresh();
    await this.#takeFiles(attachments);
    // What changes from here on is in the database.
    for (const [key, row] of this.#fresh) this.#changed.set(key, row);
    this.#fresh.clear();
  }

  /** Writes what has changed of messages since `write`. */
  async finish(): Promise<void> {
    for (const row of this.#changed.values()) {
      await this.#work.tx
        .updateTable('chat_messages')
        .set({
          rev: row.rev,
          reactions: row.reactions,
          poll: row.poll,
          thread_count: row.thread_count,
          thread_last_seq: row.thread_last_seq,
          thread_last_at: row.thread_last_at,
        })
        .where('room_id', '=', row.room_id)
        .where('seq', '=', row.seq)
        .where('rev', '<>', row.rev)
        .execute();
    }
  }

  #newMessage(line: MessageLine, files: readonly Attachment[]): MessageRow {
    const room = this.#rooms.get(line.room, line.line);
    const { silent = false } = line;
    const kind = line.type === 'poll' ? 'poll' : (line.kind ?? 'text');
    const { thread, replyTo, editedAt }: Partial<LineOf<'message'>> = line.type === 'message' ? line : {};
    const isDeleted = line.deletedAt !== undefined;
    const said = isDeleted ? nothing : this.#contentOf(line, files);
    const countable = kind !== 'system' && !silent && thread === undefined;
    const ucount = room.ucount + Number(countable);
    const seq = room.last_seq + 1;
    const rev = this.#rooms.nextRev(room.id, { last_seq: seq, ucount, last_at: Math.max(room.last_at, line.at) });
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
      thread_seq: thread === undefined ? null : this.seq(room.id, thread, line.line),
      reply_seq: replyTo === undefined ? null : this.seq(room.id, replyTo, line.line),
      body: JSON.stringify(said.body),
      reactions: null,
      poll: said.poll && JSON.stringify(said.poll),
      thread_count: 0,
      thread_last_seq: 0,
      thread_last_at: 0,
      silent: silent ? 1 : 0,
      shadow: 0,
      version: editedAt === undefined ? 1 : 2,
      pinned_at: isDeleted ? null : (line.pinnedAt ?? null),
      created_at: line.at,
      edited_at: isDeleted ? null : (editedAt ?? null),
      deleted_at: line.deletedAt ?? null,
    };
  }

  /** @throws ImportError for what could not be sent either. */
  #contentOf(line: MessageLine, files: readonly Attachment[]): Said {
    const { config, nowMs } = this.#work;
    if (line.type === 'message') {
      const { text, data, mentions, attachments } = line;
      const content = { text, data, mentions, attachments: attachments?.map(({ file }) => file) };
      ofLine(line.line, () => checkContent(content, config));
      return { body: { ...toBody(content), ...(files.length > 0 && { attachments: files }) }, poll: null };
    }
    ofLine(line.line, () => checkPoll(line, config));
    const poll = newPoll(line.question, line.options, line);
    // One whose time came while it was elsewhere.
    const closedAt =
      line.closedAt ?? (line.closesAt !== undefined && line.closesAt <= nowMs ? line.closesAt : undefined);
    return { body: { text: line.question }, poll: { ...poll, ...(closedAt !== undefined && { closedAt }) } };
  }

  async #countReply(row: MessageRow, line: number): Promise<void> {
    const parent = await this.find(row.room_id, row.thread_seq ?? 0);
    // It may be older than the room keeps messages.
    if (!parent) return;
    if (parent.thread_seq !== null) throw new ImportError(line, 'thread: that message is itself in a thread');
    const followers = [...new Set([parent.sender_id, row.sender_id])].filter((user) => user !== '');
    const counted = row.deleted_at === null ? 1 : 0;
    this.change(parent, {
      thread_count: parent.thread_count + counted,
      thread_last_seq: row.seq,
      thread_last_at: row.created_at,
    });
    if (followers.length === 0) return;
    await this.#work.tx
      .insertInto('chat_thread_members')
      .values(
        followers.map((user_id) => ({
          room_id: row.room_id,
          thread_seq: parent.seq,
          user_id,
          read_seq: row.seq,
          following: 1,
          updated_at: this.#work.nowMs,
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(['room_id', 'thread_seq', 'user_id']).doUpdateSet({ read_seq: row.seq }),
      )
      .execute();
  }

  async #writeFresh(): Promise<void> {
    const { tx } = this.#work;
    const rows = [...this.#fresh.values()];
    if (rows.length === 0) return;
    await tx.insertInto('chat_messages').values(rows).execute();
    const mentions = rows.flatMap((row) => {
      const { mentions: named } = JSON.parse(row.body) as { mentions?: { users?: string[] } };
      return (named?.users ?? [])
        .filter((user) => user !== row.sender_id)
        .map((user_id) => ({ user_id, room_id: row.room_id, seq: row.seq, message_id: row.id }));
    });
    this.mentions.push(...mentions);
    for (const some of inStatements(mentions))
      await tx
        .insertInto('chat_mentions')
        .values([...some])
        .execute();
    const closings = rows.flatMap(({ room_id, seq, poll }) => {
      const { closesAt, closedAt } = JSON.parse(poll ?? '{}') as Partial<Poll>;
      return closesAt === undefined || closedAt !== undefined ? [] : [{ room_id, seq, closes_at: closesAt }];
    });
    if (closings.length > 0) await tx.insertInto('chat_poll_closings').values(closings).execute();
  }

  /**
   * Files become attachments: the rows that told the sweep of them go.
   * @throws Error if the sweep was faster, a day later.
   */
  async #takeFiles(rows: readonly ChatTables['chat_attachments'][]): Promise<void> {
    const { tx, counts } = this.#work;
    if (rows.length === 0) return;
    const ids = rows.map(({ id }) => id);
    const taken = await tx
      .deleteFrom('chat_uploads')
      .where('id', 'in', ids)
      .where('state', '=', importingState)
      .returning('id')
      .execute();
    if (taken.length < ids.length) throw new Error('the files of a batch took longer than a day to store');
    await tx
      .insertInto('chat_attachments')
      .values([...rows])
      .execute();
    counts.attachments += rows.length;
  }
}

interface Said {
  readonly body: MessageBody;
  readonly poll: Poll | null;
}

const nothing: Said = { body: {}, poll: null };

function namesIn(line: Naming): readonly string[] {
  if (line.type === 'poll') return [line.id];
  if (line.type !== 'message') return [line.message];
  return [line.id, line.replyTo, line.thread].filter((id) => id !== undefined);
}

function toRow(row: MessageRow, attachment: Attachment): ChatTables['chat_attachments'] {
  const { id, name, contentType, bytes, width, height } = attachment;
  return {
    id,
    room_id: row.room_id,
    user_id: row.sender_id,
    message_seq: row.seq,
    name,
    content_type: contentType,
    bytes,
    storage_key: storageKey(id),
    created_at: row.created_at,
    width: width ?? null,
    height: height ?? null,
  };
}
