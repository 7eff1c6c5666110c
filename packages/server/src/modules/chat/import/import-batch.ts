/**
 * One transaction of an import: some lines, by kind, with the rooms they are about locked. Rows are made in memory and
 * written together, past the writer of chat: nothing of it is told, so `min_rev` goes up, and who is behind reads anew.
 */
import type { ImportLine, LineOf } from './import-lines.ts';
import type { ImportWork } from './import-work.ts';
import { ImportedMembers } from './imported-members.ts';
import { ImportedMessages } from './imported-messages.ts';
import { ImportedRooms } from './imported-rooms.ts';
import type { StoredFiles } from './store-files.ts';
import { writeReactions } from './write-reactions.ts';
import { writeBlocks, writeUsers } from './write-users.ts';
import { writeVotes } from './write-votes.ts';

/**
 * @param files of messages among the lines that are new.
 * @throws ImportError for a line that does not fit what is there; nothing of the batch is to stay then.
 */
export async function writeBatch(
  work: ImportWork,
  lines: readonly (ImportLine & { readonly line: number })[],
  files: StoredFiles,
): Promise<void> {
  const of = <Type extends ImportLine['type']>(...types: readonly Type[]) =>
    lines.filter((line) => (types as readonly string[]).includes(line.type)) as LineOf<Type>[];
  const rooms = new ImportedRooms(work);
  const members = new ImportedMembers(work, rooms);
  const messages = new ImportedMessages(work, rooms, files);
  await writeUsers(work, of('user'));
  await writeBlocks(work, of('block'));
  await rooms.load(lines);
  await rooms.make(of('room'));
  await members.write(of('member'));
  await messages.load(of('message', 'poll', 'reaction', 'vote', 'read'));
  await messages.write(of('message', 'poll'));
  await writeReactions(work, rooms, messages, of('reaction'));
  await writeVotes(work, rooms, messages, of('vote'));
  await messages.finish();
  await rooms.finish();
  await members.setMentions(messages.mentions);
  await members.setReads(of('read'), messages);
}
