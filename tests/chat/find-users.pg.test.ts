/** Users are found by name on PostgreSQL as on SQLite, also where the database itself would sort text otherwise. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createChat } from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';
import { testFindUsers } from '../../packages/server/src/modules/chat/testing/find-users-suite.ts';
import { openPostgresStore } from '../support/postgres-store.ts';
import { describeWithPostgres, startPostgres, type PostgresServer } from '../support/postgres.ts';
import { runs } from './runs.ts';

describeWithPostgres('on PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ locale: 'icu:en-US' });
  }, 60_000);
  afterAll(async () => {
    await server?.stop();
  });

  testFindUsers(async () => openPostgresStore(await server.createDatabase()), { runs: runs(20) });

  test('two nodes that write the name of one user at once leave the words of the one that stays', async () => {
    const url = await server.createDatabase();
    await using first = await openPostgresStore(url);
    await using second = await openPostgresStore(url);
    await using one = await createChat({ store: first });
    await using two = await createChat({ store: second });
    for (let round = 0; round < 10; round++) {
      const names = Array.from({ length: 8 }, (_, at) => `Ben ${round}${at}`);
      await Promise.all(
        names.map((name, at) => (at % 2 === 0 ? one : two).as('ben')('setProfile', { name, avatar: name })),
      );
      const { profile } = await one.as('ben')('profile');
      const rows = await one.chat.db.selectFrom('chat_user_words').select('word').orderBy('word').execute();
      const number = String(profile.name).slice(4);
      expect(rows.map(({ word }) => word)).toEqual([number, 'ben', `\uE000ben ${number}`]);
    }
  });
});
