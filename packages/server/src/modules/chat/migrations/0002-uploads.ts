/** Uploads under way, the secret of links, and what finds files that may go. */
import { sql, type Kysely } from 'kysely';
import type { Migration, StoreDialect } from '../../../stores/store.ts';

export const uploadTables: Migration = {
  id: '0002-uploads',
  async up(db: Kysely<unknown>, dialect: StoreDialect): Promise<void> {
    const run = (statement: string) => sql.raw(statement).execute(db);
    const postgres = dialect === 'postgres';
    const text = postgres ? 'text collate "C"' : 'text';
    const int = postgres ? 'bigint' : 'integer';
    await run(`create table chat_uploads (
      id ${text} not null primary key, room_id ${text} not null, user_id ${text} not null, name ${text} not null,
      bytes ${int} not null, secret_hash ${text} not null, state ${text} not null, claim ${text},
      expires_at ${int} not null)`);
    await run('create index chat_uploads_user on chat_uploads (user_id, expires_at)');
    await run('create index chat_uploads_age on chat_uploads (expires_at)');
    await run(`create table chat_secrets (name ${text} not null primary key, value ${text} not null)`);
    await run('create index chat_attachments_unsent on chat_attachments (created_at) where message_seq is null');
    await run('create index chat_attachments_orphans on chat_attachments (id) where message_seq = -1');
    // Whoever deletes messages outright, their files are found.
    const change = (removed: string) => `update chat_attachments set message_seq = -1
      ${postgres ? `from ${removed}` : ''} where chat_attachments.room_id = ${removed}.room_id
      and chat_attachments.message_seq = ${removed}.seq;`;
    if (postgres) {
      await run(`create function chat_attachments_orphan() returns trigger language plpgsql as $$
        begin ${change('removed')} return null; end $$`);
      await run(`create trigger chat_attachments_orphan after delete on chat_messages
        referencing old table as removed for each statement execute function chat_attachments_orphan()`);
    } else {
      await run(`create trigger chat_attachments_orphan after delete on chat_messages begin ${change('old')} end`);
    }
  },
};
