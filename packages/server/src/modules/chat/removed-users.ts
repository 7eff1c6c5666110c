/**
 * How many users may be kept out of a room, or quiet in it. Nobody has to be there to be brought in and kicked, or banned:
 * without a limit, whoever leads a room could fill two tables with users whom they made up.
 */
import { sql } from 'kysely';
import type { ModuleActor } from '../module.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction } from './chat-writer.ts';

/**
 * Whether one more user can be kicked from the room, or get one more restriction in it. Counts no further than the limit.
 * Back ends that act for themselves may go beyond it.
 * @param tx alone with the room among its needs, so that nobody else adds to it meanwhile.
 * @throws ChatError tooMany.
 */
export async function requireRemovalsLeft(
  { config }: Pick<Chat, 'config'>,
  tx: ChatTransaction,
  actor: ModuleActor,
  room: string,
): Promise<void> {
  if (actor.system) return;
  const { removedPerRoom } = config.limits;
  const kicked = tx.read
    .selectFrom('chat_members')
    .select('user_id')
    .where('room_id', '=', room)
    // In the words of the index: of a parameter, a database cannot know that the index serves.
    .where(sql<boolean>`state = 'kicked'`)
    .limit(removedPerRoom);
  const restricted = tx.read
    .selectFrom('chat_restrictions')
    .select('user_id')
    .where('scope', '=', room)
    .limit(removedPerRoom);
  let removed = 0;
  for (const some of [kicked, restricted]) {
    const { count } = await tx.read
      .selectFrom(some.as('some'))
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow();
    removed += count;
    if (removed < removedPerRoom) continue;
    throw new ChatError(
      'tooMany',
      `users kicked from the room and restrictions in it; at most ${removedPerRoom}: lift some, or leave it to a back end`,
    );
  }
}
