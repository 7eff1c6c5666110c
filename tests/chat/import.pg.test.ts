/** An import that dies at any step, on a real PostgreSQL. */
import { afterAll, beforeAll } from 'vitest';
import { systemClock } from '../../packages/server/src/lib/clock.ts';
import { createLogger } from '../../packages/server/src/lib/logger.ts';
import { createChat, type ChatFixture } from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';
import { PostgresStore } from '../../packages/server/src/stores/postgres.ts';
import { describeWithPostgres, startPostgres, type PostgresServer } from '../support/postgres.ts';
import { testImport } from './import-suite.ts';

describeWithPostgres('on PostgreSQL', () => {
  let server: PostgresServer;
  const stores: PostgresStore[] = [];

  beforeAll(async () => {
    server = await startPostgres({ settings: { synchronous_commit: 'off' } });
  }, 120_000);

  afterAll(async () => {
    for (const store of stores) await store.stop();
    await server?.stop();
  });

  testImport(async (): Promise<ChatFixture> => {
    await server.empty();
    const logger = createLogger('silent');
    const store = new PostgresStore({
      url: server.url,
      maxConnections: 5,
      timeoutMs: 10_000,
      clock: systemClock,
      logger,
    });
    await store.start();
    stores.push(store);
    return createChat({ store });
  });
});
