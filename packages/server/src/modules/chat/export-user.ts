/**
 * Everything that chat keeps of one user, as records in pages: one kind after the other, each in an order that a page can
 * go on from.
 */
import { sql } from 'kysely';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import { toMembership, toMessage, type MessageBody } from './mappers.ts';
import { toRestriction } from './restrictions.ts';
import { scanMessages, type MessageKey } from './scan-messages.ts';

/** `type` says what it is: user, membership, message, version, reaction, vote, draft, block, attachment … */
export interface ExportRecord {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface ExportPage {
  readonly records: ExportRecord[];
  /** For `cursor` of the next page; absent on the last. */
  readonly next?: string;
}

type Key = readonly (string | number)[];

interface Part {
  readonly records: ExportRecord[];
  /** Where to go on; undefined: there is no more of this kind. */
  readonly next?: Key | undefined;
}

interface Section {
  readonly name: string;
  read(db: Chat['db'], user: string, after: Key | undefined, limit: number): Promise<Part>;
}

/** Of one page, so that nobody waits long for it. */
const maxReads = 50;

/**
 * @param cursor `next` of the page before.
 * @throws ChatError invalid for another cursor.
 */
export async function exportUser(
  db: Chat['db'],
  {
    user,
    cursor,
    limit = 500,
  }: { readonly user: string; readonly cursor?: string | undefined; readonly limit?: number | undefined },
): Promise<ExportPage> {
  let [at, after] = readCursor(cursor);
  const records: ExportRecord[] = [];
  for (let reads = 0; at < sections.length; reads++) {
    const section = sections[at] as Section;
    if (records.length >= limit || reads >= maxReads) return { records, next: writeCursor(section.name, after) };
    const { records: more, next } = await section.read(db, user, after, limit - records.length);
    records.push(...more);
    after = next;
    if (!next) at++;
  }
  return { records };
}

function writeCursor(name: string, key: Key | undefined): string {
  return Buffer.from(JSON.stringify([name, ...(key ?? [])])).toString('base64url');
}

function readCursor(cursor: string | undefined): [at: number, after: Key | undefined] {
  if (cursor === undefined) return [0, undefined];
  try {
    const [name, ...key] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as [string, ...Key];
    const at = sections.findIndex((section) => section.name === name);
    const valid = key.every((part) => typeof part === 'string' || Number.isSafeInteger(part));
    if (at !== -1 && valid) return [at, key.length === 0 ? undefined : key];
  } catch {
    // Said below.
  }
  throw new ChatError('invalid', 'cursor: it is not of a page before');
}

/** Rows of one query, in the order of a key. @param rows one more than wanted, if there are. */
function part<Row>(
  rows: readonly Row[],
  limit: number,
  keyOf: (row: Row) => Key,
  toRecord: (row: Row) => ExportRecord,
): Part {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { records: shown.map(toRecord), next: rows.length > limit && last ? keyOf(last) : undefined };
}

const sections: readonly Section[] = [
  {
    name: 'user',
    async read(db, user) {
      const row = await db.selectFrom('chat_users').selectAll().where('id', '=', user).executeTakeFirst();
      if (!row) return { records: [] };
      const { data, ...rest } = row;
      return { records: [{ type: 'user', ...rest, ...(data !== null && { data: JSON.parse(data) as unknown }) }] };
    },
  },
  {
    name: 'memberships',
    async read(db, user, after, limit) {
      const rows = await db
        .selectFrom('chat_members as member')
        .innerJoin('chat_rooms as room', 'room.id', 'member.room_id')
        .selectAll('member')
        .select('room.ucount')
        .where('member.user_id', '=', user)
        .where('member.room_id', '>', String(after?.[0] ?? ''))
        .orderBy('member.room_id')
        .limit(limit + 1)
        .execute();
      return part(
        rows,
        limit,
        (row) => [row.room_id],
        (row) => ({ type: 'membership', ...toMembership(row, row) }),
      );
    },
  },
  { name: 'messages', read: readMessages },
  {
    name: 'reactions',
    async read(db, user, after, limit) {
      const [room = '', seq = 0, emoji = ''] = after ?? [];
      const rows = await db
        .selectFrom('chat_reactions')
        .selectAll()
        .where('user_id', '=', user)
        .where((eb) =>
          eb(eb.refTuple('room_id', 'seq', 'emoji'), '>', eb.tuple(String(room), Number(seq), String(emoji))),
        )
        .orderBy('room_id')
        .orderBy('seq')
        .orderBy('emoji')
        .limit(limit + 1)
        .execute();
      return part(
        rows,
        limit,
        (row) => [row.room_id, row.seq, row.emoji],
        (row) => ({ type: 'reaction', room: row.room_id, seq: row.seq, emoji: row.emoji, at: row.created_at }),
      );
    },
  },
  {
    name: 'votes',
    async read(db, user, after, limit) {
      const [room = '', seq = 0, option = ''] = after ?? [];
      const rows = await db
        .selectFrom('chat_poll_votes')
        .selectAll()
        .where('user_id', '=', user)
        .where((eb) =>
          eb(eb.refTuple('room_id', 'seq', 'option_id'), '>', eb.tuple(String(room), Number(seq), String(option))),
        )
        .orderBy('room_id')
        .orderBy('seq')
        .orderBy('option_id')
        .limit(limit + 1)
        .execute();
      return part(
        rows,
        limit,
        (row) => [row.room_id, row.seq, row.option_id],
        (row) => ({ type: 'vote', room: row.room_id, seq: row.seq, option: row.option_id, at: row.created_at }),
      );
    },
  },
  {
    name: 'drafts',
    async read(db, user, after, limit) {
      const [room = '', thread = -1] = after ?? [];
      const rows = await db
        .selectFrom('chat_drafts')
        .selectAll()
        .where('user_id', '=', user)
        .where((eb) => eb(eb.refTuple('room_id', 'thread_seq'), '>', eb.tuple(String(room), Number(thread))))
        .orderBy('room_id')
        .orderBy('thread_seq')
        .limit(limit + 1)
        .execute();
      return part(
        rows,
        limit,
        (row) => [row.room_id, row.thread_seq],
        (row) => ({ type: 'draft', room: row.room_id, threadSeq: row.thread_seq, text: row.text, at: row.updated_at }),
      );
    },
  },
  {
    name: 'blocks',
    async read(db, user, after, limit) {
      const rows = await db
        .selectFrom('chat_blocks')
        .selectAll()
        .where('user_id', '=', user)
        .where('blocked_id', '>', String(after?.[0] ?? ''))
        .orderBy('blocked_id')
        .limit(limit + 1)
        .execute();
      return part(
        rows,
        limit,
        (row) => [row.blocked_id],
        (row) => ({ type: 'block', user: row.blocked_id, at: row.created_at }),
      );
    },
  },
  {
    name: 'reports',
    async read(db, user, after, limit) {
      const rows = await db
        .selectFrom('chat_reports')
        .selectAll()
        .where('reporter', '=', user)
        .where('id', '>', String(after?.[0] ?? ''))
        .orderBy('id')
        .limit(limit + 1)
        .execute();
      return part(
        rows,
        limit,
        (row) => [row.id],
        (row) => ({
          type: 'report',
          id: row.id,
          room: row.room_id,
          seq: row.seq,
          user: row.reported_user,
          reason: row.reason,
          at: row.created_at,
        }),
      );
    },
  },
  {
    name: 'restrictions',
    async read(db, user, after, limit) {
      const [scope = '', kind = ''] = after ?? [];
      const rows = await db
        .selectFrom('chat_restrictions')
        .selectAll()
        .where('user_id', '=', user)
        .where((eb) => eb(eb.refTuple('scope', 'kind'), '>', eb.tuple(String(scope), String(kind))))
        .orderBy('scope')
        .orderBy('kind')
        .limit(limit + 1)
        .execute();
      return part(
        rows,
        limit,
        (row) => [row.scope, row.kind],
        (row) => ({ type: 'restriction', ...toRestriction(row) }),
      );
    },
  },
  {
    name: 'attachments',
    async read(db, user, after, limit) {
      const rows = await db
        .selectFrom('chat_attachments')
        .selectAll()
        .where('user_id', '=', user)
        .where('id', '>', String(after?.[0] ?? ''))
        .orderBy('id')
        .limit(limit + 1)
        .execute();
      return part(
        rows,
        limit,
        (row) => [row.id],
        (row) => ({
          type: 'attachment',
          id: row.id,
          room: row.room_id,
          seq: row.message_seq,
          name: row.name,
          contentType: row.content_type,
          bytes: row.bytes,
          ...(row.width !== null && row.height !== null && { width: row.width, height: row.height }),
          at: row.created_at,
        }),
      );
    },
  },
  {
    name: 'scheduled',
    async read(db, user, after, limit) {
      const rows = await db
        .selectFrom('chat_scheduled')
        .selectAll()
        .where('user_id', '=', user)
        .where('id', '>', String(after?.[0] ?? ''))
        .orderBy('id')
        .limit(limit + 1)
        .execute();
      return part(
        rows,
        limit,
        (row) => [row.id],
        (row) => ({
          type: 'scheduled',
          id: row.id,
          sendAt: row.run_at,
          ...(JSON.parse(row.input) as { message: object }).message,
        }),
      );
    },
  },
];

/** Messages with their former versions. All messages are looked through, so that a page may be empty and still not the last. */
async function readMessages(db: Chat['db'], user: string, after: Key | undefined, limit: number): Promise<Part> {
  const isTheirs = sql`message.sender_id = ${user}`;
  const { found, next } = await scanMessages(db, isTheirs, after as MessageKey | undefined, limit);
  const records: ExportRecord[] = [];
  for (const [room, keys] of Map.groupBy(found, ({ room_id }) => room_id)) {
    const rows = await db
      .selectFrom('chat_messages')
      .selectAll()
      .where('room_id', '=', room)
      .where(
        'seq',
        'in',
        keys.map(({ seq }) => seq),
      )
      .orderBy('seq')
      .execute();
    const versions = await readVersions(
      db,
      room,
      rows.filter(({ version }) => version > 1).map((row) => row.seq),
    );
    for (const row of rows) {
      records.push({ type: 'message', ...toMessage(row, user) }, ...(versions.get(row.seq) ?? []));
    }
  }
  return { records, next };
}

async function readVersions(
  db: Chat['db'],
  room: string,
  seqs: readonly number[],
): Promise<ReadonlyMap<number, ExportRecord[]>> {
  if (seqs.length === 0) return new Map();
  const rows = await db
    .selectFrom('chat_message_versions')
    .selectAll()
    .where('room_id', '=', room)
    .where('seq', 'in', seqs)
    .orderBy('seq')
    .orderBy('version')
    .execute();
  const records = rows.map((row) => ({
    type: 'version',
    room,
    seq: row.seq,
    version: row.version,
    ...(JSON.parse(row.body) as MessageBody),
    replacedAt: row.edited_at,
  }));
  return Map.groupBy(records, (record) => record.seq);
}
