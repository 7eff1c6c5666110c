/** Random operations of several users agree with a simple model; on a real PostgreSQL that sorts text as German does. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../packages/server/src/lib/clock.ts';
import { createLogger } from '../../packages/server/src/lib/logger.ts';
import { PostgresStore } from '../../packages/server/src/stores/postgres.ts';
import { describeWithPostgres, startPostgres, type PostgresServer } from '../support/postgres.ts';
import { checkConcurrent, checkModel } from './model-suite.ts';
import { limitMs, runs } from './runs.ts';

describeWithPostgres('on PostgreSQL', () => {
  let server: PostgresServer;
  let store: PostgresStore;

  beforeAll(async () => {
    server = await startPostgres({ locale: 'icu:de-DE', settings: { synchronous_commit: 'off' } });
    const logger = createLogger('silent');
    store = new PostgresStore({ url: server.url, maxConnections: 6, timeoutMs: 10_000, clock: systemClock, logger });
    await store.start();
  }, 120_000);

  afterAll(async () => {
    await store?.stop();
    await server?.stop();
  });

  test(
    'one after the other: answers, database and clients are what the model says',
    async () => {
      const { outcomes } = await checkModel({ store, runs: runs(8), operations: 160 });
      expect(outcomes.get('send ok') ?? 0).toBeGreaterThan(runs(20));
    },
    limitMs(120_000),
  );

  test(
    'many at once: nothing is counted wrong, and clients that were away agree with the database',
    async () => {
      const { recoveries } = await checkConcurrent({ store, runs: runs(8), operations: 30 });
      expect(recoveries).toBeGreaterThan(runs(8));
    },
    limitMs(120_000),
  );
});
