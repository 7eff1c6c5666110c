/** Pinned messages of a room: few, and the same for everybody. */
import type { ModuleActor } from '../module.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import { changeMessage, requireMessage, showMessage } from './message-access.ts';
import { pageLimit } from './message-pages.ts';
import type { Message, OwnState } from './model.ts';
import { readOwnStates } from './own-state.ts';
import { accessRoom, enterRoom } from './room-access.ts';

/**
 * Pinning what is pinned does nothing, and so does unpinning what is not.
 * @throws ChatError roomNotFound, notMember, forbidden, banned, messageNotFound, deleted, tooMany.
 */
export function setPinned(
  chat: Chat,
  actor: ModuleActor,
  { room: id, seq }: { readonly room: string; readonly seq: number },
  pinned: boolean,
): Promise<{ readonly message: Message }> {
  const needs = {
    rooms: [id],
    members: [[id, actor.user]],
    messages: [[id, seq]],
    restrictions: [actor.user],
    alone: pinned,
  } as const;
  return chat.writer.run(needs, async (tx) => {
    const { room, member } = await enterRoom(chat, tx, actor, id);
    const row = await requireMessage(tx, actor, id, seq);
    chat.permissions.require('pin', actor, { room, member, message: row });
    if ((row.pinned_at !== null) === pinned) return { message: showMessage(row, actor) };
    if (pinned) {
      const { pins } = chat.config.limits;
      const others = await tx.read
        .selectFrom('chat_messages')
        .select('seq')
        .where('room_id', '=', id)
        .where('pinned_at', 'is not', null)
        .limit(pins)
        .execute();
      if (others.length >= pins) throw new ChatError('tooMany', `pinned messages of a room; at most ${pins}`);
    }
    const pinnedAt = pinned ? tx.nowMs : null;
    const changed = changeMessage(tx, row, { pinned_at: pinnedAt }, 'message.pinned', actor.user);
    return { message: showMessage(changed, actor) };
  });
}

export interface PinsInput {
  readonly room: string;
  readonly before?: { readonly pinnedAt: number; readonly seq: number } | undefined;
  readonly limit?: number | undefined;
}

/**
 * The pinned messages of a room, the latest pinned first.
 * @throws ChatError roomNotFound, notMember, forbidden, tooMany.
 */
export async function listPins(
  chat: Chat,
  actor: ModuleActor,
  { room, before, limit: wanted }: PinsInput,
): Promise<{ readonly messages: Message[]; readonly hasMore: boolean; readonly own: OwnState[] }> {
  const limit = pageLimit(chat, wanted);
  await accessRoom(chat, actor, room);
  let query = chat.db
    .selectFrom('chat_messages')
    .selectAll()
    .where('room_id', '=', room)
    .where('pinned_at', 'is not', null)
    .orderBy('pinned_at', 'desc')
    .orderBy('seq', 'desc')
    .limit(limit + 1);
  if (before) {
    query = query.where((eb) => eb(eb.refTuple('pinned_at', 'seq'), '<', eb.tuple(before.pinnedAt, before.seq)));
  }
  const rows = await query.execute();
  const shown = rows.slice(0, limit);
  return {
    messages: shown.map((row) => showMessage(row, actor)),
    hasMore: rows.length > limit,
    own: await readOwnStates(chat.db, shown, actor.user),
  };
}
