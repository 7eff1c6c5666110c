/**
 * Clears away what was in deleted rooms: messages at once, memberships later, so that who was away finds the room gone.
 * The room's row stays: its id is never used again. When all is cleared, nothing of it can be replayed: `min_rev` says so,
 * and the room is not looked at again.
 */
import type { Chat } from './chat.ts';
import { orphanSeq } from './delete-message.ts';
import { removeMessages } from './retention.ts';

/** Memberships are kept so long. */
const membersMs = 30 * 86_400_000;
const rowsAtOnce = 500;

/** @returns whether there is more to do. */
export async function clearDeletedRooms(chat: Chat): Promise<boolean> {
  const old = chat.context.clock.now() - membersMs;
  const room = await chat.db
    .selectFrom('chat_rooms as room')
    .select('room.id')
    .where('room.deleted_at', 'is not', null)
    .whereRef('room.min_rev', '<', 'room.rev')
    .where((eb) =>
      eb.or([
        eb('room.deleted_at', '<=', old),
        eb.exists(eb.selectFrom('chat_messages').select('seq').whereRef('room_id', '=', 'room.id')),
      ]),
    )
    .orderBy('room.id')
    .limit(1)
    .executeTakeFirst();
  if (!room) return false;
  await clearSlice(chat, room.id, old);
  return true;
}

function clearSlice(chat: Chat, id: string, old: number): Promise<void> {
  return chat.writer.run({ rooms: [id], alone: true }, async (tx) => {
    const room = await tx.findRoom(id);
    if (!room || room.deleted_at === null) return;
    const { count } = await removeMessages(tx, id, room.last_seq, rowsAtOnce);
    if (count > 0 || room.deleted_at > old) return;
    const members = await tx.read
      .selectFrom('chat_members')
      .select('user_id')
      .where('room_id', '=', id)
      .limit(rowsAtOnce)
      .execute();
    if (members.length > 0) {
      const users = members.map(({ user_id }) => user_id);
      await tx.write.deleteFrom('chat_members').where('room_id', '=', id).where('user_id', 'in', users).execute();
      return;
    }
    for (const table of ['chat_reports', 'chat_scheduled', 'chat_import_ids'] as const) {
      await tx.write.deleteFrom(table).where('room_id', '=', id).execute();
    }
    await tx.write.updateTable('chat_attachments').set({ message_seq: orphanSeq }).where('room_id', '=', id).execute();
    await tx.write.deleteFrom('chat_restrictions').where('scope', '=', id).execute();
    tx.changeRoom(id, { min_rev: room.rev });
  });
}
