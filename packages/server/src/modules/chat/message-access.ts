/** A message that somebody wants to do something with, and how a change of it is told. */
import type { ModuleActor } from '../module.ts';
import { ChatError } from './chat-error.ts';
import type { ChatEventName, ChatTransaction, MessageRow } from './chat-writer.ts';
import { toMessage, type ShownRow } from './mappers.ts';
import type { Message } from './model.ts';

/** A message as the actor sees it; the back end itself sees everything. */
export function showMessage(row: ShownRow, actor: ModuleActor): Message {
  return toMessage(row, actor.system ? row.sender_id : actor.user);
}

/** Whether they can see it: a message for its sender alone is not there for anybody else. */
export function isVisible(row: MessageRow, actor: ModuleActor): boolean {
  return row.shadow === 0 || actor.system || row.sender_id === actor.user;
}

/**
 * @param tx with the room's access checked before.
 * @throws ChatError messageNotFound, deleted.
 */
export async function requireMessage(
  tx: ChatTransaction,
  actor: ModuleActor,
  room: string,
  seq: number,
): Promise<MessageRow> {
  const row = await tx.message(room, seq);
  if (!row) throw new ChatError('messageNotFound', String(seq));
  checkPresent(row, actor);
  return row;
}

/** @throws ChatError messageNotFound for one the actor does not see, deleted. */
export function checkPresent(row: MessageRow, actor: ModuleActor): void {
  if (!isVisible(row, actor)) throw new ChatError('messageNotFound', String(row.seq));
  if (row.deleted_at !== null) throw new ChatError('deleted', `message ${row.seq}`);
}

/** Changes a message, and tells the room, and its sender if nobody else sees it. @returns the row as it is now. */
export function changeMessage(
  tx: ChatTransaction,
  { room_id: room, seq }: Pick<MessageRow, 'room_id' | 'seq'>,
  change: Partial<MessageRow>,
  event: ChatEventName,
  by: string,
): MessageRow {
  const rev = tx.nextRev(room);
  const row = tx.changeMessage(room, seq, { ...change, rev });
  tx.publish(room, rev, { type: 'message', message: toMessage(row) }, event, by);
  if (row.shadow === 1) tx.tell(row.sender_id, { type: 'message', message: toMessage(row, row.sender_id) });
  return row;
}
