/** Editing: what a message says is replaced, what it said is kept as a former version, up to a limit. */
import type { ModuleActor } from '../module.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction, MessageRow } from './chat-writer.ts';
import type { MessageBody } from './mappers.ts';
import { removeMentions, updateMentions } from './mentions.ts';
import { changeMessage, checkPresent, requireMessage, showMessage } from './message-access.ts';
import { checkContent, toBody, type Content } from './message-content.ts';
import { findMessage, pageLimit } from './message-pages.ts';
import type { Mentions, Message } from './model.ts';
import { reportMessage } from './report-message.ts';
import { accessRoom, enterRoom } from './room-access.ts';
import { checkRestrictions } from './sender-restrictions.ts';
import { removeFromThread } from './threads.ts';

export interface EditInput {
  readonly room: string;
  readonly seq: number;
  /** Left out: it stays. Null: it goes. */
  readonly text?: string | null | undefined;
  readonly data?: unknown;
  readonly mentions?: Content['mentions'] | null;
  /** The edit is refused if the message is no longer at this version. */
  readonly expectedVersion?: number | undefined;
}

/** Others may edit while moderation looks; so often it is looked at again. */
const maxAttempts = 3;

/**
 * An edit that changes nothing does nothing.
 * @throws ChatError roomNotFound, notMember, forbidden, frozen, banned, muted, messageNotFound, deleted, conflict,
 * invalid, tooLarge, tooMany, rejected, notChecked.
 */
export async function editMessage(
  chat: Chat,
  actor: ModuleActor,
  input: EditInput,
): Promise<{ readonly message: Message }> {
  const named = [actor.user, ...(input.mentions?.users ?? [])];
  for (let attempt = 1; ; attempt++) {
    // Moderation may ask somebody else, and a transaction does not wait for that: it looks at what is there before.
    const before = await findEditable(chat, actor, input);
    const content = merge(before, input);
    checkContent(content, chat.config);
    const { content: reviewed, report } = await chat.moderation.review(actor, input.room, content);
    const row = await chat.writer.run(
      {
        rooms: [input.room],
        members: named.map((user) => [input.room, user] as const),
        messages: [[input.room, input.seq]],
        restrictions: named,
      },
      async (tx) => {
        const { message, shadow } = await requireEditable(chat, tx, actor, input);
        // What is not edited stays as it is now: links were looked up meanwhile, or somebody it mentions was erased.
        if (message.version !== before.version || message.body !== before.body) return undefined;
        return store(chat, tx, actor, message, { content: reviewed, report, shadow });
      },
    );
    if (row) return { message: showMessage(row, actor) };
    if (attempt === maxAttempts) throw new ChatError('conflict', `message ${input.seq} is being edited by others`);
  }
}

export interface Version {
  readonly version: number;
  readonly text?: string;
  readonly data?: unknown;
  readonly mentions?: Mentions;
  /** Who replaced it, and when. */
  readonly editedBy: string;
  readonly editedAt: number;
}

/**
 * Former versions of a message, the latest first, for who wrote it and who moderates.
 * @throws ChatError roomNotFound, notMember, forbidden, messageNotFound, tooMany.
 */
export async function listVersions(
  chat: Chat,
  actor: ModuleActor,
  input: {
    readonly room: string;
    readonly seq: number;
    readonly before?: number | undefined;
    readonly limit?: number | undefined;
  },
): Promise<{ readonly versions: Version[]; readonly hasMore: boolean }> {
  const limit = pageLimit(chat, input.limit);
  const { room, member } = await accessRoom(chat, actor, input.room);
  const row = await findMessage(chat, input.room, input.seq);
  if (row.sender_id !== actor.user) chat.permissions.require('moderate', actor, { room, member });
  let query = chat.db
    .selectFrom('chat_message_versions')
    .selectAll()
    .where('room_id', '=', input.room)
    .where('seq', '=', input.seq)
    .orderBy('version', 'desc')
    .limit(limit + 1);
  if (input.before !== undefined) query = query.where('version', '<', input.before);
  const rows = await query.execute();
  return { versions: rows.slice(0, limit).map(toVersion), hasMore: rows.length > limit };
}

function toVersion(row: { version: number; body: string; edited_by: string; edited_at: number }): Version {
  const { text, data, mentions } = JSON.parse(row.body) as MessageBody;
  return {
    version: row.version,
    ...(text !== undefined && { text }),
    ...(data !== undefined && { data }),
    ...(mentions && { mentions }),
    editedBy: row.edited_by,
    editedAt: row.edited_at,
  };
}

/** Asked before moderation is, so that nobody has messages of others looked at; and again in the transaction. */
async function findEditable(chat: Chat, actor: ModuleActor, input: EditInput): Promise<MessageRow> {
  const { room, member } = await accessRoom(chat, actor, input.room);
  const message = await findMessage(chat, room.id, input.seq);
  checkPresent(message, actor);
  chat.permissions.require('editMessage', actor, { room, member, message });
  return message;
}

async function requireEditable(
  chat: Chat,
  tx: ChatTransaction,
  actor: ModuleActor,
  input: EditInput,
): Promise<{ readonly message: MessageRow; readonly shadow: boolean }> {
  const { room, member } = await enterRoom(chat, tx, actor, input.room);
  const message = await requireMessage(tx, actor, room.id, input.seq);
  chat.permissions.require('editMessage', actor, { room, member, message });
  const { shadow } = checkRestrictions(chat, tx, actor, room, member);
  if (message.kind === 'poll')
    throw new ChatError('invalid', 'a poll is not edited: people have voted on what it says');
  if (input.mentions?.room || input.mentions?.here) {
    chat.permissions.require('mentionRoom', actor, { room, member });
  }
  if (input.expectedVersion !== undefined && input.expectedVersion !== message.version) {
    throw new ChatError('conflict', `the message is at version ${message.version}, not ${input.expectedVersion}`);
  }
  return { message, shadow };
}

/** What it will say. Attachments stay; they are named so that a message of attachments alone is not taken for empty. */
function merge(row: MessageRow, { text, data, mentions }: EditInput): Content {
  const body = JSON.parse(row.body) as MessageBody;
  return {
    text: text === undefined ? body.text : (text ?? undefined),
    data: data === undefined ? body.data : (data ?? undefined),
    mentions: mentions === undefined ? body.mentions : (mentions ?? undefined),
    attachments: body.attachments?.map(({ id }) => id),
  };
}

async function store(
  chat: Chat,
  tx: ChatTransaction,
  actor: ModuleActor,
  before: MessageRow,
  { content, report, shadow }: { content: Content; report: string | undefined; shadow: boolean },
): Promise<MessageRow> {
  const was = JSON.parse(before.body) as MessageBody;
  const said = toBody(content);
  const body: MessageBody = {
    ...said,
    ...(was.attachments && { attachments: was.attachments }),
    // Previews belong to the links of the text.
    ...(was.previews && said.text === was.text && { previews: was.previews }),
  };
  const json = JSON.stringify(body);
  if (json === before.body) return before;
  const { versions } = chat.config.limits;
  if (versions > 0) {
    await tx.write
      .insertInto('chat_message_versions')
      .values({
        room_id: before.room_id,
        seq: before.seq,
        version: before.version,
        body: before.body,
        edited_by: actor.user,
        edited_at: tx.nowMs,
      })
      .execute();
  }
  if (before.version > versions) {
    await tx.write
      .deleteFrom('chat_message_versions')
      .where('room_id', '=', before.room_id)
      .where('seq', '=', before.seq)
      .where('version', '<=', before.version - versions)
      .execute();
  }
  // Whoever only sees themselves does not reach others by editing what those have seen.
  const hide = shadow && before.shadow === 0;
  if (hide) await removeMentions(tx, before);
  const change = { body: json, version: before.version + 1, edited_at: tx.nowMs, ...(hide && { shadow: 1 as const }) };
  const row = changeMessage(tx, before, change, 'message.edited', actor.user);
  if (hide) await removeFromThread(tx, before, actor.user);
  else await updateMentions(tx, row);
  if (report !== undefined) await reportMessage(tx, row, report);
  return row;
}
