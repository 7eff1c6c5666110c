/** Moderation's own report of a message, for people to look at. */
import { newSortableId } from '../../lib/ids.ts';
import type { ChatTransaction, MessageRow } from './chat-writer.ts';

export async function reportMessage(tx: ChatTransaction, row: MessageRow, reason: string): Promise<void> {
  const report = {
    id: newSortableId(tx.nowMs),
    room_id: row.room_id,
    seq: row.seq,
    reported_user: row.sender_id,
    reporter: '',
    reason,
    state: 'open',
    resolution: null,
    resolved_by: null,
    created_at: tx.nowMs,
    resolved_at: null,
  };
  await tx.write.insertInto('chat_reports').values(report).execute();
  tx.report(`room:${row.room_id}`, 'report.created', { id: report.id, room: row.room_id, seq: row.seq, reason });
}
