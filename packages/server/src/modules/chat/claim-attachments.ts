/** Uploads become part of a message: only those of the sender, in the same room, and each once. */
import { ChatError } from './chat-error.ts';
import type { ChatTransaction } from './chat-writer.ts';
import type { Attachment } from './model.ts';

/** `message_seq` of an attachment of a message that is to be sent later. */
export const reservedSeq = -2;

/**
 * @returns the attachments in the order they were named.
 * @throws ChatError attachmentNotFound for one that is not there, is somebody else's, or was sent already.
 */
export async function claimAttachments(
  tx: ChatTransaction,
  room: string,
  user: string,
  ids: readonly string[],
  messageSeq: number,
): Promise<readonly Attachment[]> {
  const rows = await tx.write
    .updateTable('chat_attachments')
    .set({ message_seq: messageSeq })
    .where('id', 'in', ids)
    .where('room_id', '=', room)
    .where('user_id', '=', user)
    .where((eb) => eb.or([eb('message_seq', 'is', null), eb('message_seq', '=', reservedSeq)]))
    .returningAll()
    .execute();
  const found = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => {
    const row = found.get(id);
    if (!row) throw new ChatError('attachmentNotFound', id);
    const { name, content_type: contentType, bytes, width, height } = row;
    const size = width !== null && height !== null && { width, height };
    return { id, name, contentType, bytes, ...size, url: attachmentUrl(id) };
  });
}

export function attachmentUrl(id: string): string {
  return `/chat/attachments/${id}`;
}
