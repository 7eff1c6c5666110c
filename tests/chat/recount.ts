/** What holds of every database of chat, whatever was done: counted from the rows, without any counter. */
import type { Kysely, Selectable } from 'kysely';
import { expect } from 'vitest';
import type { MessageBody } from '../../packages/server/src/modules/chat/mappers.ts';
import type { Poll } from '../../packages/server/src/modules/chat/model.ts';
import type { ChatTables } from '../../packages/server/src/modules/chat/tables.ts';

/**
 * Counts everything anew and compares.
 * @param rooms only these; else all.
 */
export async function recount(db: Kysely<ChatTables>, rooms?: readonly string[]): Promise<void> {
  let query = db.selectFrom('chat_rooms').selectAll();
  if (rooms) query = query.where('id', 'in', rooms);
  for (const room of await query.execute()) await recountRoom(db, room);
}

type MessageCounts = Pick<ChatTables['chat_messages'], 'kind' | 'silent' | 'thread_seq' | 'shadow'>;

function isCountable({ kind, silent, thread_seq, shadow }: MessageCounts): boolean {
  return kind !== 'system' && silent === 0 && thread_seq === null && shadow === 0;
}

async function recountRoom(db: Kysely<ChatTables>, room: ChatTables['chat_rooms']): Promise<void> {
  const of = `room ${room.id}`;
  const messages = await db
    .selectFrom('chat_messages')
    .selectAll()
    .where('room_id', '=', room.id)
    .orderBy('seq')
    .execute();
  const members = await db.selectFrom('chat_members').selectAll().where('room_id', '=', room.id).execute();
  const noted = await db.selectFrom('chat_mentions').selectAll().where('room_id', '=', room.id).execute();
  const reactions = await db.selectFrom('chat_reactions').selectAll().where('room_id', '=', room.id).execute();

  if (room.deleted_at !== null) return;
  // Dense: no hole, no number twice. The first ones may be no longer kept.
  const [first] = messages;
  const gone = first ? first.seq - 1 : room.last_seq;
  expect(
    messages.map(({ seq }) => seq),
    of,
  ).toEqual(messages.map((_, at) => gone + at + 1));
  expect(room.last_seq, of).toBe(gone + messages.length);
  const goneCountable = first ? first.ucount - Number(isCountable(first)) : room.ucount;
  let countable = goneCountable;
  for (const row of messages) {
    if (isCountable(row)) countable++;
    expect(row.ucount, `${of} ucount of ${row.seq}`).toBe(countable);
    expect(row.rev, `${of} rev of ${row.seq}`).toBeGreaterThanOrEqual(row.first_rev);
    expect(row.rev).toBeLessThanOrEqual(room.rev);
    const replies = messages.filter((one) => one.thread_seq === row.seq && one.deleted_at === null && one.shadow === 0);
    expect(row.thread_count, `${of} replies under ${row.seq}`).toBe(replies.length);
    const counted: Record<string, number> = {};
    for (const { seq, emoji } of reactions) if (seq === row.seq) counted[emoji] = (counted[emoji] ?? 0) + 1;
    expect(JSON.parse(row.reactions ?? '{}'), `${of} reactions of ${row.seq}`).toEqual(counted);
  }
  expect(room.ucount, of).toBe(countable);
  await recountPolls(db, room.id, messages);
  await recountAttachments(db, room.id, messages);
  expect(room.member_count, `${of} members`).toBe(members.filter(({ state }) => state === 'member').length);
  // Every revision stands on one row at most.
  const revs = [...messages.map(({ rev }) => rev), ...members.map(({ rev }) => rev).filter((rev) => rev > 0)];
  if (room.changed_rev > 0) revs.push(room.changed_rev);
  expect(new Set(revs).size, `${of} revisions`).toBe(revs.length);
  // A row that went had the revision up to which nobody can be told one by one any more.
  const latest = Math.max(gone === 0 ? room.min_rev : 0, ...revs);
  if (gone === 0) expect(latest, `${of} latest revision`).toBe(room.rev);
  else expect(latest, `${of} latest revision`).toBeLessThanOrEqual(room.rev);

  for (const member of members.filter(({ state }) => state === 'member')) {
    const who = `${member.user_id} in ${room.id}`;
    const readCountable = messages.findLast(({ seq }) => seq <= member.read_seq)?.ucount ?? goneCountable;
    expect(member.read_ucount, `${who} read`).toBe(readCountable);
    expect(member.read_seq, `${who} read`).toBeLessThanOrEqual(room.last_seq);
    expect(member.delivered_seq, `${who} delivered`).toBeLessThanOrEqual(room.last_seq);
    const mentioning = messages.filter(
      ({ seq, sender_id }) =>
        seq > member.read_seq &&
        sender_id !== member.user_id &&
        noted.some((one) => one.seq === seq && (one.user_id === member.user_id || one.user_id === '*')),
    );
    expect(member.mention_count, `${who} mentions`).toBe(mentioning.length);
  }
}

type MessageRow = Selectable<ChatTables['chat_messages']>;

/** A poll says how many chose what, and how many did. */
async function recountPolls(db: Kysely<ChatTables>, room: string, messages: readonly MessageRow[]): Promise<void> {
  const votes = await db.selectFrom('chat_poll_votes').selectAll().where('room_id', '=', room).execute();
  const polls = messages.filter(({ poll }) => poll !== null);
  expect(votes.filter(({ seq }) => !polls.some((row) => row.seq === seq))).toEqual([]);
  for (const row of polls) {
    const poll = JSON.parse(row.poll ?? '{}') as Poll;
    const cast = votes.filter(({ seq }) => seq === row.seq);
    const counted = poll.options.map(({ id }) => cast.filter(({ option_id }) => option_id === id).length);
    expect(
      poll.options.map((option) => option.votes),
      `poll ${row.seq} of ${room}`,
    ).toEqual(counted);
    expect(poll.voters, `voters of ${row.seq} of ${room}`).toBe(new Set(cast.map(({ user_id }) => user_id)).size);
  }
}

/** What a message shows is what hangs on it. */
async function recountAttachments(
  db: Kysely<ChatTables>,
  room: string,
  messages: readonly MessageRow[],
): Promise<void> {
  const rows = await db
    .selectFrom('chat_attachments')
    .select(['id', 'message_seq', 'name', 'content_type', 'bytes'])
    .where('room_id', '=', room)
    .where('message_seq', '>', 0)
    .execute();
  const shown = messages.flatMap(({ seq, body }) =>
    ((JSON.parse(body) as MessageBody).attachments ?? []).map(({ id, name, contentType, bytes }) => {
      return { id, message_seq: seq, name, content_type: contentType, bytes };
    }),
  );
  const byId = (one: { readonly id: string }, other: { readonly id: string }) => (one.id < other.id ? -1 : 1);
  expect(rows.toSorted(byId), `attachments of ${room}`).toEqual(shown.toSorted(byId));
}

/** Resolves when nothing is left to be told. */
export async function outboxOf(db: Kysely<ChatTables>): Promise<number> {
  const { left } = await db
    .selectFrom('chat_outbox')
    .select((eb) => eb.fn.countAll<number>().as('left'))
    .executeTakeFirstOrThrow();
  return left;
}
