/**
 * Finding users by their names: the index of words gives candidates, the profiles themselves decide. First come those
 * whose whole name begins with what was written, which a page of the index holds in order; then those who are called so
 * by other words.
 */
import { sql, type Kysely } from 'kysely';
import type { ModuleActor } from '../module.ts';
import { blockersOf } from './blockers.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import { pageLimit } from './message-pages.ts';
import type { User } from './model.ts';
import { matches, queryTerms, type Term } from './search/search-words.ts';
import type { ChatTables } from './tables.ts';
import { nameKey, nameWords, wholeName } from './user-words.ts';
import { readUsers } from './users.ts';

/** Words of one query. */
const maxTerms = 20;
/** Entries of the index that are looked at for one beginning, however many there are. */
const maxEntries = 1_000;
/** Entries of one statement. */
const slice = 200;
/** Sorts behind everything that begins with what stands before it. */
const lastCharacter = '\u{10FFFF}';

interface Named {
  readonly id: string;
  readonly key: string;
}

/**
 * Users whose names hold all words of the query as beginnings of words: first those whose whole name begins with it, then
 * by name, then by id. If more than 1,000 begin with the rarest of the words, some of the others are not found.
 * @throws ChatError forbidden, invalid for a query without a word, tooMany.
 */
export async function findUsers(
  chat: Chat,
  actor: ModuleActor,
  { query, limit: wanted }: { readonly query: string; readonly limit?: number | undefined },
): Promise<{ readonly users: User[] }> {
  chat.permissions.require('findUsers', actor, {});
  const limit = pageLimit(chat, wanted);
  // Whoever types has perhaps finished none of them.
  const terms = queryTerms(query).map(({ text }) => ({ text, prefix: true }));
  if (terms.length === 0) throw new ChatError('invalid', 'a query needs a word');
  if (terms.length > maxTerms) throw new ChatError('tooMany', `${terms.length} words; at most ${maxTerms}`);
  const found = new Map<string, Named>();
  for await (const user of candidates(chat.db, actor, terms, wholeName(nameKey(query)))) {
    found.set(user.id, user);
    if (found.size === limit) break;
  }
  if (found.size < limit) {
    const others = new Map<string, Named>();
    for await (const user of candidates(chat.db, actor, terms, await rarest(chat.db, terms))) {
      if (!found.has(user.id)) others.set(user.id, user);
    }
    const sorted = [...others.values()].toSorted((a, b) => byCodePoints(a.key, b.key) || byCodePoints(a.id, b.id));
    for (const user of sorted.slice(0, limit - found.size)) found.set(user.id, user);
  }
  if (found.size === 0) return { users: [] };
  const { users } = await readUsers(chat, actor, { ids: [...found.keys()] });
  return { users: users.filter(({ deletedAt }) => deletedAt === undefined) };
}

/** Whom the asker may find, in the order of the entries that begin with `start`. */
async function* candidates(
  db: Kysely<ChatTables>,
  asker: ModuleActor,
  terms: readonly Term[],
  start: string,
): AsyncGenerator<Named> {
  let last: ChatTables['chat_user_words'] | undefined;
  for (let seen = 0; seen < maxEntries; seen += slice) {
    const from = last;
    const entries = await db
      .selectFrom('chat_user_words')
      .selectAll()
      .where('word', '>=', start)
      .where('word', '<', start + lastCharacter)
      .$if(from !== undefined, (entry) =>
        entry.where((eb) => eb(eb.refTuple('word', 'user_id'), '>', eb.tuple(from?.word ?? '', from?.user_id ?? ''))),
      )
      .orderBy('word')
      .orderBy('user_id')
      .limit(slice)
      .execute();
    const names = await readNames(db, asker, new Set(entries.map(({ user_id }) => user_id)));
    for (const { user_id: id } of entries) {
      const name = names.get(id);
      if (name !== undefined && matches(nameWords(name), terms)) yield { id, key: nameKey(name) };
    }
    if (entries.length < slice) return;
    last = entries.at(-1);
  }
}

/** Of those who are there and do not block the asker. */
async function readNames(
  db: Kysely<ChatTables>,
  asker: ModuleActor,
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  if (ids.size === 0) return new Map();
  const rows = await db
    .selectFrom('chat_users')
    .select(['id', 'name'])
    .where('id', 'in', [...ids])
    .where('deleted_at', 'is', null)
    .execute();
  const blockers = await blockersOf(db, asker, [...ids]);
  return new Map(rows.flatMap(({ id, name }) => (name === null || blockers.has(id) ? [] : [[id, name]])));
}

/** The word that the fewest names begin with, as far as they are counted. */
async function rarest(db: Kysely<ChatTables>, terms: readonly Term[]): Promise<string> {
  const [first] = terms;
  if (terms.length <= 1) return first?.text ?? '';
  const counts = terms.map(
    ({ text }, at) => sql`select ${sql.lit(at)} as at, count(*) as entries from (
      select 1 from chat_user_words where word >= ${text} and word < ${text + lastCharacter}
      limit ${sql.lit(maxEntries)}) as entry${sql.raw(String(at))}`,
  );
  const { rows } = await sql<{ at: number; entries: number }>`
    ${sql.join(counts, sql` union all `)} order by entries, at limit 1`.execute(db);
  return terms[rows[0]?.at ?? 0]?.text ?? '';
}

/** As both databases sort. */
function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
