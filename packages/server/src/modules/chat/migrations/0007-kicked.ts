/** Finds who was kicked from a room, however many members it has: they are counted against a limit. */
import { sql, type Kysely } from 'kysely';
import type { Migration } from '../../../stores/store.ts';

export const kickedIndex: Migration = {
  id: '0007-kicked',
  async up(db: Kysely<unknown>): Promise<void> {
    await sql.raw(`create index chat_members_kicked on chat_members (room_id) where state = 'kicked'`).execute(db);
  },
};
