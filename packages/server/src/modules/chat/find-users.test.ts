import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { chatSchema } from '../../config/chat-schema.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/logger.ts';
import { SqliteStore } from '../../stores/sqlite.ts';
import type { Store } from '../../stores/store.ts';
import { importChat } from './import/import-chat.ts';
import { createChat } from './testing/chat-fixture.ts';
import { testFindUsers } from './testing/find-users-suite.ts';

async function openStore(): Promise<Store & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-users-'));
  const file = join(folder, 'chat.sqlite');
  const store = new SqliteStore({
    file,
    synchronous: 'off',
    timeoutMs: 5_000,
    clock: systemClock,
    logger: createLogger('silent'),
  });
  await store.start();
  const dispose = async () => {
    await store.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return Object.assign(store, { [Symbol.asyncDispose]: dispose });
}

testFindUsers(openStore, { runs: 60 });

describe('finding users', () => {
  test('is refused unless it is permitted', async () => {
    await using chat = await createChat();
    await chat.system('upsertUsers', { users: [{ id: 'ben', name: 'Ben' }] });
    await expect(chat.as('anna')('findUsers', { query: 'ben' })).rejects.toMatchObject({ code: 604 });
    expect(await chat.system('findUsers', { query: 'ben' })).toEqual({ users: [{ id: 'ben', name: 'Ben' }] });
  });

  test('depends on who asks', async () => {
    await using chat = await createChat({
      config: { enabled: true, permissions: { findUsers: 'auth.uid == "anna"' } },
    });
    await chat.system('upsertUsers', { users: [{ id: 'ben', name: 'Ben' }] });
    expect((await chat.as('anna')('findUsers', { query: 'b' })).users).toHaveLength(1);
    await expect(chat.as('cleo')('findUsers', { query: 'b' })).rejects.toThrow('findUsers');
    await expect(chat.as('')('findUsers', { query: 'b' })).rejects.toThrow('findUsers');
  });

  test('gives profiles as chat.users does', async () => {
    const permissions = { findUsers: 'true', seePresence: 'auth.uid == "anna"' };
    await using chat = await createChat({ config: { enabled: true, permissions } });
    await chat.system('upsertUsers', { users: [{ id: 'ben', name: 'Ben', data: { team: 1 }, invisible: false }] });
    await chat.chat.db.updateTable('chat_users').set({ last_seen_at: 5 }).execute();
    for (const user of ['anna', 'cleo', '']) {
      const { users } = await chat.as(user)('findUsers', { query: 'ben' });
      expect(users).toEqual((await chat.as(user)('users', { ids: ['ben'] })).users);
    }
  });

  test.each([
    [{ query: '' }, 'Too small'],
    [{ query: '…!' }, 'a query needs a word'],
    [{ query: 'a'.repeat(257) }, 'Too big'],
    [{ query: 'a b c d e f g h i j k l m n o p q r s t u' }, '21 words; at most 20'],
    [{ query: 'a\0' }, 'well-formed Unicode'],
    [{ query: '\ud800' }, 'well-formed Unicode'],
    [{ query: 'a', limit: 101 }, 'at most 100'],
    [{ query: 'a', limit: 0 }, 'Too small'],
    [{}, 'expected string'],
  ])('says what is wrong with %j', async (input, message) => {
    await using chat = await createChat({ config: { enabled: true, permissions: { findUsers: 'true' } } });
    await expect(chat.as('anna')('findUsers', input)).rejects.toThrow(message);
  });

  test('who is imported is found, and who was there before by their own name', async () => {
    await using chat = await createChat();
    await chat.as('ben')('setProfile', { name: 'Benjamin' });
    const lines = [
      { type: 'user', id: 'anna', name: 'Anna Meier' },
      { type: 'user', id: 'ben', name: 'Ben Meier' },
      { type: 'user', id: 'cleo' },
    ];
    const { store, clock } = chat;
    const config = chatSchema.parse({ enabled: true });
    await importChat({ store, clock, config, lines: lines.map((line) => JSON.stringify(line)) });
    const found = async (query: string) =>
      (await chat.system('findUsers', { query })).users.map(({ id }: { id: string }) => id);
    expect(await found('meier')).toEqual(['anna']);
    expect(await found('benj')).toEqual(['ben']);
  });

  test('long names and words are found by their beginnings', async () => {
    await using chat = await createChat();
    const names = {
      word: 'x'.repeat(256),
      han: '漢'.repeat(100) + '字'.repeat(100),
      expanding: 'ﷺ'.repeat(200),
      wide: '𝒳 '.repeat(128).trim(),
    };
    await chat.system('upsertUsers', { users: Object.entries(names).map(([id, name]) => ({ id, name })) });
    const found = async (query: string) =>
      (await chat.system('findUsers', { query })).users.map(({ id }: { id: string }) => id);
    expect(await found('x'.repeat(200))).toEqual(['word']);
    expect(await found('漢漢漢')).toEqual(['han']);
    expect(await found('ﷺ')).toEqual(['expanding']);
    expect(await found('x')).toEqual(['wide', 'word']);
    const rows = await chat.chat.db.selectFrom('chat_user_words').selectAll().execute();
    for (const { word } of rows) expect(Buffer.byteLength(word)).toBeLessThanOrEqual(3 + 64 * 4);
    for (const id of Object.keys(names)) {
      expect(rows.filter(({ user_id }) => user_id === id).length).toBeLessThanOrEqual(41);
    }
  });
});
