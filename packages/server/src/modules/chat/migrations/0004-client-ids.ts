/**
 * What keeps a message from being sent twice is found by the client id first. Ids that sort by time, as those of the SDK
 * do, then lie beside each other whatever rooms and people they come from, and a commit writes few pages of this index
 * instead of one for each message.
 */
import { sql, type Kysely } from 'kysely';
import type { Migration } from '../../../stores/store.ts';

export const clientIdIndex: Migration = {
  id: '0004-client-ids',
  async up(db: Kysely<unknown>): Promise<void> {
    const run = (statement: string) => sql.raw(statement).execute(db);
    await run('drop index chat_messages_client');
    await run(`create unique index chat_messages_client_id on chat_messages (client_id, room_id, sender_id)
      where client_id is not null`);
  },
};
