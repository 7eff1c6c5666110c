/** Users of an import, and whom they block. */
import { maxBlocks } from '../blocks.ts';
import { rowKey } from '../row-cache.ts';
import { writeUserWords } from '../user-words.ts';
import { ImportError, type LineOf } from './import-lines.ts';
import { inStatements, jsonOf, type ImportWork } from './import-work.ts';

export async function writeUsers(work: ImportWork, lines: readonly LineOf<'user'>[]): Promise<void> {
  const { tx, counts, nowMs } = work;
  // Of the same user, the last line.
  const users = [...new Map(lines.map((line) => [line.id, line])).values()];
  if (users.length === 0) return;
  const ids = users.map(({ id }) => id);
  const there = await tx.selectFrom('chat_users').select('id').where('id', 'in', ids).execute();
  counts.users += users.length - there.length;
  counts.known += lines.length - (users.length - there.length);
  const rows = users.map((user) => ({
    id: user.id,
    name: user.name ?? null,
    avatar: user.avatar ?? null,
    data: jsonOf(work, user.line, user.data),
    locale: user.locale ?? null,
    time_zone: user.timeZone ?? null,
    invisible: 0 as const,
    last_seen_at: null,
    created_at: user.createdAt ?? nowMs,
    deleted_at: null,
  }));
  const added = await tx
    .insertInto('chat_users')
    .values(rows)
    // What they have said of themselves since stands, and so does that they were erased.
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning(['id', 'name'])
    .execute();
  await writeUserWords(tx, added);
}

/** @throws ImportError for oneself, and beyond the number of users that one may block. */
export async function writeBlocks({ tx, counts, nowMs }: ImportWork, lines: readonly LineOf<'block'>[]): Promise<void> {
  if (lines.length === 0) return;
  for (const { user, blocked, line } of lines)
    if (user === blocked) throw new ImportError(line, 'blocked: not oneself');
  const wanted = new Map(lines.map((line) => [rowKey(line.user, line.blocked), line]));
  const rows = [...wanted.values()].map(({ user, blocked, at }) => ({
    user_id: user,
    blocked_id: blocked,
    created_at: at ?? nowMs,
  }));
  const added = await tx
    .insertInto('chat_blocks')
    .values(rows)
    .onConflict((conflict) => conflict.columns(['user_id', 'blocked_id']).doNothing())
    .returning(['user_id', 'blocked_id'])
    .execute();
  counts.blocks += added.length;
  counts.known += lines.length - added.length;
  const users = [...new Set(added.map(({ user_id }) => user_id))];
  for (const some of inStatements(users)) {
    const [over] = await tx
      .selectFrom('chat_blocks')
      .select('user_id')
      .where('user_id', 'in', some)
      .groupBy('user_id')
      .having((eb) => eb.fn.countAll(), '>', maxBlocks)
      .execute();
    if (!over) continue;
    const line = lines.findLast(({ user }) => user === over.user_id)?.line ?? 0;
    throw new ImportError(line, `user ${over.user_id} blocks more than ${maxBlocks} users`);
  }
}
