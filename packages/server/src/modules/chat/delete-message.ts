/**
 * Deleting for all: a tombstone stays, so that the order keeps no hole, and everything the message said goes, in every
 * table. Counters cannot go back: a deleted message counts as unread until the member has read beyond it. The client id
 * stays too, so that sending again does not bring it back.
 */
import type { ModuleActor } from '../module.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction, MessageRow } from './chat-writer.ts';
import { removeMentions } from './mentions.ts';
import { changeMessage, isVisible, showMessage } from './message-access.ts';
import type { Message } from './model.ts';
import { enterRoom } from './room-access.ts';
import { removeFromThread } from './threads.ts';

/** `message_seq` of an attachment whose message is gone: its file and row may go. */
export const orphanSeq = -1;

/**
 * Deleting again does nothing.
 * @throws ChatError roomNotFound, notMember, forbidden, banned, messageNotFound.
 */
export function deleteMessage(
  chat: Chat,
  actor: ModuleActor,
  input: { readonly room: string; readonly seq: number },
): Promise<{ readonly message: Message }> {
  const { room: id, seq } = input;
  const needs = {
    rooms: [id],
    members: [[id, actor.user]],
    messages: [[id, seq]],
    restrictions: [actor.user],
  } as const;
  return chat.writer.run(needs, async (tx) => {
    const { room, member } = await enterRoom(chat, tx, actor, id);
    const row = await tx.message(id, seq);
    const seen = row && (isVisible(row, actor) || chat.permissions.allows('moderate', actor, { room, member }));
    if (!row || !seen) throw new ChatError('messageNotFound', String(seq));
    chat.permissions.require('deleteMessage', actor, { room, member, message: row });
    if (row.deleted_at !== null) return { message: showMessage(row, actor) };
    return { message: showMessage(await makeTombstone(tx, row, actor.user), actor) };
  });
}

/** @param row a message that is not deleted yet, of a room in `needs.rooms`. */
export async function makeTombstone(tx: ChatTransaction, row: MessageRow, by: string): Promise<MessageRow> {
  await removeMentions(tx, row);
  await removeRows(tx, row);
  const change = { body: '{}', reactions: null, poll: null, pinned_at: null, edited_at: null, deleted_at: tx.nowMs };
  const deleted = changeMessage(tx, row, change, 'message.deleted', by);
  await removeFromThread(tx, row, by);
  return deleted;
}

async function removeRows(tx: ChatTransaction, row: MessageRow): Promise<void> {
  const { room_id, seq } = row;
  const keys = { room_id, seq };
  const tables = [
    ...(row.version > 1 ? (['chat_message_versions'] as const) : []),
    ...(row.reactions === null ? [] : (['chat_reactions'] as const)),
    ...(row.poll === null ? [] : (['chat_poll_votes'] as const)),
  ];
  for (const table of tables) {
    await tx.write
      .deleteFrom(table)
      .where((eb) => eb.and(keys))
      .execute();
  }
  await tx.write
    .updateTable('chat_attachments')
    .set({ message_seq: orphanSeq })
    .where('room_id', '=', room_id)
    .where('message_seq', '=', seq)
    .execute();
}
