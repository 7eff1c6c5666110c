/** SQLite under several processes, and under a process that is killed while it writes. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../packages/server/src/lib/clock.ts';
import { createLogger } from '../../packages/server/src/lib/logger.ts';
import { SqliteStore } from '../../packages/server/src/stores/sqlite.ts';
import { append, entries, fixtureTables } from '../../packages/server/src/testing/store-fixture.ts';

const writer = fileURLToPath(new URL('sqlite-writer.ts', import.meta.url));

class Writer {
  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
  #printed = '';

  constructor(file: string, name: string, count?: number) {
    const args = ['--conditions=tidings-source', writer, file, name, ...(count === undefined ? [] : [String(count)])];
    this.child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child.stdout?.on('data', (chunk: Buffer) => void (this.#printed += chunk.toString()));
    this.exited = once(this.child, 'close');
  }

  /** What was told as written. */
  get acknowledged(): number[] {
    return this.#printed.split('\n').filter(Boolean).map(Number);
  }
}

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidings-store-'));
  file = join(folder, 'tidings.sqlite');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function open(): Promise<SqliteStore & AsyncDisposable> {
  const logger = createLogger('silent');
  const store = new SqliteStore({ file, synchronous: 'full', timeoutMs: 20_000, clock: systemClock, logger });
  await store.start();
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.stop() });
}

describe('SqliteStore', () => {
  test('everything acknowledged is there after kill -9 in the middle of writing, and nothing by halves', async () => {
    for (let round = 0; round < 4; round++) {
      const process = new Writer(file, `round${round}`);
      await expect.poll(() => process.acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(40 + 25 * round);
      process.child.kill('SIGKILL');
      await process.exited;
      await using store = await open();
      const written = (await entries(store, `round${round}`)).map(({ seq }) => seq);
      const { acknowledged } = process;
      expect(acknowledged).toEqual(acknowledged.map((_, i) => i + 1));
      // One more may have been written than could be told.
      expect([acknowledged.length, acknowledged.length + 1]).toContain(written.length);
      expect(written).toEqual(written.map((_, i) => i + 1));
      expect(await append(store, `round${round}`, 'after')).toBe(written.length + 1);
    }
  });

  test('processes that write to one file at the same time wait for each other and lose nothing', async () => {
    const writers = ['a', 'b', 'a'].map((name) => new Writer(file, name, 60));
    await Promise.all(writers.map(({ exited }) => exited));
    expect(writers.map(({ child }) => child.exitCode)).toEqual([0, 0, 0]);
    await using store = await open();
    expect((await entries(store, 'a')).map(({ seq }) => seq)).toEqual(Array.from({ length: 120 }, (_, i) => i + 1));
    expect(await entries(store, 'b')).toHaveLength(60);
    expect(writers.flatMap(({ acknowledged }) => acknowledged)).toHaveLength(180);
  });

  test('a process that is killed within a transaction leaves no lock behind', async () => {
    await using store = await open();
    await store.migrate([fixtureTables]);
    const process = new Writer(file, 'a');
    await expect.poll(() => process.acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(5);
    process.child.kill('SIGKILL');
    await process.exited;
    const seq = await append(store, 'a', 'next');
    expect(await entries(store, 'a')).toHaveLength(seq);
  });
});
