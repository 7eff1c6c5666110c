/**
 * What a user did with messages: their reactions and votes. A message is published to all of its room alike, so that this
 * goes beside it, to that user alone: in answers, and on their own channel when they do it on another device.
 */
import type { Kysely } from 'kysely';
import type { ChatTransaction, MessageRow } from './chat-writer.ts';
import type { OwnState } from './model.ts';
import type { ChatTables } from './tables.ts';

/** What of a message's row tells where to look. */
type LookedAt = Pick<MessageRow, 'room_id' | 'seq' | 'reactions' | 'poll' | 'deleted_at'>;

/** Emoji of messages looked up by one statement: SQLite takes 32,766 parameters. */
const maxLookedUp = 8_000;

/**
 * Those of `rows`, of one room, with which the user did something. One statement, by primary key, unless there are very
 * many emoji; none if nobody did anything.
 */
export async function readOwnStates(
  db: Kysely<ChatTables>,
  rows: readonly LookedAt[],
  user: string,
): Promise<OwnState[]> {
  const present = rows.filter(({ deleted_at }) => deleted_at === null);
  const [first] = present;
  if (!first || user === '') return [];
  const found = await readOwn(db, first.room_id, present, user);
  const states = new Map<number, { seq: number; reactions: string[]; votes: string[] }>();
  for (const { seq, emoji, option } of found) {
    const state = states.get(seq) ?? { seq, reactions: [], votes: [] };
    states.set(seq, state);
    if (emoji !== null) state.reactions.push(emoji);
    if (option !== null) state.votes.push(option);
  }
  const sorted = [...states.values()].toSorted((a, b) => a.seq - b.seq);
  return sorted.map(({ seq, reactions, votes }) => ({ seq, reactions: reactions.toSorted(), votes: votes.toSorted() }));
}

/** Of one message; with nothing in it if the user did nothing. */
export async function readOwnState(db: Kysely<ChatTables>, row: MessageRow, user: string): Promise<OwnState> {
  const [state] = await readOwnStates(db, [row], user);
  return state ?? { seq: row.seq, reactions: [], votes: [] };
}

/** Tells the user's other devices. @param row as it is now. */
export function tellOwnState(tx: ChatTransaction, row: MessageRow, user: string, own: OwnState): void {
  tx.tell(user, { type: 'own', room: row.room_id, rev: row.rev, ...own });
}

interface Found {
  readonly seq: number;
  readonly emoji: string | null;
  readonly option: string | null;
}

async function readOwn(
  db: Kysely<ChatTables>,
  room: string,
  rows: readonly LookedAt[],
  user: string,
): Promise<readonly Found[]> {
  const polls = rows.filter(({ poll }) => poll !== null).map(({ seq }) => seq);
  // By each emoji there is: a popular message has more reactions than one reads.
  const reacted = rows.flatMap(({ seq, reactions }) =>
    reactions === null ? [] : Object.keys(JSON.parse(reactions) as object).map((emoji) => ({ seq, emoji })),
  );
  const votes = db
    .selectFrom('chat_poll_votes')
    .select((eb) => [
      'seq',
      eb.val<string | null>(null).as('emoji'),
      eb.ref('option_id').$castTo<string | null>().as('option'),
    ])
    .where('room_id', '=', room)
    .where('user_id', '=', user)
    .where('seq', 'in', polls);
  const reactions = (some: typeof reacted) =>
    db
      .selectFrom('chat_reactions')
      .select((eb) => [
        'seq',
        eb.ref('emoji').$castTo<string | null>().as('emoji'),
        eb.val<string | null>(null).as('option'),
      ])
      .where('room_id', '=', room)
      .where('user_id', '=', user)
      .where((eb) =>
        eb(
          eb.refTuple('seq', 'emoji'),
          'in',
          some.map(({ seq, emoji }) => eb.tuple(seq, emoji)),
        ),
      );
  if (reacted.length === 0) return polls.length === 0 ? [] : votes.execute();
  const first = reactions(reacted.slice(0, maxLookedUp));
  const found: Found[] = await (polls.length === 0 ? first : first.unionAll(votes)).execute();
  for (let at = maxLookedUp; at < reacted.length; at += maxLookedUp) {
    found.push(...(await reactions(reacted.slice(at, at + maxLookedUp)).execute()));
  }
  return found;
}
