/**
 * Messages to be sent later, each once: it is sent under a client id of its own, and its row goes in the same
 * transaction. Permissions are asked again when it is due, with what was known of the sender when it was scheduled. What
 * cannot be sent stays with its error until the user takes it away or gives it another time.
 */
import type { Selectable } from 'kysely';
import { errors, ProtocolError } from '@tidings/protocol';
import { newSortableId } from '../../lib/ids.ts';
import { backoffMs } from '../../lib/retry.ts';
import type { ModuleActor } from '../module.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction } from './chat-writer.ts';
import { reservedSeq } from './claim-attachments.ts';
import { checkContent, contentHash, type SendInput } from './message-content.ts';
import { pageLimit } from './message-pages.ts';
import type { Scheduled } from './model.ts';
import { accessRoom } from './room-access.ts';
import { sendMessage } from './send-message.ts';
import type { ChatTables } from './tables.ts';

type ScheduledRow = Selectable<ChatTables['chat_scheduled']>;

const maxAheadMs = 366 * 86_400_000;
/** Whoever is sending it is taken for dead after this long. */
const sendingMs = 60_000;
/** Messages looked for at once. */
const dueAtOnce = 50;
/** Errors that pass are waited for so often. */
const maxAttempts = 12;
const wait = { minMs: 2_000, maxMs: 300_000 };

/** What stands in `input`: what is sent, and what rules know of who sends. */
interface StoredInput {
  readonly message: SendInput;
  readonly auth: Readonly<Record<string, unknown>>;
}

/** Claims may hold whole numbers beyond those of JavaScript. */
function encodeInput(stored: StoredInput): string {
  return JSON.stringify(stored, (_name, value: unknown) =>
    typeof value === 'bigint' ? { $int: String(value) } : value,
  );
}

function decodeInput(json: string): StoredInput {
  const { message, auth } = JSON.parse(json) as StoredInput;
  // Of what the user wrote, nothing is taken for a number.
  return { message, auth: withIntegers(auth) as StoredInput['auth'] };
}

function withIntegers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withIntegers);
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === '$int' && typeof first[1] === 'string') return BigInt(first[1]);
  return Object.fromEntries(entries.map(([name, field]) => [name, withIntegers(field)]));
}

export interface ScheduleInput extends SendInput {
  readonly sendAt: number;
}

/**
 * Scheduling again with the same `clientId` returns the first one.
 * @throws ChatError roomNotFound, notMember, forbidden, banned, invalid, tooLarge, tooMany, attachmentNotFound.
 */
export async function schedule(
  chat: Chat,
  actor: ModuleActor,
  { sendAt, clientId, ...message }: ScheduleInput,
): Promise<{ readonly scheduled: Scheduled; readonly replayed?: boolean }> {
  checkContent(message, chat.config);
  await accessRoom(chat, actor, message.room);
  await accessRoom(chat, actor, message.room, 'sendScheduled');
  const { user } = actor;
  const now = chat.context.clock.now();
  const id = clientId === undefined ? newSortableId(now) : `c-${contentHash({ user, room: message.room, clientId })}`;
  const { scheduledPerUser } = chat.config.limits;
  return chat.writer.run({ alone: true }, async (tx) => {
    const own = await ownScheduled(tx.read, user).execute();
    const earlier = own.find((row) => row.id === id);
    if (earlier) return { scheduled: toScheduled(earlier), replayed: true };
    checkTime(sendAt, tx.nowMs);
    if (own.length >= scheduledPerUser) {
      throw new ChatError('tooMany', `scheduled messages of one user; at most ${scheduledPerUser}`);
    }
    await reserve(tx, message, user);
    const stored: StoredInput = { message, auth: actor.auth };
    const row: ScheduledRow = {
      id,
      room_id: message.room,
      user_id: user,
      input: encodeInput(stored),
      run_at: sendAt,
      lease_until: 0,
      attempts: 0,
      error: null,
      created_at: tx.nowMs,
    };
    await tx.write.insertInto('chat_scheduled').values(row).execute();
    const scheduled = toScheduled(row);
    tellUser(tx, row);
    return { scheduled };
  });
}

/** Those of the asker, in the order they are due. @throws ChatError tooMany. */
export async function listScheduled(
  chat: Chat,
  actor: ModuleActor,
  input: {
    readonly room?: string | undefined;
    readonly after?: { readonly sendAt: number; readonly id: string } | undefined;
    readonly limit?: number | undefined;
  },
): Promise<{ readonly scheduled: Scheduled[]; readonly hasMore: boolean }> {
  const limit = pageLimit(chat, input.limit);
  const { room, after } = input;
  let query = ownScheduled(chat.db, actor.user)
    .orderBy('run_at')
    .orderBy('id')
    .limit(limit + 1);
  if (room !== undefined) query = query.where('room_id', '=', room);
  if (after) query = query.where((eb) => eb(eb.refTuple('run_at', 'id'), '>', eb.tuple(after.sendAt, after.id)));
  const rows = await query.execute();
  return { scheduled: rows.slice(0, limit).map(toScheduled), hasMore: rows.length > limit };
}

/** @throws ChatError scheduledNotFound, also for one that was sent; conflict while it is being sent. */
export async function cancelScheduled(
  chat: Chat,
  actor: ModuleActor,
  { id }: { readonly id: string },
): Promise<Record<string, never>> {
  await chat.writer.run({ alone: true }, async (tx) => {
    const row = await requireOwn(tx, actor, id);
    const removed = await tx.write
      .deleteFrom('chat_scheduled')
      .where('id', '=', id)
      .where('lease_until', '<=', tx.nowMs)
      .returning('id')
      .execute();
    if (removed.length === 0) throw new ChatError('conflict', 'it is being sent');
    await unreserve(tx, row);
    tellUser(tx, row, 'cancelled');
  });
  return {};
}

/** @throws ChatError scheduledNotFound, conflict, invalid. */
export function reschedule(
  chat: Chat,
  actor: ModuleActor,
  { id, sendAt }: { readonly id: string; readonly sendAt: number },
): Promise<{ readonly scheduled: Scheduled }> {
  return chat.writer.run({ alone: true }, async (tx) => {
    await requireOwn(tx, actor, id);
    checkTime(sendAt, tx.nowMs);
    const change = { run_at: sendAt, attempts: 0, lease_until: 0, error: null };
    const row = await tx.write
      .updateTable('chat_scheduled')
      .set(change)
      .where('id', '=', id)
      .where('lease_until', '<=', tx.nowMs)
      .returningAll()
      .executeTakeFirst();
    if (!row) throw new ChatError('conflict', 'it is being sent');
    tellUser(tx, row);
    return { scheduled: toScheduled(row) };
  });
}

export async function isScheduledDue({ db, context }: Chat): Promise<boolean> {
  const now = context.clock.now();
  const due = await db
    .selectFrom('chat_scheduled')
    .select('id')
    .where('error', 'is', null)
    .where('run_at', '<=', now)
    .where('lease_until', '<=', now)
    .limit(1)
    .executeTakeFirst();
  return due !== undefined;
}

/** Sends what is due, in order within each room. @returns whether there may be more. */
export async function sendDue(chat: Chat): Promise<boolean> {
  const now = chat.context.clock.now();
  const rows = await chat.db
    .selectFrom('chat_scheduled')
    .selectAll()
    .where('error', 'is', null)
    .where('run_at', '<=', now)
    .where('lease_until', '<=', now)
    .orderBy('run_at')
    .orderBy('id')
    .limit(dueAtOnce)
    .execute();
  const rooms = Map.groupBy(rows, ({ room_id }) => room_id);
  await Promise.all(
    [...rooms.values()].map(async (some) => {
      for (const row of some) await sendOne(chat, row.id);
    }),
  );
  return rows.length === dueAtOnce;
}

async function sendOne(chat: Chat, id: string): Promise<void> {
  const row = await claim(chat, id);
  if (!row) return;
  const { message, auth } = decodeInput(row.input);
  const actor: ModuleActor = { user: row.user_id, system: row.user_id === '', client: undefined, auth };
  try {
    // `send` is asked by sending.
    await accessRoom(chat, actor, row.room_id, 'sendScheduled');
    const sent = await sendMessage(
      chat,
      actor,
      { ...message, clientId: clientIdOf(id) },
      { also: (tx) => finish(tx, row) },
    );
    if (sent.replayed) await chat.writer.run({}, (tx) => remove(tx, row));
  } catch (error) {
    if (!(error instanceof ProtocolError))
      chat.context.logger.error({ err: error, scheduled: id }, 'a scheduled message');
    await fail(
      chat,
      row,
      error instanceof ProtocolError ? error : new ProtocolError(errors.internal, { cause: error }),
    );
  }
}

/** Takes it for sending: from now on it cannot be cancelled. @returns undefined if it is gone, or another node has it. */
async function claim(chat: Chat, id: string): Promise<ScheduledRow | undefined> {
  const now = chat.context.clock.now();
  return chat.db
    .updateTable('chat_scheduled')
    .set((eb) => ({ lease_until: now + sendingMs, attempts: eb('attempts', '+', 1) }))
    .where('id', '=', id)
    .where('error', 'is', null)
    .where('run_at', '<=', now)
    .where('lease_until', '<=', now)
    .returningAll()
    .executeTakeFirst();
}

/**
 * In the transaction that sends it: once the lease is over, it may have been cancelled, put off or claimed by others.
 * @throws ChatError conflict if so; nothing is to be sent then.
 */
async function finish(tx: ChatTransaction, row: ScheduledRow): Promise<void> {
  if (!(await remove(tx, row, row.attempts))) throw new ChatError('conflict', 'it is no longer to be sent');
}

/** @param attempts only if nobody has claimed it since, or given it another time. @returns whether it was there. */
async function remove(tx: ChatTransaction, row: ScheduledRow, attempts?: number): Promise<boolean> {
  let query = tx.write.deleteFrom('chat_scheduled').where('id', '=', row.id).returning('id');
  if (attempts !== undefined) query = query.where('attempts', '=', attempts);
  const removed = await query.execute();
  if (removed.length > 0) tellUser(tx, row, 'sent');
  return removed.length > 0;
}

async function fail(chat: Chat, row: ScheduledRow, error: ProtocolError): Promise<void> {
  await chat.writer.run({}, async (tx) => {
    const again = error.temporary && row.attempts < maxAttempts;
    const told = JSON.stringify({ code: error.code, message: error.message });
    const change = {
      lease_until: 0,
      ...(again ? { run_at: tx.nowMs + Math.round(backoffMs(row.attempts, wait)) } : { error: told }),
    };
    const changed = await tx.write
      .updateTable('chat_scheduled')
      .set(change)
      .where('id', '=', row.id)
      // Whoever has claimed it since is at it; who has cancelled it or put it off, wants no more of this.
      .where('attempts', '=', row.attempts)
      .returningAll()
      .executeTakeFirst();
    if (changed && !again) tellUser(tx, changed);
  });
}

function clientIdOf(id: string): string {
  return `scheduled:${id}`;
}

/** @throws ChatError invalid. */
function checkTime(sendAt: number, nowMs: number): void {
  if (sendAt <= nowMs) throw new ChatError('invalid', 'sendAt has passed');
  if (sendAt > nowMs + maxAheadMs) throw new ChatError('invalid', 'sendAt is more than a year ahead');
}

function ownScheduled(db: Chat['db'], user: string) {
  return db.selectFrom('chat_scheduled').selectAll().where('user_id', '=', user);
}

/** @throws ChatError scheduledNotFound. */
async function requireOwn(tx: ChatTransaction, { user }: ModuleActor, id: string): Promise<ScheduledRow> {
  const row = await ownScheduled(tx.read, user).where('id', '=', id).executeTakeFirst();
  if (!row) throw new ChatError('scheduledNotFound', id);
  return row;
}

/** Uploads wait for the message, however long that is. @throws ChatError attachmentNotFound. */
async function reserve(tx: ChatTransaction, { room, attachments }: SendInput, user: string): Promise<void> {
  if (!attachments?.length) return;
  const rows = await tx.write
    .updateTable('chat_attachments')
    .set({ message_seq: reservedSeq })
    .where('id', 'in', attachments)
    .where('room_id', '=', room)
    .where('user_id', '=', user)
    .where('message_seq', 'is', null)
    .returning('id')
    .execute();
  const missing = attachments.find((id) => !rows.some((row) => row.id === id));
  if (missing !== undefined) throw new ChatError('attachmentNotFound', missing);
}

export async function unreserve(tx: ChatTransaction, row: ScheduledRow): Promise<void> {
  const { attachments } = (JSON.parse(row.input) as StoredInput).message;
  if (!attachments?.length) return;
  await tx.write
    .updateTable('chat_attachments')
    .set({ message_seq: null })
    .where('id', 'in', attachments)
    .where('message_seq', '=', reservedSeq)
    .execute();
}

/** The back end itself has no devices. */
function tellUser(tx: ChatTransaction, row: ScheduledRow, state?: 'sent' | 'cancelled'): void {
  if (row.user_id === '') return;
  tx.tell(row.user_id, { type: 'scheduled', scheduled: toScheduled(row), ...(state && { state }) });
}

function toScheduled(row: ScheduledRow): Scheduled {
  const { message } = JSON.parse(row.input) as StoredInput;
  const { clientId: _none, mentions, ...content } = message;
  return {
    ...(content as Omit<Scheduled, 'id' | 'sendAt' | 'createdAt'>),
    ...(mentions && { mentions: mentions as NonNullable<Scheduled['mentions']> }),
    id: row.id,
    sendAt: row.run_at,
    ...(row.error !== null && { error: JSON.parse(row.error) as NonNullable<Scheduled['error']> }),
    createdAt: row.created_at,
  };
}
