import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/logger.ts';
import { SqliteStore } from '../../stores/sqlite.ts';
import { StoreUnavailableError } from '../../stores/store.ts';
import { createChat } from './testing/chat-fixture.ts';

test('what another connection has changed is read anew', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-kept-'));
  try {
    const file = join(folder, 'tidings.sqlite');
    const logger = createLogger('silent');
    const store = new SqliteStore({ file, synchronous: 'off', timeoutMs: 5_000, clock: systemClock, logger });
    await store.start();
    await using chat = await createChat({ store });
    await chat.room({ members: ['anna'] });
    await chat.as('anna')('send', { room: 'room', text: 'one' });
    const other = new DatabaseSync(file);
    other.exec(`update chat_rooms set last_seq = 41, rev = 41`);
    other.close();
    expect((await chat.as('anna')('send', { room: 'room', text: 'two' })).message).toMatchObject({ seq: 42, rev: 42 });
    await chat.module.stop();
    await store.stop();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('after a transaction that was not committed, rows are as they were', async () => {
  await using chat = await createChat();
  await chat.room({ members: ['anna'] });
  const { writer } = chat.chat;
  await writer.run(
    { rooms: ['room'] },
    async (tx) => void tx.changeRoom('room', { last_seq: (await tx.room('room')).last_seq }),
  );
  const failed = writer.run({ rooms: ['room'] }, async (tx) => {
    await tx.room('room');
    tx.changeRoom('room', { last_seq: 99 });
    throw new StoreUnavailableError('gone');
  });
  await expect(failed).rejects.toMatchObject({ code: 619 });
  expect(await writer.run({ rooms: ['room'] }, async (tx) => (await tx.room('room')).last_seq)).toBe(0);
});

test('what one piece of work wrote past them is read anew', async () => {
  await using chat = await createChat();
  await chat.room({ members: ['anna'] });
  const { writer } = chat.chat;
  const needs = { members: [['room', 'anna']] } as const;
  await writer.run(needs, (tx) => tx.member('room', 'anna'));
  await writer.run({}, async (tx) => {
    await tx.write.deleteFrom('chat_members').where('user_id', '=', 'anna').execute();
  });
  expect(await writer.run(needs, (tx) => tx.member('room', 'anna'))).toBeUndefined();
});
