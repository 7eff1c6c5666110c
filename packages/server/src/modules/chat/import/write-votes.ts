/**
 * Votes of an import: rows, and the sums on the poll. A line says all that a user chose; whoever has voted on a poll has
 * voted, whatever a later line or a second import says.
 */
import type { Poll } from '../model.ts';
import { rowKey } from '../row-cache.ts';
import type { ChatTables } from '../tables.ts';
import { ImportError, type LineOf } from './import-lines.ts';
import { inStatements, type ImportWork } from './import-work.ts';
import type { ImportedMessages } from './imported-messages.ts';
import type { ImportedRooms } from './imported-rooms.ts';

type VoteRow = ChatTables['chat_poll_votes'];

/** @throws ImportError for a message that is no poll, and a choice that it does not offer. */
export async function writeVotes(
  work: ImportWork,
  rooms: ImportedRooms,
  messages: ImportedMessages,
  lines: readonly LineOf<'vote'>[],
): Promise<void> {
  const { tx, counts, nowMs } = work;
  const votes = lines.map((vote) => {
    rooms.get(vote.room, vote.line);
    return { ...vote, seq: messages.seq(vote.room, vote.message, vote.line) };
  });
  const voted = await findVoters(work, votes);
  const added: VoteRow[] = [];
  for (const { room, seq, message, user, options, at, line } of votes) {
    const row = await messages.find(room, seq);
    const key = rowKey(room, seq, user);
    if (!row || row.deleted_at !== null || voted.has(key)) {
      counts.known++;
      continue;
    }
    if (row.poll === null) throw new ImportError(line, `message ${message} is no poll`);
    const poll = JSON.parse(row.poll) as Poll;
    const chosen = choose(poll, options, line);
    messages.change(row, { poll: JSON.stringify(withVotes(poll, chosen)) });
    voted.add(key);
    for (const option_id of chosen)
      added.push({ room_id: room, seq, user_id: user, option_id, created_at: at ?? nowMs });
    counts.votes++;
  }
  for (const some of inStatements(added))
    await tx
      .insertInto('chat_poll_votes')
      .values([...some])
      .execute();
}

/** @returns the ids of options. */
function choose(poll: Poll, options: readonly string[], line: number): ReadonlySet<string> {
  const ids = options.map((text) => {
    const option = poll.options.find((one) => one.text === text);
    if (option) return option.id;
    const valid = poll.options.map((one) => JSON.stringify(one.text)).join(', ');
    throw new ImportError(line, `options: the poll has no option ${JSON.stringify(text)}; it has ${valid}`);
  });
  if (new Set(ids).size > 1 && !poll.multiple) throw new ImportError(line, 'options: of this poll one can be chosen');
  return new Set(ids);
}

function withVotes(poll: Poll, chosen: ReadonlySet<string>): Poll {
  const options = poll.options.map((option) => ({ ...option, votes: option.votes + Number(chosen.has(option.id)) }));
  return { ...poll, options, voters: poll.voters + 1 };
}

/** Who has voted on these polls, of those who are named. */
async function findVoters(
  { tx }: ImportWork,
  votes: readonly { readonly room: string; readonly seq: number; readonly user: string }[],
): Promise<Set<string>> {
  const found = new Set<string>();
  for (const some of inStatements(votes)) {
    const rows = await tx
      .selectFrom('chat_poll_votes')
      .select(['room_id', 'seq', 'user_id'])
      .where((eb) =>
        eb(
          eb.refTuple('room_id', 'seq', 'user_id'),
          'in',
          some.map(({ room, seq, user }) => eb.tuple(room, seq, user)),
        ),
      )
      .execute();
    for (const { room_id, seq, user_id } of rows) found.add(rowKey(room_id, seq, user_id));
  }
  return found;
}
