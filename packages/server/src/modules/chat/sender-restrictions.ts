/** What keeps somebody from writing in a room, beside permissions. */
import type { ModuleActor } from '../module.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import { here, type ChatTransaction, type MemberRow, type RoomRow } from './chat-writer.ts';

export interface Restricted {
  /** Frozen rooms and slow mode do not hold for who moderates; false where there is neither. */
  readonly exempt: boolean;
  /** Only the writer is to see what they write. */
  readonly shadow: boolean;
}

const unrestricted: Restricted = { exempt: false, shadow: false };
const exemptOnly: Restricted = { exempt: true, shadow: false };

/**
 * @param tx with the actor in `needs.restrictions`.
 * @throws ChatError frozen, banned, muted.
 */
export function checkRestrictions(
  chat: Chat,
  tx: ChatTransaction,
  actor: ModuleActor,
  room: RoomRow,
  member: MemberRow | undefined,
): Restricted {
  if (actor.system) return exemptOnly;
  const exempt =
    (room.frozen === 1 || room.slow_ms > 0) && chat.permissions.allows('moderate', actor, { room, member });
  if (room.frozen === 1 && !exempt) throw new ChatError('frozen');
  const restrictions = here(tx.restrictions(room.id, actor.user));
  if (restrictions.length === 0) return exempt ? exemptOnly : unrestricted;
  for (const [kind, error] of [
    ['ban', 'banned'],
    ['mute', 'muted'],
  ] as const) {
    const held = restrictions.find((restriction) => restriction.kind === kind);
    if (held) {
      throw new ChatError(error, held.until === null ? undefined : `until ${new Date(held.until).toISOString()}`);
    }
  }
  return { exempt, shadow: restrictions.some(({ kind }) => kind === 'shadow') };
}
