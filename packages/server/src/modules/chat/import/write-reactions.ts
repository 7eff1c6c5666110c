/** Reactions of an import: a row each, and their number on the message. */
import type { LineOf } from './import-lines.ts';
import type { ImportWork } from './import-work.ts';
import type { ImportedMessages } from './imported-messages.ts';
import type { ImportedRooms } from './imported-rooms.ts';

export async function writeReactions(
  { tx, counts, nowMs }: ImportWork,
  rooms: ImportedRooms,
  messages: ImportedMessages,
  lines: readonly LineOf<'reaction'>[],
): Promise<void> {
  for (const { room, message, user, emoji, at, line } of lines) {
    rooms.get(room, line);
    const row = await messages.find(room, messages.seq(room, message, line));
    if (!row || row.deleted_at !== null) {
      counts.known++;
      continue;
    }
    const added = await tx
      .insertInto('chat_reactions')
      .values({ room_id: room, seq: row.seq, emoji, user_id: user, created_at: at ?? nowMs })
      .onConflict((conflict) => conflict.columns(['room_id', 'seq', 'emoji', 'user_id']).doNothing())
      .returning('seq')
      .execute();
    if (added.length === 0) {
      counts.known++;
      continue;
    }
    const numbers = new Map(Object.entries(JSON.parse(row.reactions ?? '{}') as Record<string, number>));
    numbers.set(emoji, (numbers.get(emoji) ?? 0) + 1);
    messages.change(row, { reactions: JSON.stringify(Object.fromEntries(numbers)) });
    counts.reactions++;
  }
}
