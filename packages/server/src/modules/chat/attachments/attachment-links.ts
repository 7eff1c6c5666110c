/** `chat.attachmentUrls`: links to attachments for somebody who may read what they hang on. */
import type { ModuleActor } from '../../module.ts';
import type { Chat } from '../chat.ts';
import { readableRooms } from '../readable-rooms.ts';

export interface AttachmentLinks {
  readonly urls: readonly { readonly id: string; readonly url: string; readonly expiresAt: number }[];
  /** Not there, or not for the asker: which of both is not told. */
  readonly missing: readonly string[];
}

/** What decides whether an attachment can be had. */
export interface AttachmentState {
  readonly id: string;
  readonly room_id: string;
  readonly user_id: string;
  readonly message_seq: number | null;
  readonly name: string;
  readonly content_type: string;
  readonly bytes: number;
  readonly storage_key: string;
  readonly sender_id: string | null;
  readonly shadow: number | null;
}

export async function linkAttachments(
  chat: Chat,
  actor: ModuleActor,
  ids: readonly string[],
): Promise<AttachmentLinks> {
  const rows = await findAttachments(chat, ids);
  const readable = await readableRooms(chat, actor, [...new Set(rows.map(({ room_id }) => room_id))]);
  const open = new Set(rows.filter((row) => readable.has(row.room_id) && maySee(actor, row)).map(({ id }) => id));
  const now = chat.context.clock.now();
  return {
    urls: ids.filter((id) => open.has(id)).map((id) => ({ id, ...chat.attachments.signer.sign(id, now) })),
    missing: ids.filter((id) => !open.has(id)),
  };
}

/** Those of uploads that wait to be sent, and of messages that are there. */
export function findAttachments({ db }: Pick<Chat, 'db'>, ids: readonly string[]): Promise<AttachmentState[]> {
  return db
    .selectFrom('chat_attachments as attachment')
    .innerJoin('chat_rooms as room', 'room.id', 'attachment.room_id')
    .leftJoin('chat_messages as message', (join) =>
      join
        .onRef('message.room_id', '=', 'attachment.room_id')
        .onRef('message.seq', '=', 'attachment.message_seq')
        .on('message.deleted_at', 'is', null),
    )
    .selectAll('attachment')
    .select(['message.sender_id', 'message.shadow'])
    .where('attachment.id', 'in', ids)
    .where('room.deleted_at', 'is', null)
    .where((eb) => eb.or([eb('attachment.message_seq', 'is', null), eb('message.seq', 'is not', null)]))
    .execute();
}

function maySee(actor: ModuleActor, row: AttachmentState): boolean {
  if (actor.system) return true;
  // What was not sent yet, and what nobody else sees, is for who uploaded it.
  if (row.message_seq === null) return actor.user !== '' && row.user_id === actor.user;
  return row.shadow !== 1 || row.sender_id === actor.user;
}
