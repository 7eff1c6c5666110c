/** The words of users' names, by which they are found, and those of everybody who is there already. */
import { sql, type Kysely } from 'kysely';
import type { Migration, StoreDialect } from '../../../stores/store.ts';
import type { ChatTables } from '../tables.ts';
import { writeUserWords } from '../user-words.ts';

/** Users in memory at once. */
const slice = 500;

export const userWords: Migration = {
  id: '0005-user-words',
  async up(db: Kysely<unknown>, dialect: StoreDialect): Promise<void> {
    const run = (statement: string) => sql.raw(statement).execute(db);
    const postgres = dialect === 'postgres';
    const text = postgres ? 'text collate "C"' : 'text';
    await run(`create table chat_user_words (
      word ${text} not null, user_id ${text} not null, primary key (word, user_id)) ${postgres ? '' : 'without rowid'}`);
    await run('create index chat_user_words_user on chat_user_words (user_id)');
    // A name that is written meanwhile, by a node without this table, would be missed.
    if (postgres) await run('lock table chat_users in share mode');
    const chat = db as Kysely<ChatTables>;
    for (let after = ''; ;) {
      const users = await chat
        .selectFrom('chat_users')
        .select(['id', 'name'])
        .where('id', '>', after)
        .orderBy('id')
        .limit(slice)
        .execute();
      await writeUserWords(chat, users);
      const last = users.at(-1);
      if (!last) return;
      after = last.id;
    }
  },
};
