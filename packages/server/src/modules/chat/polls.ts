/**
 * Polls: messages whose options are voted on. A row for each vote, and a summary on the message, which is what everybody
 * sees; both change under the lock of the room. A poll with a time to close takes no vote from then on; that it is
 * closed is told by a job (`closePolls`).
 */
import type { ChatConfig } from '../../config/chat-schema.ts';
import type { ModuleActor } from '../module.ts';
import { actingUser } from './acting-user.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction, MessageRow } from './chat-writer.ts';
import { changeMessage, isVisible, requireMessage, showMessage } from './message-access.ts';
import { checkContent } from './message-content.ts';
import { pageLimit, readMessage } from './message-pages.ts';
import type { Message, Poll } from './model.ts';
import { readOwnState, tellOwnState } from './own-state.ts';
import { enterRoom } from './room-access.ts';
import { sendMessage, type Sent } from './send-message.ts';
import { checkRestrictions } from './sender-restrictions.ts';

/** Polls that one transaction of the job closes. */
const closedAtOnce = 50;

export interface CreatePollInput {
  readonly room: string;
  readonly clientId?: string | undefined;
  readonly question: string;
  readonly options: readonly string[];
  readonly multiple?: boolean | undefined;
  readonly anonymous?: boolean | undefined;
  readonly closesAt?: number | undefined;
  readonly silent?: boolean | undefined;
}

/**
 * Sends a poll. Moderation sees question and options as the lines of one text. The question is also the message's text,
 * for clients that know no polls, and for the search.
 * @throws ChatError forbidden, invalid, tooMany, and those of sending.
 */
export async function createPoll(chat: Chat, actor: ModuleActor, input: CreatePollInput): Promise<Sent> {
  const { room, clientId, question: _question, options, silent, ...settings } = input;
  checkOptions(input, chat.config);
  if (settings.closesAt !== undefined && settings.closesAt <= chat.context.clock.now()) {
    // Unless it is the repeat of one that was in time.
    const sent = clientId !== undefined && (await wasSent(chat, actor, room, clientId));
    if (!sent) throw new ChatError('invalid', 'closesAt has passed');
  }
  const message = { room, clientId, silent, text: textOf(input) };
  return sendMessage(chat, actor, message, {
    kind: 'poll',
    permission: 'createPoll',
    toPoll({ text = '', ...content }) {
      const [asked = '', ...answers] = text.split('\n');
      if (answers.length !== options.length) throw new ChatError('rejected', 'a poll keeps its lines');
      return { content: { ...content, text: asked }, poll: JSON.stringify(newPoll(asked, answers, settings)) };
    },
    async also(tx, row) {
      if (settings.closesAt === undefined) return;
      await tx.write
        .insertInto('chat_poll_closings')
        .values({ room_id: row.room_id, seq: row.seq, closes_at: settings.closesAt })
        .execute();
    },
  });
}

type Asked = Pick<CreatePollInput, 'question' | 'options'>;

function checkOptions({ options }: Asked, { limits }: Pick<ChatConfig, 'limits'>): void {
  const { pollOptions } = limits;
  if (options.length > pollOptions) throw new ChatError('tooMany', `${options.length} options; at most ${pollOptions}`);
  if (new Set(options).size < options.length) throw new ChatError('invalid', 'an option is named twice');
}

/** Question and options as lines. */
function textOf({ question, options }: Asked): string {
  return [question, ...options].join('\n');
}

/**
 * Checks what can be checked without the database.
 * @throws ChatError tooMany, invalid, tooLarge.
 */
export function checkPoll(asked: Asked, config: Pick<ChatConfig, 'limits'>): void {
  checkOptions(asked, config);
  checkContent({ text: textOf(asked) }, config);
}

async function wasSent({ db }: Chat, { user }: ModuleActor, room: string, clientId: string): Promise<boolean> {
  const row = await db
    .selectFrom('chat_messages')
    .select('seq')
    .where('room_id', '=', room)
    .where('sender_id', '=', user)
    .where('client_id', '=', clientId)
    .executeTakeFirst();
  return row !== undefined;
}

/** A poll that nobody has voted on. */
export function newPoll(
  question: string,
  options: readonly string[],
  { multiple, anonymous, closesAt }: Pick<CreatePollInput, 'multiple' | 'anonymous' | 'closesAt'>,
): Poll {
  return {
    question,
    options: options.map((text, at) => ({ id: String(at + 1), text, votes: 0 })),
    ...(multiple && { multiple }),
    ...(anonymous && { anonymous }),
    ...(closesAt !== undefined && { closesAt }),
    voters: 0,
  };
}

/**
 * Replaces the votes of a user; none takes them back. Voting the same again does nothing.
 * @throws ChatError roomNotFound, notMember, forbidden, frozen, banned, muted, messageNotFound, deleted, invalid, closed.
 */
export async function vote(
  chat: Chat,
  actor: ModuleActor,
  { room: id, seq, options }: { readonly room: string; readonly seq: number; readonly options: readonly string[] },
): Promise<{ readonly message: Message; readonly own: string[] }> {
  const user = actingUser(actor);
  const needs = { rooms: [id], members: [[id, user]], messages: [[id, seq]], restrictions: [user] } as const;
  return chat.writer.run(needs, async (tx) => {
    const { room, member } = await enterRoom(chat, tx, actor, id);
    const row = await requireMessage(tx, actor, id, seq);
    chat.permissions.require('vote', actor, { room, member, message: row });
    const { shadow } = checkRestrictions(chat, tx, actor, room, member);
    const poll = pollOf(row);
    const wanted = checkVote(poll, options, tx.nowMs);
    const state = await readOwnState(tx.read, row, user);
    const before = new Set(state.votes);
    // Others do not see it, and who is in the shadow is not to notice.
    if (shadow) return { message: showMessage(row, actor), own: [...before] };
    const own = [...wanted].toSorted();
    const [added, removed] = [own.filter((option) => !before.has(option)), [...before].filter((o) => !wanted.has(o))];
    if (added.length === 0 && removed.length === 0) return { message: showMessage(row, actor), own };
    await writeVotes(tx, row, user, added, removed);
    const change = (option: string) => Number(added.includes(option)) - Number(removed.includes(option));
    const counted: Poll = {
      ...poll,
      options: poll.options.map((option) => ({ ...option, votes: option.votes + change(option.id) })),
      voters: poll.voters + Number(wanted.size > 0) - Number(before.size > 0),
    };
    const changed = changeMessage(tx, row, { poll: JSON.stringify(counted) }, 'message.changed', user);
    tellOwnState(tx, changed, user, { ...state, votes: own });
    return { message: showMessage(changed, actor), own };
  });
}

/** @throws ChatError closed, invalid. */
function checkVote(poll: Poll, options: readonly string[], nowMs: number): ReadonlySet<string> {
  if (poll.closedAt !== undefined || (poll.closesAt !== undefined && poll.closesAt <= nowMs)) {
    throw new ChatError('closed', 'the poll');
  }
  const wanted = new Set(options);
  for (const option of wanted) {
    if (!poll.options.some(({ id }) => id === option)) {
      const valid = poll.options.map(({ id }) => id).join(', ');
      throw new ChatError('invalid', `the poll has no option ${JSON.stringify(option)}; it has ${valid}`);
    }
  }
  if (wanted.size > 1 && !poll.multiple) throw new ChatError('invalid', 'one option can be chosen');
  return wanted;
}

async function writeVotes(
  tx: ChatTransaction,
  { room_id, seq }: MessageRow,
  user_id: string,
  added: readonly string[],
  removed: readonly string[],
): Promise<void> {
  if (removed.length > 0) {
    await tx.write
      .deleteFrom('chat_poll_votes')
      .where('room_id', '=', room_id)
      .where('seq', '=', seq)
      .where('user_id', '=', user_id)
      .where('option_id', 'in', removed)
      .execute();
  }
  if (added.length === 0) return;
  await tx.write
    .insertInto('chat_poll_votes')
    .values(added.map((option_id) => ({ room_id, seq, user_id, option_id, created_at: tx.nowMs })))
    .execute();
}

export interface Vote {
  readonly option: string;
  readonly user: string;
  readonly at: number;
}

export interface VotesInput {
  readonly room: string;
  readonly seq: number;
  readonly option?: string | undefined;
  readonly after?: { readonly user: string; readonly option: string } | undefined;
  readonly limit?: number | undefined;
}

/**
 * Who voted for what, by user and option, and what the asker chose. Of an anonymous poll, only the latter.
 * @throws ChatError roomNotFound, notMember, forbidden, messageNotFound, deleted, invalid, tooMany.
 */
export async function listVotes(
  chat: Chat,
  actor: ModuleActor,
  { room, seq, option, after, limit: wanted }: VotesInput,
): Promise<{ readonly own: string[]; readonly votes: Vote[]; readonly hasMore: boolean }> {
  const limit = pageLimit(chat, wanted);
  const row = await readMessage(chat, actor, room, seq);
  if (!isVisible(row, actor)) throw new ChatError('messageNotFound', String(seq));
  const poll = pollOf(row);
  const own = [...(await readOwnState(chat.db, row, actor.user)).votes];
  if (poll.anonymous) return { own, votes: [], hasMore: false };
  let query = chat.db
    .selectFrom('chat_poll_votes')
    .select(['user_id', 'option_id', 'created_at'])
    .where('room_id', '=', room)
    .where('seq', '=', seq)
    .orderBy('user_id')
    .orderBy('option_id')
    .limit(limit + 1);
  if (option !== undefined) query = query.where('option_id', '=', option);
  if (after) {
    query = query.where((eb) => eb(eb.refTuple('user_id', 'option_id'), '>', eb.tuple(after.user, after.option)));
  }
  const rows = await query.execute();
  return {
    own,
    votes: rows.slice(0, limit).map((one) => ({ option: one.option_id, user: one.user_id, at: one.created_at })),
    hasMore: rows.length > limit,
  };
}

/**
 * Closing what is closed does nothing.
 * @throws ChatError roomNotFound, notMember, forbidden, banned, messageNotFound, deleted, invalid.
 */
export function closePoll(
  chat: Chat,
  actor: ModuleActor,
  { room: id, seq }: { readonly room: string; readonly seq: number },
): Promise<{ readonly message: Message }> {
  const needs = {
    rooms: [id],
    members: [[id, actor.user]],
    messages: [[id, seq]],
    restrictions: [actor.user],
  } as const;
  return chat.writer.run(needs, async (tx) => {
    const { room, member } = await enterRoom(chat, tx, actor, id);
    const row = await requireMessage(tx, actor, id, seq);
    const poll = pollOf(row);
    chat.permissions.require('closePoll', actor, { room, member, message: row });
    await forgetClosing(tx, row);
    if (poll.closedAt !== undefined) return { message: showMessage(row, actor) };
    return { message: showMessage(setClosed(tx, row, poll, tx.nowMs, actor.user), actor) };
  });
}

/** Closes polls whose time has come. @returns whether there may be more. */
export async function closePolls(chat: Chat): Promise<boolean> {
  const due = await chat.db
    .selectFrom('chat_poll_closings')
    .selectAll()
    .where('closes_at', '<=', chat.context.clock.now())
    .orderBy('closes_at')
    .limit(closedAtOnce)
    .execute();
  for (const { room_id, seq } of due) {
    await chat.writer.run({ rooms: [room_id], messages: [[room_id, seq]] }, async (tx) => {
      await forgetClosing(tx, { room_id, seq });
      const room = await tx.findRoom(room_id);
      const row = await tx.message(room_id, seq);
      if (!room || room.deleted_at !== null || !row || row.deleted_at !== null || row.poll === null) return;
      const poll = pollOf(row);
      if (poll.closedAt === undefined) setClosed(tx, row, poll, poll.closesAt ?? tx.nowMs, '');
    });
  }
  return due.length === closedAtOnce;
}

function setClosed(tx: ChatTransaction, row: MessageRow, poll: Poll, closedAt: number, by: string): MessageRow {
  return changeMessage(tx, row, { poll: JSON.stringify({ ...poll, closedAt }) }, 'message.changed', by);
}

async function forgetClosing(tx: ChatTransaction, row: Pick<MessageRow, 'room_id' | 'seq'>): Promise<void> {
  await tx.write
    .deleteFrom('chat_poll_closings')
    .where('room_id', '=', row.room_id)
    .where('seq', '=', row.seq)
    .execute();
}

/** @throws ChatError invalid, deleted. */
function pollOf({ poll, seq, deleted_at }: MessageRow): Poll {
  if (deleted_at !== null) throw new ChatError('deleted', `message ${seq}`);
  if (poll === null) throw new ChatError('invalid', `message ${seq} is no poll`);
  return JSON.parse(poll) as Poll;
}
