/** kill -9 under load, of the server and of the database: nothing acknowledged is lost, doubled or reordered. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../packages/server/src/lib/clock.ts';
import { createLogger } from '../../packages/server/src/lib/logger.ts';
import type { ChatTables } from '../../packages/server/src/modules/chat/tables.ts';
import { PostgresStore } from '../../packages/server/src/stores/postgres.ts';
import { Application } from '../operation/application.ts';
import { describeWithPostgres, startPostgres, type PostgresServer } from '../support/postgres.ts';
import { TidingsProcess } from '../support/tidings-process.ts';
import { api, ask, checkAll, checkEvents, crashConfig, randomFrom, startWriters } from './crash-suite.ts';
import { outboxOf, recount } from './recount.ts';
import { limitMs, runs } from './runs.ts';

describeWithPostgres('on PostgreSQL', () => {
  let postgres: PostgresServer;

  beforeAll(async () => {
    postgres = await startPostgres();
  }, 120_000);

  beforeEach(() => postgres.empty());

  afterAll(() => postgres?.stop());

  async function expectNothingLeft(): Promise<void> {
    const logger = createLogger('silent');
    const options = { url: postgres.url, maxConnections: 2, timeoutMs: 10_000, clock: systemClock, logger };
    const store = new PostgresStore(options);
    await store.start();
    try {
      const db = store.database<ChatTables>();
      await recount(db);
      // What nobody knows to be told is told again when it has waited a while.
      await expect.poll(() => outboxOf(db), { timeout: 20_000 }).toBe(0);
    } finally {
      await store.stop();
    }
  }

  test(
    'the server is killed again and again while four people write',
    async () => {
      await using application = await Application.start();
      const config = { ...crashConfig, store: { url: postgres.url }, events: { url: application.url } };
      const server = await TidingsProcess.start({ config });
      const random = randomFrom(11);
      const writers = await startWriters(server.url, random);
      const kills = runs(4);
      for (let kill = 0; kill < kills; kill++) {
        await sleep(200 + random() * 600);
        await server.kill9();
        await sleep(random() * 100);
        await server.restart();
      }
      await sleep(300);
      await Promise.all(writers.map((writer) => writer.stopWriting()));
      const lengths = await checkAll(server, writers);
      expect(Math.min(...lengths.values())).toBeGreaterThan(10 * kills);
      const watches = writers.flatMap((writer) => writer.watches);
      expect(watches.map(({ resets }) => resets)).toEqual(watches.map(() => 0));
      await checkEvents(application, lengths, { ordered: false });
      for (const writer of writers) writer.disconnect();
      await expectNothingLeft();
      expect(await server.stop()).toBe(0);
    },
    limitMs(180_000),
  );

  test(
    'the database is killed and comes back: a temporary error meanwhile, and service without a restart',
    async () => {
      const server = await TidingsProcess.start({
        config: { ...crashConfig, store: { url: postgres.url, timeout: '2s' } },
      });
      const writers = await startWriters(server.url, randomFrom(13));
      for (let kill = 0; kill < runs(2); kill++) {
        await sleep(300);
        await postgres.kill();
        const { error } = await api(server.url, 'send', { room: 'north', text: 'anybody there?' });
        expect(error).toMatchObject({ code: 619 });
        expect((await api(server.url, 'messages', { room: 'north' })).error).toMatchObject({ code: 619 });
        await postgres.start();
        await expect
          .poll(() => ask(server.url, 'room', { room: 'north' }).catch(() => undefined), { timeout: 20_000 })
          .toBeDefined();
      }
      await sleep(300);
      await Promise.all(writers.map((writer) => writer.stopWriting()));
      await checkAll(server, writers);
      for (const writer of writers) writer.disconnect();
      await expectNothingLeft();
      expect(await server.stop()).toBe(0);
    },
    limitMs(180_000),
  );
});
