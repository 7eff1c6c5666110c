/**
 * Users who want nothing of each other: whoever is blocked can neither write to the other in their direct room nor bring
 * them into rooms, and does not reach them by naming them, nor sees whether they are there. In rooms with others both see
 * everything.
 */
import type { ModuleActor } from '../module.ts';
import { actingUser } from './acting-user.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import { pageLimit } from './message-pages.ts';

/** Users that one user blocks. */
export const maxBlocks = 1_000;

/**
 * Blocking again does nothing.
 * @throws ChatError invalid for oneself, tooMany.
 */
export async function block(
  chat: Chat,
  actor: ModuleActor,
  { user: blocked }: { readonly user: string },
): Promise<Record<string, never>> {
  const user = actingUser(actor);
  if (user === blocked) throw new ChatError('invalid', 'not oneself');
  await chat.writer.run({}, async (tx) => {
    const all = await tx.read
      .selectFrom('chat_blocks')
      .select('blocked_id')
      .where('user_id', '=', user)
      .limit(maxBlocks)
      .execute();
    if (all.some(({ blocked_id }) => blocked_id === blocked)) return;
    if (all.length >= maxBlocks) throw new ChatError('tooMany', `blocked users; at most ${maxBlocks}`);
    const [added] = await tx.write
      .insertInto('chat_blocks')
      .values({ user_id: user, blocked_id: blocked, created_at: tx.nowMs })
      .onConflict((conflict) => conflict.columns(['user_id', 'blocked_id']).doNothing())
      .returning('blocked_id')
      .execute();
    if (!added) return;
    tx.tell(user, { type: 'block', user: blocked, blocked: true });
    tx.reconsiderWatcher(user, blocked);
  });
  return {};
}

/** Of who is not blocked, this does nothing. */
export async function unblock(
  chat: Chat,
  actor: ModuleActor,
  { user: blocked }: { readonly user: string },
): Promise<Record<string, never>> {
  const user = actingUser(actor);
  await chat.writer.run({}, async (tx) => {
    const [removed] = await tx.write
      .deleteFrom('chat_blocks')
      .where('user_id', '=', user)
      .where('blocked_id', '=', blocked)
      .returning('blocked_id')
      .execute();
    if (!removed) return;
    tx.tell(user, { type: 'block', user: blocked, blocked: false });
    tx.reconsiderWatcher(user, blocked);
  });
  return {};
}

/** Whom the actor blocks, by user id. @throws ChatError tooMany. */
export async function listBlocks(
  chat: Chat,
  actor: ModuleActor,
  { after, limit: wanted }: { readonly after?: string | undefined; readonly limit?: number | undefined },
): Promise<{ readonly blocks: { readonly user: string; readonly since: number }[]; readonly hasMore: boolean }> {
  const user = actingUser(actor);
  const limit = pageLimit(chat, wanted);
  let query = chat.db
    .selectFrom('chat_blocks')
    .selectAll()
    .where('user_id', '=', user)
    .orderBy('blocked_id')
    .limit(limit + 1);
  if (after !== undefined) query = query.where('blocked_id', '>', after);
  const rows = await query.execute();
  return {
    blocks: rows.slice(0, limit).map(({ blocked_id, created_at }) => ({ user: blocked_id, since: created_at })),
    hasMore: rows.length > limit,
  };
}
