/**
 * A process that writes to a SQLite store until it is killed: `node sqlite-writer.ts <file> <name> [count]`. It prints
 * each number once the transaction that wrote it has resolved, two of them per transaction.
 */
import { writeSync } from 'node:fs';
import { systemClock } from '../../packages/server/src/lib/clock.ts';
import { createLogger } from '../../packages/server/src/lib/logger.ts';
import { SqliteStore } from '../../packages/server/src/stores/sqlite.ts';
import { append, fixtureTables, type FixtureTables } from '../../packages/server/src/testing/store-fixture.ts';

const [, , file = '', name = '', count = 'Infinity'] = process.argv;
const store = new SqliteStore({
  file,
  synchronous: 'full',
  timeoutMs: 20_000,
  clock: systemClock,
  logger: createLogger('silent'),
});
await store.start();
await store.migrate([fixtureTables]);
await store
  .database<FixtureTables>()
  .insertInto('counters')
  .values({ name, value: 0 })
  .onConflict((conflict) => conflict.doNothing())
  .execute();
for (let i = 0; i < Number(count); i++) {
  const seq = await append(store, name, `entry ${i}`);
  // At once and whole, past every buffer of this process: what is printed was acknowledged.
  writeSync(1, `${seq}\n`);
}
await store.stop();
