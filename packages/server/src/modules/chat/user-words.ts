/**
 * What users are found by: the words of their names, folded and cut as message search does it, each a row that serves
 * looking for its beginning. Written in the transaction that writes the name.
 */
import type { Kysely } from 'kysely';
import { indexWords, wordsOf } from './search/search-words.ts';
import type { ChatTables } from './tables.ts';

/** Words of one name that can be found. Chinese and Japanese have about as many as they have characters. */
const maxNameWords = 40;
/** Of a whole name, its beginning, in characters: an index takes entries of a limited size. */
const maxKeyLength = 64;
/** A private-use character, which no word holds: marks a name as a whole among its words. */
const wholeNameMark = '\uE000';
/** In one statement. */
const maxRows = 1_000;

/** The words that a name is found by, or rather their beginnings. */
export function nameWords(name: string): ReadonlySet<string> {
  return new Set([...indexWords(name)].slice(0, maxNameWords));
}

/** What names are sorted by, and how what was written of one is compared with the beginning of others. */
export function nameKey(name: string): string {
  const words = [...wordsOf(name)].map(({ text }) => text).filter((text) => text !== '');
  return Array.from(words.join(' ')).slice(0, maxKeyLength).join('');
}

/** The name as a whole, as it stands in the table: before all words, in the order of keys. */
export function wholeName(key: string): string {
  return `${wholeNameMark}${key}`;
}

/** Puts what these users are found by in the place of what they were found by. */
export async function writeUserWords(
  db: Kysely<ChatTables>,
  users: readonly { readonly id: string; readonly name: string | null }[],
): Promise<void> {
  if (users.length === 0) return;
  await db
    .deleteFrom('chat_user_words')
    .where(
      'user_id',
      'in',
      users.map(({ id }) => id),
    )
    .execute();
  const rows = users.flatMap(({ id, name }) => {
    const words = nameWords(name ?? '');
    if (name === null || words.size === 0) return [];
    return [wholeName(nameKey(name)), ...words].map((word) => ({ word, user_id: id }));
  });
  for (let at = 0; at < rows.length; at += maxRows) {
    await db
      .insertInto('chat_user_words')
      .values(rows.slice(at, at + maxRows))
      .execute();
  }
}
