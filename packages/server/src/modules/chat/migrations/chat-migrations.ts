/** All migrations of chat, in order. */
import type { MigrationSet } from '../../../stores/store.ts';
import { firstTables } from './0001-chat.ts';
import { searchTables } from './0002-search.ts';
import { uploadTables } from './0002-uploads.ts';
import { jobTables } from './0003-moderation-and-jobs.ts';
import { clientIdIndex } from './0004-client-ids.ts';
import { userWords } from './0005-user-words.ts';
import { pictureSizes } from './0006-picture-sizes.ts';
import { kickedIndex } from './0007-kicked.ts';

export const chatMigrations: MigrationSet = {
  owner: 'chat',
  migrations: [firstTables, searchTables, uploadTables, jobTables, clientIdIndex, userWords, pictureSizes, kickedIndex],
};
