import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../lib/clock.ts';
import { createLogger } from '../../../lib/logger.ts';
import { SqliteStore } from '../../../stores/sqlite.ts';
import type { ChatTables } from '../tables.ts';
import { createChat } from '../testing/chat-fixture.ts';
import { chatMigrations } from './chat-migrations.ts';

test('an attachment that waited to be sent while the sizes of pictures came, is sent without one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-migrations-'));
  const clock = new FakeClock();
  const file = join(folder, 'chat.sqlite');
  const store = new SqliteStore({ file, synchronous: 'off', timeoutMs: 5_000, clock, logger: createLogger('silent') });
  await store.start();
  try {
    const before = chatMigrations.migrations.filter(({ id }) => id < '0006');
    await store.migrate([{ ...chatMigrations, migrations: before }]);
    const waiting = {
      ...{ id: 'waiting', room_id: 'room', user_id: 'anna', message_seq: null, name: 'a.png' },
      ...{ content_type: 'image/png', bytes: 5, storage_key: 'ab/waiting', created_at: clock.now() },
    };
    const database = store.database<{ chat_attachments: Omit<ChatTables['chat_attachments'], 'width' | 'height'> }>();
    await database.insertInto('chat_attachments').values(waiting).execute();
    await using chat = await createChat({ store, clock });
    await chat.room({ members: ['anna'] });
    const { message } = await chat.as('anna')('send', { room: 'room', attachments: ['waiting'] });
    expect(message.attachments).toEqual([
      { id: 'waiting', name: 'a.png', contentType: 'image/png', bytes: 5, url: '/chat/attachments/waiting' },
    ]);
  } finally {
    await store.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
