/**
 * Several questions to the database at once, over one connection: on PostgreSQL that is one round trip and one process to
 * wake, where each question by itself would have its own.
 */
import type { Compilable, Kysely } from 'kysely';
import type { ChatTables } from './tables.ts';

/** @returns the rows of each, in the order of the questions. */
export async function readTogether<Rows extends readonly unknown[]>(
  db: Kysely<ChatTables>,
  ...questions: { readonly [At in keyof Rows]: Compilable<Rows[At]> }
): Promise<{ readonly [At in keyof Rows]: Rows[At][] }> {
  const compiled = questions.map((question) => question.compile());
  const results = await db
    .getExecutor()
    .provideConnection((connection) => Promise.all(compiled.map((query) => connection.executeQuery(query))));
  return results.map(({ rows }) => rows) as unknown as { readonly [At in keyof Rows]: Rows[At][] };
}
