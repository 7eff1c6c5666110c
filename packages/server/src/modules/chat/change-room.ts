/** Changing what a room is called and how it works, and taking it away. */
import type { ModuleActor } from '../module.ts';
import type { Chat } from './chat.ts';
import type { ChatTransaction, RoomRow } from './chat-writer.ts';
import { removeDraftsOfRoom } from './drafts.ts';
import { toRoom } from './mappers.ts';
import type { Room } from './model.ts';
import { enterRoom, refuseBannedActor } from './room-access.ts';
import { toStoredJson } from './stored-json.ts';

export interface ChangeRoomInput {
  readonly room: string;
  /** Left out: it stays. Null: it goes. */
  readonly name?: string | null | undefined;
  readonly topic?: string | null | undefined;
  readonly data?: unknown;
  /** 0: no slow mode. */
  readonly slowMs?: number | undefined;
  /** Null: as the configuration says. */
  readonly retentionMs?: number | null | undefined;
  readonly frozen?: boolean | undefined;
}

/**
 * Who moderates may set slow mode, retention and frozen; the rest is for who may change the room. A change that changes
 * nothing does nothing.
 * @throws ChatError roomNotFound, notMember, forbidden, banned, tooLarge.
 */
export function changeRoom(chat: Chat, actor: ModuleActor, input: ChangeRoomInput): Promise<{ readonly room: Room }> {
  const { room: id, name, topic, data, slowMs, retentionMs, frozen } = input;
  const change: Partial<RoomRow> = {
    ...(name !== undefined && { name }),
    ...(topic !== undefined && { topic }),
    ...(data !== undefined && { data: toStoredJson(data, chat.config.limits.messageSize) }),
    ...(slowMs !== undefined && { slow_ms: slowMs }),
    ...(retentionMs !== undefined && { retention_ms: retentionMs }),
    ...(frozen !== undefined && { frozen: frozen ? 1 : 0 }),
  };
  const moderates = name === undefined && topic === undefined && data === undefined;
  return chat.writer.run({ rooms: [id], members: [[id, actor.user]] }, async (tx) => {
    const room = await tx.room(id);
    const member = await tx.member(id, actor.user);
    if (!(moderates && chat.permissions.allows('moderate', actor, { room, member }))) {
      chat.permissions.require('changeRoom', actor, { room, member });
    }
    await refuseBannedActor(tx, actor, id);
    const columns = Object.keys(change) as (keyof RoomRow)[];
    if (columns.every((column) => change[column] === room[column])) return { room: toRoom(room) };
    const rev = tx.nextRev(id);
    const changed = toRoom(tx.changeRoom(id, { ...change, changed_rev: rev }));
    tx.publish(id, rev, { type: 'room', room: changed }, 'room.changed', actor.user);
    // Who may read may depend on what was changed; with the default rule it does not.
    if (chat.config.permissions.readRoom !== undefined) tx.reconsider(id);
    return { room: changed };
  });
}

/** @throws ChatError roomNotFound, notMember, forbidden, banned. */
export async function deleteRoom(
  chat: Chat,
  actor: ModuleActor,
  { room: id }: { readonly room: string },
): Promise<Record<string, never>> {
  await chat.writer.run({ rooms: [id], members: [[id, actor.user]], alone: true }, async (tx) => {
    await enterRoom(chat, tx, actor, id, 'deleteRoom');
    await markDeleted(chat, tx, id, actor.user);
  });
  return {};
}

/**
 * What the room was called goes at once; its messages, and who was in it, are cleared away later. The id is never used
 * again, and two users whose direct room it was may have another. Members are told one by one up to
 * `limits.notifiedMembers`; in larger rooms those who look are told, and the others see it when they ask.
 * @param tx alone, since it reads who is in the room.
 * @param last who has just left it, and was told so.
 */
export async function markDeleted(chat: Chat, tx: ChatTransaction, id: string, by: string, last = ''): Promise<void> {
  const { notifiedMembers } = chat.config.limits;
  const members = await tx.read
    .selectFrom('chat_members')
    .select('user_id')
    .where('room_id', '=', id)
    .where('state', 'in', ['member', 'invited'])
    .where('user_id', '<>', last)
    .limit(notifiedMembers + 1)
    .execute();
  const rev = tx.nextRev(id);
  const row = tx.changeRoom(id, {
    deleted_at: tx.nowMs,
    dm_key: null,
    name: null,
    topic: null,
    data: null,
    changed_rev: rev,
  });
  await removeDraftsOfRoom(tx, id);
  tx.publish(id, rev, { type: 'room', room: toRoom(row) }, 'room.deleted', by);
  if (members.length <= notifiedMembers) {
    for (const { user_id } of members) tx.tell(user_id, { type: 'roomGone', room: id });
  }
  tx.reconsider(id);
}
