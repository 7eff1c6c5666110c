/**
 * Sending: the one thing chat does all day. Everything it needs is read in bulk with the other messages of the turn, and
 * written in bulk with them.
 *
 * Path of a message: command → **send** → writer → store → outbox → channel of the room.
 */
import type { ChatAction } from '../../config/chat-schema.ts';
import type { ModuleActor } from '../module.ts';
import type { Chat, Reviewed } from './chat.ts';
import { ChatError } from './chat-error.ts';
import {
  here,
  type ChatTransaction,
  type MemberRow,
  type MessageRow,
  type Needs,
  type RoomRow,
} from './chat-writer.ts';
import { claimAttachments } from './claim-attachments.ts';
import { toMessage, type MessageBody } from './mappers.ts';
import { addMentions } from './mentions.ts';
import { requireMessage, showMessage } from './message-access.ts';
import { checkContent, contentHash, toBody, type Content, type SendInput } from './message-content.ts';
import type { Attachment, Message } from './model.ts';
import { reportMessage } from './report-message.ts';
import { checkRestrictions } from './sender-restrictions.ts';
import { addToThread } from './threads.ts';

export interface Sent {
  readonly message: Message;
  /** The client id was used before: this is the first message, nothing new was sent. */
  readonly replayed?: boolean;
  /** … and it said something else. */
  readonly differs?: boolean;
}

export interface SendOptions {
  readonly kind?: 'text' | 'system' | 'poll';
  /** Asked for beside that to send. */
  readonly permission?: ChatAction;
  /** Makes of what moderation let through what is stored, with the JSON of a `Poll`. */
  readonly toPoll?: (content: Content) => { readonly content: Content; readonly poll: string };
  /** Writes more in the same transaction; not if the message was sent before. */
  readonly also?: (tx: ChatTransaction, row: MessageRow) => Promise<void>;
}

/**
 * @throws ChatError roomNotFound, notMember, forbidden, frozen, banned, muted, blocked, slowMode, invalid, tooLarge,
 * tooMany, messageNotFound, attachmentNotFound, rejected, notChecked.
 */
export function sendMessage(
  chat: Chat,
  actor: ModuleActor,
  input: SendInput,
  options: SendOptions = {},
): Promise<Sent> {
  const hash = input.clientId === undefined ? null : contentHash(input);
  let review: Reviewed | Promise<Reviewed>;
  try {
    checkContent(input, chat.config);
    review = chat.moderation.review(actor, input.room, input);
  } catch (error) {
    return refuse(chat, actor, input, hash, error);
  }
  if (!(review instanceof Promise)) return sendReviewed(chat, actor, input, review, hash, options);
  return review.then(
    (reviewed) => sendReviewed(chat, actor, input, reviewed, hash, options),
    (error: unknown) => refuse(chat, actor, input, hash, error),
  );
}

/** It may have been let through when it was sent first: then that stands. @throws `error` if it was not. */
async function refuse(
  chat: Chat,
  actor: ModuleActor,
  input: SendInput,
  hash: string | null,
  error: unknown,
): Promise<Sent> {
  const earlier = await findSent(chat, actor, input);
  if (!earlier) throw error;
  return replay(earlier, actor.user, hash);
}

function sendReviewed(
  chat: Chat,
  actor: ModuleActor,
  input: SendInput,
  reviewed: Reviewed,
  hash: string | null,
  options: SendOptions,
): Promise<Sent> {
  const { content: said, poll } = options.toPoll?.(reviewed.content) ?? { content: reviewed.content };
  const sending: Sending = {
    chat,
    actor,
    content: { ...input, ...said },
    hash,
    poll,
    options,
    report: reviewed.report,
  };
  return chat.writer.run(needsOf(actor, sending.content), (tx) => sendWithin(tx, sending));
}

/** One message on its way through its transaction. */
interface Sending {
  readonly chat: Chat;
  readonly actor: ModuleActor;
  readonly content: SendInput;
  readonly hash: string | null;
  /** JSON of a `Poll`. */
  readonly poll: string | undefined;
  readonly options: SendOptions;
  /** Why it is to be reported. */
  readonly report: string | undefined;
}

/** Whom it comes from, and where it goes: both may be as they are. */
interface Standing {
  readonly room: RoomRow;
  readonly member: MemberRow | undefined;
  /** Only the sender is to see it. */
  readonly shadow: boolean;
}

/** Waits for nothing unless the message has more to it than most: thousands share a transaction. */
function sendWithin(tx: ChatTransaction, sending: Sending): Sent | Promise<Sent> {
  const { actor, content, hash } = sending;
  const room = here(tx.room(content.room));
  const member = here(tx.member(room.id, actor.user));
  if (content.clientId !== undefined) {
    const earlier = tx.sent(room.id, actor.user, content.clientId);
    if (earlier) return replay(earlier, actor.user, hash);
  }
  const standing = { room, member, shadow: checkSender(tx, sending, room, member) };
  if (hasExtras(sending, room)) return sendExtras(tx, sending, standing);
  const { row, message } = store(tx, sending, standing);
  markOwn(tx, row, member);
  return { message };
}

function hasExtras({ actor, content, options, report }: Sending, room: RoomRow): boolean {
  const { replySeq, threadSeq, silent, mentions, attachments } = content;
  return (
    (room.kind === 'direct' && !actor.system) ||
    replySeq !== undefined ||
    threadSeq !== undefined ||
    silent === true ||
    mentions !== undefined ||
    (attachments !== undefined && attachments.length > 0) ||
    report !== undefined ||
    options.also !== undefined
  );
}

async function sendExtras(tx: ChatTransaction, sending: Sending, standing: Standing): Promise<Sent> {
  const { chat, actor, content, options, report } = sending;
  const { room, member } = standing;
  if (room.kind === 'direct' && !actor.system) await checkBlocks(tx, actor.user, room);
  const parent = await checkReferences(tx, actor, room.id, content);
  if (content.silent) chat.permissions.require('sendSilent', actor, { room, member });
  if (content.mentions?.room || content.mentions?.here) {
    chat.permissions.require('mentionRoom', actor, { room, member });
  }
  const attachments = content.attachments?.length
    ? await claimAttachments(tx, room.id, actor.user, content.attachments, room.last_seq + 1)
    : undefined;
  const { row, message } = store(tx, sending, standing, attachments);
  if (content.mentions) await addMentions(tx, row);
  markOwn(tx, row, member);
  if (parent) await addToThread(tx, actor, parent, row);
  if (report !== undefined) await reportMessage(tx, row, report);
  await options.also?.(tx, row);
  return { message };
}

async function findSent(
  { db }: Chat,
  { user }: ModuleActor,
  { room, clientId }: SendInput,
): Promise<MessageRow | undefined> {
  if (clientId === undefined) return undefined;
  return db
    .selectFrom('chat_messages')
    .selectAll()
    .where('room_id', '=', room)
    .where('sender_id', '=', user)
    .where('client_id', '=', clientId)
    .executeTakeFirst();
}

function needsOf(actor: ModuleActor, input: SendInput): Needs {
  const { room, clientId, replySeq, threadSeq } = input;
  const { user } = actor;
  const usual: Needs = {
    rooms: [room],
    members: [[room, user]],
    restrictions: [user],
    ...(clientId !== undefined && { clientIds: [[room, user, clientId] as const] }),
  };
  const mentioned = input.mentions?.users ?? [];
  if (mentioned.length === 0 && replySeq === undefined && threadSeq === undefined) return usual;
  return {
    ...usual,
    members: [user, ...mentioned].map((name) => [room, name] as const),
    messages: [replySeq, threadSeq].flatMap((seq) => (seq === undefined ? [] : [[room, seq] as const])),
    restrictions: [user, ...mentioned],
  };
}

/** Nothing is sent twice: the first message with a client id stands, whatever came after. */
function replay(earlier: MessageRow, user: string, hash: string | null): Sent {
  return {
    message: toMessage(earlier, user),
    replayed: true,
    ...(earlier.client_hash !== hash && { differs: true }),
  };
}

/**
 * What keeps a sender from sending.
 * @throws ChatError roomNotFound, notMember, forbidden, frozen, banned, muted, slowMode.
 * @returns whether only the sender is to see the message.
 */
function checkSender(
  tx: ChatTransaction,
  { chat, actor, options }: Sending,
  room: RoomRow,
  member: MemberRow | undefined,
): boolean {
  const subject = { room, member };
  chat.permissions.require('send', actor, subject);
  if (options.permission) chat.permissions.require(options.permission, actor, subject);
  const { exempt, shadow } = checkRestrictions(chat, tx, actor, room, member);
  if (room.slow_ms > 0 && member && !exempt) {
    const waitMs = member.sent_at + room.slow_ms - tx.nowMs;
    if (waitMs > 0) throw new ChatError('slowMode', `${waitMs} ms left`);
  }
  return shadow;
}

/** @throws ChatError blocked. */
async function checkBlocks(tx: ChatTransaction, user: string, room: RoomRow): Promise<void> {
  const peer = (room.dm_key ?? '').split('\u0001').find((name) => name !== user);
  if (peer === undefined) return;
  const block = await tx.read
    .selectFrom('chat_blocks')
    .select('user_id')
    .where((eb) => eb.or([eb.and({ user_id: user, blocked_id: peer }), eb.and({ user_id: peer, blocked_id: user })]))
    .executeTakeFirst();
  if (block) throw new ChatError('blocked', block.user_id === user ? `you blocked ${peer}` : undefined);
}

/** @returns the message whose thread it goes to. */
async function checkReferences(
  tx: ChatTransaction,
  actor: ModuleActor,
  room: string,
  { replySeq, threadSeq }: SendInput,
): Promise<MessageRow | undefined> {
  if (replySeq !== undefined) await requireMessage(tx, actor, room, replySeq);
  if (threadSeq === undefined) return undefined;
  const parent = await requireMessage(tx, actor, room, threadSeq);
  if (parent.thread_seq !== null) {
    throw new ChatError('invalid', `threadSeq ${threadSeq} is itself in the thread under ${parent.thread_seq}`);
  }
  return parent;
}

function store(
  tx: ChatTransaction,
  { actor, content: input, hash, poll, options: { kind = 'text' } }: Sending,
  { room: before, shadow }: Standing,
  attachments?: readonly Attachment[],
): { readonly row: MessageRow; readonly message: Message } {
  const body: MessageBody = attachments ? { ...toBody(input), attachments } : toBody(input);
  const seq = before.last_seq + 1;
  const countable = kind !== 'system' && !input.silent && input.threadSeq === undefined && !shadow;
  const ucount = before.ucount + (countable ? 1 : 0);
  const rev = tx.nextRev(before.id, { last_seq: seq, last_at: tx.nowMs, ucount });
  const row: MessageRow = {
    room_id: before.id,
    seq,
    id: tx.newId(),
    sender_id: actor.user,
    client_id: input.clientId ?? null,
    client_hash: hash,
    ucount,
    rev,
    first_rev: rev,
    kind,
    thread_seq: input.threadSeq ?? null,
    reply_seq: input.replySeq ?? null,
    body: JSON.stringify(body),
    reactions: null,
    poll: poll ?? null,
    thread_count: 0,
    thread_last_seq: 0,
    thread_last_at: 0,
    silent: input.silent ? 1 : 0,
    shadow: shadow ? 1 : 0,
    version: 1,
    pinned_at: null,
    created_at: tx.nowMs,
    edited_at: null,
    deleted_at: null,
  };
  tx.insertMessage(row);
  const shown = toMessage(row, undefined, body);
  tx.publish(before.id, rev, { type: 'message', message: shown }, 'message.sent', actor.user);
  if (!shadow) return { row, message: shown };
  const message = showMessage(row, actor);
  tx.tell(actor.user, { type: 'message', message });
  return { row, message };
}

/** Who sends has seen what stands above; who answers in a thread, only what stands there. */
function markOwn(tx: ChatTransaction, row: MessageRow, member: MemberRow | undefined): void {
  if (member?.state !== 'member') return;
  const times = { sent_at: tx.nowMs, updated_at: tx.nowMs };
  if (row.thread_seq !== null) {
    tx.changeMember(row.room_id, member.user_id, times);
    return;
  }
  tx.changeMember(row.room_id, member.user_id, {
    ...times,
    read_seq: Math.max(member.read_seq, row.seq),
    read_ucount: Math.max(member.read_ucount, row.ucount),
    delivered_seq: Math.max(member.delivered_seq, row.seq),
    mention_count: 0,
  });
}
