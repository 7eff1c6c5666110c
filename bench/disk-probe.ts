/**
 * Looks at the disk beside a load: a small write, flushed, a hundred times a second. No database can answer sooner than the
 * disk does; so this is the floor of every latency that waits for it.
 */
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LatencyRecorder, type LatencySummary } from '../packages/cli/src/bench/latency.ts';

/** A page of PostgreSQL, two of SQLite. */
const block = Buffer.alloc(8_192, 1);
/** It goes round in a file of this size, as a database does in its log: growing costs more. */
const blocks = 128;
const pauseMs = 10;

export class DiskProbe {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #recorder = new LatencyRecorder();
  readonly #running: Promise<void>;
  #stopped = false;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
    this.#running = this.#run();
  }

  /** @param folder on the disk in question. */
  static async start(folder: string): Promise<DiskProbe> {
    const path = join(folder, 'probe');
    const file = await open(path, 'w');
    await file.write(Buffer.alloc(block.length * blocks));
    await file.datasync();
    return new DiskProbe(path, file);
  }

  /** Forgets what was, as after a warm-up. */
  reset(): void {
    this.#recorder.reset();
  }

  async stop(): Promise<LatencySummary> {
    this.#stopped = true;
    await this.#running;
    await this.#file.close();
    await rm(this.#path);
    return this.#recorder.summary();
  }

  async #run(): Promise<void> {
    for (let at = 0; !this.#stopped; at = (at + 1) % blocks) {
      const startedAt = performance.now();
      await this.#file.write(block, 0, block.length, at * block.length);
      await this.#file.datasync();
      this.#recorder.record(performance.now() - startedAt);
      await sleep(pauseMs);
    }
  }
}
