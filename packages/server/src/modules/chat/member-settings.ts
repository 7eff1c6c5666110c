/**
 * What a member arranges for themselves: pinned, archived, muted. No change of the room; only the member's own devices
 * are told. An archived room stays archived when something new comes, and goes on counting what is unread.
 */
import type { ModuleActor } from '../module.ts';
import { actingUser } from './acting-user.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { MemberRow } from './chat-writer.ts';
import type { RoomListItem } from './model.ts';
import { readRoomListItem, tellRoomListItem } from './room-list-item.ts';

/** Muted until it is lifted. */
export const forGood = -1;

export type MemberSettings = Partial<Pick<MemberRow, 'pinned' | 'archived' | 'mute_until' | 'notify'>>;

/**
 * Setting what is set does nothing.
 * @throws ChatError roomNotFound, notMember.
 */
export function changeSettings(
  chat: Chat,
  actor: ModuleActor,
  id: string,
  settings: MemberSettings,
): Promise<{ readonly item: RoomListItem }> {
  const user = actingUser(actor);
  return chat.writer.run({ rooms: [id], members: [[id, user]] }, async (tx) => {
    const room = await tx.room(id);
    const before = await tx.member(id, user);
    if (before?.state !== 'member') {
      chat.permissions.require('findRoom', actor, { room, member: before });
      throw new ChatError('notMember', id);
    }
    const names = Object.keys(settings) as (keyof MemberSettings)[];
    if (names.every((name) => settings[name] === before[name])) return { item: await readRoomListItem(tx, id, before) };
    const member = tx.changeMember(id, user, { ...settings, updated_at: tx.nowMs });
    return { item: await tellRoomListItem(tx, member) };
  });
}

/**
 * @param input.until Unix milliseconds; without it until it is lifted.
 * @throws ChatError invalid for a time that has passed, roomNotFound, notMember.
 */
export async function muteRoom(
  chat: Chat,
  actor: ModuleActor,
  { room, until = forGood }: { readonly room: string; readonly until?: number | undefined },
): Promise<{ readonly item: RoomListItem }> {
  if (until !== forGood && until <= chat.context.clock.now()) {
    throw new ChatError('invalid', `until ${until} has passed; Unix milliseconds of a time to come`);
  }
  return changeSettings(chat, actor, room, { mute_until: until });
}
