/**
 * Reports: what users and the word filter bring before who moderates, and how it was resolved. A room's reports are for
 * its moderators, all of them for back ends.
 */
import { newSortableId } from '../../lib/ids.ts';
import type { Selectable } from 'kysely';
import type { ModuleActor } from '../module.ts';
import { actingUser } from './acting-user.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction, MessageRow, RoomRow } from './chat-writer.ts';
import { makeTombstone } from './delete-message.ts';
import { toMessage } from './mappers.ts';
import { isCrowd } from './membership.ts';
import { requireMessage } from './message-access.ts';
import { pageLimit } from './message-pages.ts';
import type { Report } from './model.ts';
import { applyRestriction, requireSystem, type RestrictionKind } from './restrictions.ts';
import { accessRoom, enterRoom, refuseBannedActor } from './room-access.ts';
import type { ChatTables } from './tables.ts';

type ReportRow = Selectable<ChatTables['chat_reports']>;

/** Reports of one user that nobody has looked at yet. */
const maxOpen = 100;
/** … and that somebody has: beyond it the oldest go. Whoever leads a room could report and resolve without end. */
export const maxResolved = 1_000;

export interface ReportInput {
  readonly room: string;
  readonly seq?: number | undefined;
  readonly user?: string | undefined;
  readonly reason: string;
}

/**
 * Reporting the same again, while nobody has looked at it, returns the first report.
 * @throws ChatError roomNotFound, notMember, forbidden, banned, messageNotFound, deleted, userNotFound, invalid, tooMany.
 */
export function report(chat: Chat, actor: ModuleActor, input: ReportInput): Promise<{ readonly id: string }> {
  const reporter = actingUser(actor);
  const { room: id, seq, user } = input;
  if (seq === undefined && user === undefined) throw new ChatError('invalid', 'a report is about a message or a user');
  const needs = {
    rooms: [id],
    members: [[id, reporter] as const, ...(user === undefined ? [] : [[id, user] as const])],
    messages: seq === undefined ? [] : [[id, seq] as const],
    restrictions: [reporter],
  };
  return chat.writer.run(needs, async (tx) => {
    const access = await enterRoom(chat, tx, actor, id);
    chat.permissions.require('report', actor, access);
    const about = await findReported(tx, actor, input);
    const open = await tx.read
      .selectFrom('chat_reports')
      .selectAll()
      .where('reporter', '=', reporter)
      .where('state', '=', 'open')
      .limit(maxOpen)
      .execute();
    const same = open.find((row) => row.room_id === id && row.seq === (seq ?? null) && row.reported_user === about);
    if (same) return { id: same.id };
    if (open.length >= maxOpen) throw new ChatError('tooMany', `open reports of one user; at most ${maxOpen}`);
    const row: ReportRow = {
      id: newSortableId(tx.nowMs),
      room_id: id,
      seq: seq ?? null,
      reported_user: about,
      reporter,
      reason: input.reason,
      state: 'open',
      resolution: null,
      resolved_by: null,
      created_at: tx.nowMs,
      resolved_at: null,
    };
    await removeOldResolved(tx, reporter);
    await tx.write.insertInto('chat_reports').values(row).execute();
    tx.report(`room:${id}`, 'report.created', { by: reporter, type: 'report', report: toReport(row) });
    return { id: row.id };
  });
}

async function removeOldResolved(tx: ChatTransaction, reporter: string): Promise<void> {
  const resolved = tx.read
    .selectFrom('chat_reports')
    .select('id')
    .where('reporter', '=', reporter)
    .where('state', '=', 'resolved')
    .orderBy('id', 'desc');
  const old = await resolved.offset(maxResolved).limit(maxOpen).execute();
  const ids = old.map(({ id }) => id);
  if (ids.length > 0) await tx.write.deleteFrom('chat_reports').where('id', 'in', ids).execute();
}

/** @returns the user it is about. */
async function findReported(tx: ChatTransaction, actor: ModuleActor, input: ReportInput): Promise<string> {
  const { room, seq, user } = input;
  if (seq === undefined) {
    if (user === actor.user) throw new ChatError('invalid', 'not oneself');
    if (user === undefined || !(await tx.member(room, user)))
      throw new ChatError('userNotFound', `${user} in the room`);
    return user;
  }
  const { sender_id } = await requireMessage(tx, actor, room, seq);
  if (user !== undefined && user !== sender_id) throw new ChatError('invalid', `message ${seq} is not of ${user}`);
  return sender_id;
}

export interface ReportsInput {
  readonly room?: string | undefined;
  readonly state?: 'open' | 'resolved' | undefined;
  /** Behind this report: the last of a page. */
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

/**
 * The oldest first.
 * @throws ChatError roomNotFound, notMember, forbidden, tooMany.
 */
export async function listReports(
  chat: Chat,
  actor: ModuleActor,
  { room, state = 'open', after, limit: wanted }: ReportsInput,
): Promise<{ readonly reports: Report[]; readonly hasMore: boolean }> {
  const limit = pageLimit(chat, wanted);
  if (room !== undefined) await accessRoom(chat, actor, room, 'moderate');
  else requireSystem(actor);
  let query = chat.db
    .selectFrom('chat_reports')
    .selectAll()
    .where('state', '=', state)
    .orderBy('id')
    .limit(limit + 1);
  if (room !== undefined) query = query.where('room_id', '=', room);
  if (after !== undefined) query = query.where('id', '>', after);
  const rows = await query.execute();
  const shown = rows.slice(0, limit);
  const messages = await readReported(chat, shown);
  return {
    reports: shown.map((row) => toReport(row, messages.get(`${row.room_id} ${row.seq}`))),
    hasMore: rows.length > limit,
  };
}

async function readReported(
  { db }: Pick<Chat, 'db'>,
  rows: readonly ReportRow[],
): Promise<ReadonlyMap<string, MessageRow>> {
  const pairs = rows.flatMap(({ room_id, seq }) => (seq === null ? [] : [[room_id, seq] as const]));
  if (pairs.length === 0) return new Map();
  const found = await db
    .selectFrom('chat_messages')
    .selectAll()
    .where((eb) =>
      eb(
        eb.refTuple('room_id', 'seq'),
        'in',
        pairs.map(([room, seq]) => eb.tuple(room, seq)),
      ),
    )
    .execute();
  return new Map(found.map((row) => [`${row.room_id} ${row.seq}`, row]));
}

export interface ResolveInput {
  readonly id: string;
  readonly resolution: string;
  /** The message is deleted for all; other open reports of it are resolved with this one. */
  readonly delete?: boolean | undefined;
  /** Of whom it is about, in the room. */
  readonly restrict?:
    | {
        readonly kind: RestrictionKind;
        readonly until?: number | undefined;
        readonly reason?: string | undefined;
      }
    | undefined;
}

/**
 * All of it, or nothing. Resolving again in the same way does nothing.
 * @throws ChatError reportNotFound, forbidden, conflict if somebody has resolved it otherwise, invalid.
 */
export async function resolveReport(
  chat: Chat,
  actor: ModuleActor,
  input: ResolveInput,
): Promise<{ readonly report: Report }> {
  const found = await findReport(chat.db, input.id);
  if (!found) throw new ChatError('reportNotFound', input.id);
  const { room_id: room, seq, reported_user: user } = found;
  const names = [actor.user, ...(user === null ? [] : [user])];
  const needs = {
    rooms: [room],
    members: names.map((name) => [room, name] as const),
    messages: seq === null ? [] : [[room, seq] as const],
    alone: true,
  };
  const { row, crowd } = await chat.writer.run(needs, async (tx) => {
    const roomRow = await requireReportRoom(chat, tx, actor, room, input.id);
    // It may have been resolved since it was looked for.
    const before = await findReport(tx.read, input.id);
    if (!before) throw new ChatError('reportNotFound', input.id);
    if (before.state === 'resolved') {
      if (before.resolved_by === actor.user && before.resolution === input.resolution) return { row: before };
      throw new ChatError('conflict', `it was resolved by ${before.resolved_by || 'a back end'}`);
    }
    if (input.delete) await deleteReported(chat, tx, actor, roomRow, before);
    if (input.restrict) {
      if (!before.reported_user) throw new ChatError('invalid', 'the report is about no user');
      await applyRestriction(chat, tx, actor, input.restrict.kind, {
        room,
        user: before.reported_user,
        until: input.restrict.until,
        reason: input.restrict.reason,
      });
    }
    const row = await setResolved(tx, actor, before, input);
    return { row, crowd: isCrowd(roomRow) && input.restrict?.kind === 'ban' };
  });
  if (crowd) chat.memberCounts.changed(room);
  return { report: toReport(row) };
}

function findReport(db: Chat['db'], id: string): Promise<ReportRow | undefined> {
  return db.selectFrom('chat_reports').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Who does not moderate the room learns nothing of its reports. */
async function requireReportRoom(
  chat: Chat,
  tx: ChatTransaction,
  actor: ModuleActor,
  id: string,
  reportId: string,
): Promise<RoomRow> {
  const room = await tx.findRoom(id);
  const member = await tx.member(id, actor.user);
  if (!room || !chat.permissions.allows('moderate', actor, { room, member })) {
    throw new ChatError('reportNotFound', reportId);
  }
  await refuseBannedActor(tx, actor, id);
  return room;
}

async function deleteReported(
  chat: Chat,
  tx: ChatTransaction,
  actor: ModuleActor,
  room: RoomRow,
  { seq }: ReportRow,
): Promise<void> {
  if (seq === null) throw new ChatError('invalid', 'the report is about no message');
  const message = await tx.message(room.id, seq);
  if (!message || message.deleted_at !== null) return;
  const member = await tx.member(room.id, actor.user);
  chat.permissions.require('deleteMessage', actor, { room, member, message });
  await makeTombstone(tx, message, actor.user);
}

async function setResolved(
  tx: ChatTransaction,
  actor: ModuleActor,
  before: ReportRow,
  input: ResolveInput,
): Promise<ReportRow> {
  let query = tx.write
    .updateTable('chat_reports')
    .set({ state: 'resolved', resolution: input.resolution, resolved_by: actor.user, resolved_at: tx.nowMs })
    .where('room_id', '=', before.room_id)
    .where('state', '=', 'open');
  query = input.delete && before.seq !== null ? query.where('seq', '=', before.seq) : query.where('id', '=', before.id);
  const rows = await query.returningAll().execute();
  for (const row of rows) {
    tx.report(`room:${row.room_id}`, 'report.resolved', { by: actor.user, type: 'report', report: toReport(row) });
  }
  return rows.find(({ id }) => id === before.id) ?? before;
}

/** @param message as it is now; moderators see also what others do not. */
function toReport(row: ReportRow, message?: MessageRow): Report {
  return {
    id: row.id,
    room: row.room_id,
    ...(row.seq !== null && { seq: row.seq }),
    ...(message && { message: toMessage(message, message.sender_id) }),
    ...(row.reported_user !== null && { user: row.reported_user }),
    reporter: row.reporter,
    reason: row.reason,
    state: row.state as Report['state'],
    ...(row.resolution !== null && { resolution: row.resolution }),
    ...(row.resolved_by !== null && { resolvedBy: row.resolved_by }),
    createdAt: row.created_at,
    ...(row.resolved_at !== null && { resolvedAt: row.resolved_at }),
  };
}
