/**
 * Looks through all messages in the order of their key, some at a time: for what no index leads to, and what is wanted so
 * seldom that none is worth its cost.
 */
import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { ChatTables } from './tables.ts';

/** Messages looked at in one slice. */
const seenAtOnce = 2_000;

export type MessageKey = readonly [room: string, seq: number];

export interface ScannedMessages {
  readonly found: readonly { readonly room_id: string; readonly seq: number }[];
  /** Where the next slice begins; undefined: that was all. */
  readonly next: MessageKey | undefined;
}

/**
 * @param wanted an expression over the row, which is called `message`.
 * @param after undefined: from the beginning.
 * @param limit found at most.
 */
export async function scanMessages(
  db: Kysely<ChatTables>,
  wanted: RawBuilder<unknown>,
  after: MessageKey | undefined,
  limit: number,
): Promise<ScannedMessages> {
  const [room, seq] = after ?? ['', 0];
  const seen = await db
    .selectFrom('chat_messages as message')
    .select(['message.room_id', 'message.seq'])
    .select(sql<number>`case when ${wanted} then 1 else 0 end`.as('found'))
    .where((eb) => eb(eb.refTuple('message.room_id', 'message.seq'), '>', eb.tuple(room, seq)))
    .orderBy('message.room_id')
    .orderBy('message.seq')
    .limit(seenAtOnce)
    .execute();
  const all = seen.filter((row) => row.found === 1);
  const found = all.slice(0, limit);
  const last = all.length > found.length ? found.at(-1) : seen.at(-1);
  return { found, next: last && [last.room_id, last.seq] };
}
