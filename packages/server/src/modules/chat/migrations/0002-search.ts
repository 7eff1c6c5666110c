/**
 * The search index. It is filled after messages were sent, so that sending pays nothing for it; only rows that are
 * deleted outright leave it at once, by a trigger, whoever deletes them.
 */
import { sql, type Kysely } from 'kysely';
import type { Migration, StoreDialect } from '../../../stores/store.ts';

export const searchTables: Migration = {
  id: '0002-search',
  async up(db: Kysely<unknown>, dialect: StoreDialect): Promise<void> {
    const run = (statement: string) => sql.raw(statement).execute(db);
    const postgres = dialect === 'postgres';
    const text = postgres ? 'text collate "C"' : 'text';
    const int = postgres ? 'bigint' : 'integer';
    await run(`create table chat_search_rooms (
      room_id ${text} not null primary key, number ${int} not null unique, seq ${int} not null, rev ${int} not null)`);
    await run(`create table chat_search (
      id ${int} not null primary key, room_id ${text} not null, seq ${int} not null, sender_id ${text} not null
      ${postgres ? ', words tsvector not null' : ''})`);
    await run('create unique index chat_search_message on chat_search (room_id, seq)');
    if (postgres) {
      await run('create index chat_search_words on chat_search using gin (words)');
      await run(`create function chat_search_remove() returns trigger language plpgsql as $$
        begin
          delete from chat_search using removed where chat_search.room_id = removed.room_id and chat_search.seq = removed.seq;
          return null;
        end $$`);
      await run(`create trigger chat_search_remove after delete on chat_messages
        referencing old table as removed for each statement execute function chat_search_remove()`);
      return;
    }
    // Holds no text: that stands in the messages. Words come folded and apart, so the simplest tokenizer will do.
    await run(`create virtual table chat_search_words using fts5(
      words, content='', contentless_delete=1, detail=none, prefix='2 3', tokenize='ascii')`);
    await run(`create trigger chat_search_forget after delete on chat_search begin
      delete from chat_search_words where rowid = old.id;
    end`);
    await run(`create trigger chat_search_remove after delete on chat_messages begin
      delete from chat_search where room_id = old.room_id and seq = old.seq;
    end`);
  },
};
