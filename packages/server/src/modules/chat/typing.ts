/**
 * Who is typing: passed on to the room's channel, at most every two seconds per user and room, and never stored. Clients
 * stop showing it with the user's message, or `typingTimeout` after the latest sign.
 */
import type { ModuleActor } from '../module.ts';
import { actingUser } from './acting-user.ts';
import { roomChannel } from './channel-names.ts';
import type { Chat, Typing, TypingInput } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { RoomPublication } from './model.ts';
import { accessRoom, type RoomAccess } from './room-access.ts';
import { rowKey } from './row-cache.ts';

/** Signs of one user in one room are passed on at most so often. */
const everyMs = 2_000;

interface Sign {
  readonly atMs: number;
  readonly threadSeq: number | undefined;
  /** Whether others show it. */
  shown: boolean;
}

export class LiveTyping implements Typing {
  /** The latest of each user and room, the oldest first; forgotten when nobody shows it any more. */
  readonly #signs = new Map<string, Sign>();

  async typing(chat: Chat, actor: ModuleActor, input: TypingInput): Promise<void> {
    const user = actingUser(actor);
    const { room, threadSeq } = input;
    const key = rowKey(room, user);
    const nowMs = chat.context.clock.now();
    this.#forgetOld(nowMs, Math.max(everyMs, chat.config.typingTimeout));
    const before = this.#signs.get(key);
    if (input.stopped) {
      if (!before?.shown) return;
      before.shown = false;
      await publish(chat, room, { user, threadSeq: before.threadSeq, stopped: true });
      return;
    }
    if (before && nowMs - before.atMs < everyMs) return;
    const sign: Sign = { atMs: nowMs, threadSeq, shown: false };
    // Before anything is waited for: of several signs at once, one is passed on.
    this.#signs.delete(key);
    this.#signs.set(key, sign);
    try {
      const access = await accessRoom(chat, actor, room, 'type');
      if (!(await mayBeSeen(chat, actor, access))) return;
      // The message was faster.
      if (this.#signs.get(key) !== sign) return;
      sign.shown = true;
      await publish(chat, room, { user, threadSeq });
    } catch (error) {
      if (this.#signs.get(key) === sign) this.#signs.delete(key);
      throw error;
    }
  }

  ended(room: string, user: string): void {
    this.#signs.delete(rowKey(room, user));
  }

  #forgetOld(nowMs: number, ageMs: number): void {
    for (const [key, { atMs }] of this.#signs) {
      if (nowMs - atMs < ageMs) return;
      this.#signs.delete(key);
    }
  }
}

function publish(
  { context }: Chat,
  room: string,
  { user, threadSeq, stopped }: { user: string; threadSeq: number | undefined; stopped?: boolean },
): Promise<void> {
  const publication: RoomPublication = {
    type: 'typing',
    user,
    ...(threadSeq !== undefined && { threadSeq }),
    ...(stopped && { stopped }),
  };
  return context.publish(roomChannel(room), JSON.stringify(publication));
}

/**
 * Who may not write does not type; whose messages others do not see, types unseen, and does not learn of it.
 * @throws ChatError frozen, muted.
 */
async function mayBeSeen(chat: Chat, actor: ModuleActor, { room, member }: RoomAccess): Promise<boolean> {
  if (room.frozen === 1 && !chat.permissions.allows('moderate', actor, { room, member })) throw new ChatError('frozen');
  const nowMs = chat.context.clock.now();
  const restrictions = await chat.db
    .selectFrom('chat_restrictions')
    .select(['kind', 'until'])
    .where('user_id', '=', actor.user)
    .where('scope', 'in', [room.id, '*'])
    .execute();
  const kinds = new Set(restrictions.filter(({ until }) => until === null || until > nowMs).map(({ kind }) => kind));
  if (kinds.has('mute')) throw new ChatError('muted');
  if (kinds.has('shadow')) return false;
  if (room.kind !== 'direct') return true;
  const peer = (room.dm_key ?? '').split('\u0001').find((name) => name !== actor.user);
  if (peer === undefined) return true;
  const block = await chat.db
    .selectFrom('chat_blocks')
    .select('user_id')
    .where((eb) =>
      eb.or([eb.and({ user_id: actor.user, blocked_id: peer }), eb.and({ user_id: peer, blocked_id: actor.user })]),
    )
    .executeTakeFirst();
  return !block;
}
