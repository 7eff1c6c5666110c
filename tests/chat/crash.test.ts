/** kill -9 under load, on SQLite: nothing acknowledged is lost, doubled or reordered. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { systemClock } from '../../packages/server/src/lib/clock.ts';
import { createLogger } from '../../packages/server/src/lib/logger.ts';
import type { ChatTables } from '../../packages/server/src/modules/chat/tables.ts';
import { SqliteStore } from '../../packages/server/src/stores/sqlite.ts';
import { Application } from '../operation/application.ts';
import { TidingsProcess } from '../support/tidings-process.ts';
import { checkAll, checkEvents, crashConfig, randomFrom, startWriters } from './crash-suite.ts';
import { outboxOf, recount } from './recount.ts';
import { limitMs, runs } from './runs.ts';

test(
  'the server is killed again and again while four people write',
  async () => {
    await using application = await Application.start();
    const server = await TidingsProcess.start({ config: { ...crashConfig, events: { url: application.url } } });
    const random = randomFrom(7);
    const writers = await startWriters(server.url, random);
    const kills = runs(5);
    for (let kill = 0; kill < kills; kill++) {
      await sleep(150 + random() * 600);
      await server.kill9();
      await sleep(random() * 100);
      await server.restart();
    }
    await sleep(300);
    await Promise.all(writers.map((writer) => writer.stopWriting()));

    const lengths = await checkAll(server, writers);
    expect(Math.min(...lengths.values())).toBeGreaterThan(20 * kills);
    // It did go away under them, and they did come back to where they were.
    expect(writers.reduce((sum, { retries }) => sum + retries, 0)).toBeGreaterThan(kills);
    const watches = writers.flatMap((writer) => writer.watches);
    expect(watches.reduce((sum, { recoveries }) => sum + recoveries, 0)).toBeGreaterThanOrEqual(kills);
    expect(watches.map(({ resets }) => resets)).toEqual(watches.map(() => 0));
    await checkEvents(application, lengths);
    for (const writer of writers) writer.disconnect();
    expect(await server.stop()).toBe(0);

    const logger = createLogger('silent');
    const file = join(server.folder, 'data', 'tidings.sqlite');
    const store = new SqliteStore({ file, synchronous: 'full', timeoutMs: 5_000, clock: systemClock, logger });
    await store.start();
    try {
      const db = store.database<ChatTables>();
      await recount(db);
      expect(await outboxOf(db)).toBe(0);
    } finally {
      await store.stop();
    }
  },
  limitMs(120_000),
);
