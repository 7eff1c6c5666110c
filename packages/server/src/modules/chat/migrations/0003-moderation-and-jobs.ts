/** What periodic work needs: leases, polls that close by themselves, users being erased, imported ids, and queues by index. */
import { sql, type Kysely } from 'kysely';
import type { Migration, StoreDialect } from '../../../stores/store.ts';

export const jobTables: Migration = {
  id: '0003-moderation-and-jobs',
  async up(db: Kysely<unknown>, dialect: StoreDialect): Promise<void> {
    const run = (statement: string) => sql.raw(statement).execute(db);
    const postgres = dialect === 'postgres';
    const text = postgres ? 'text collate "C"' : 'text';
    const int = postgres ? 'bigint' : 'integer';
    const clustered = postgres ? '' : 'without rowid';
    await run(`create table chat_leases (
      name ${text} not null primary key, holder ${text} not null, until ${int} not null) ${clustered}`);
    await run(`create table chat_poll_closings (
      room_id ${text} not null, seq ${int} not null, closes_at ${int} not null,
      primary key (room_id, seq)) ${clustered}`);
    await run('create index chat_poll_closings_due on chat_poll_closings (closes_at)');
    await run(`create table chat_erasures (
      user_id ${text} not null primary key, mode ${text} not null, pseudonym ${text} not null, stage ${text} not null,
      cursor ${text} not null, created_at ${int} not null) ${clustered}`);
    await run(`create table chat_import_ids (
      room_id ${text} not null, id ${text} not null, seq ${int} not null, primary key (room_id, id)) ${clustered}`);
    await run('create index chat_scheduled_next on chat_scheduled (run_at) where error is null');
    await run('create index chat_reports_queue on chat_reports (state, id)');
    await run('create index chat_reports_room on chat_reports (room_id, state, id)');
    await run('create index chat_reports_reporter on chat_reports (reporter, state)');
    await run('create index chat_reports_user on chat_reports (reported_user)');
    // Rooms whose messages and members are still to be cleared away: then nothing of them can be replayed.
    await run('create index chat_rooms_deleted on chat_rooms (id) where deleted_at is not null and min_rev < rev');
  },
};
