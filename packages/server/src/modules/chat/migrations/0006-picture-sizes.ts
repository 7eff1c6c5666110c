/** How large pictures are shown. Of those that are there already, nobody knows. */
import { sql, type Kysely } from 'kysely';
import type { Migration } from '../../../stores/store.ts';

export const pictureSizes: Migration = {
  id: '0006-picture-sizes',
  async up(db: Kysely<unknown>): Promise<void> {
    const run = (statement: string) => sql.raw(statement).execute(db);
    await run('alter table chat_attachments add column width integer');
    await run('alter table chat_attachments add column height integer');
  },
};
