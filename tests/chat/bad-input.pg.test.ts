/** Chat under attack, on a real PostgreSQL that sorts text as German does. */
import { afterAll, beforeAll } from 'vitest';
import { systemClock } from '../../packages/server/src/lib/clock.ts';
import { createLogger } from '../../packages/server/src/lib/logger.ts';
import { PostgresStore } from '../../packages/server/src/stores/postgres.ts';
import { describeWithPostgres, startPostgres, type PostgresServer } from '../support/postgres.ts';
import { testBadInput } from './bad-input-suite.ts';

describeWithPostgres('on PostgreSQL', () => {
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgres({ locale: 'icu:de-DE', settings: { synchronous_commit: 'off' } });
  }, 120_000);

  afterAll(() => server?.stop());

  testBadInput(async () => {
    await server.empty();
    const logger = createLogger('silent');
    return new PostgresStore({ url: server.url, maxConnections: 6, timeoutMs: 10_000, clock: systemClock, logger });
  });
});
