/**
 * Periodic work of chat, done by one node at a time: a row in the database says which node holds a job, and until when.
 * Work is done in slices, each of which stands by itself: a node that dies leaves the rest to the next one. The lease
 * keeps nodes from doing the same in vain; that doing it twice does no harm, each job sees to itself.
 */
import type { Clock, TimerId } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Store } from '../../stores/store.ts';
import type { ChatTables } from './tables.ts';

/** A node that does not renew its lease for so long is taken for dead. */
const leaseMs = 60_000;

export interface ChatJob {
  readonly name: string;
  readonly everyMs: number;
  /** A cheap look whether there is anything to do; without it there may always be. */
  isDue?(): Promise<boolean>;
  /** Does a part. @returns whether there is more. Doing it again must do no harm. */
  slice(): Promise<boolean>;
}

export interface ChatJobsOptions {
  readonly nodeId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: Store;
  readonly jobs: readonly ChatJob[];
}

export class ChatJobs {
  readonly #options: ChatJobsOptions;
  readonly #timers = new Map<string, TimerId>();
  readonly #running = new Map<string, Promise<void>>();
  #stopped = false;

  constructor(options: ChatJobsOptions) {
    this.#options = options;
  }

  start(): void {
    for (const job of this.#options.jobs) this.#wait(job);
  }

  /** Resolves when no job is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  /** Lets slices under way finish, and begins no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers.values()) this.#options.clock.clearTimeout(timer);
    await this.idle();
  }

  /** Does a job now, to its end, unless another node is at it. */
  async run(name: string): Promise<void> {
    const job = this.#options.jobs.find((other) => other.name === name);
    if (!job) throw new Error(`there is no job ${name}`);
    await this.#begin(job);
  }

  #wait(job: ChatJob): void {
    const { clock } = this.#options;
    const timer = clock.setTimeout(() => {
      void this.#begin(job).then(() => {
        if (!this.#stopped) this.#wait(job);
      });
    }, job.everyMs);
    this.#timers.set(job.name, timer);
  }

  /** Never throws: what fails is tried again the next time. */
  #begin(job: ChatJob): Promise<void> {
    const running = this.#running.get(job.name);
    if (running) return running;
    const work = this.#work(job)
      .catch((error: unknown) => {
        this.#options.logger.warn({ err: error, job: job.name }, 'a job of chat failed; it is tried again');
      })
      .finally(() => this.#running.delete(job.name));
    this.#running.set(job.name, work);
    return work;
  }

  async #work(job: ChatJob): Promise<void> {
    if (job.isDue && !(await job.isDue())) return;
    if (!(await this.#lease(job.name))) return;
    try {
      while (!this.#stopped && (await job.slice())) {
        // Others come in between.
        await new Promise<void>((resolve) => setImmediate(resolve));
        if (!(await this.#lease(job.name))) return;
      }
    } finally {
      await this.#release(job.name);
    }
  }

  /** Takes the lease, or renews it. @returns whether this node has it. */
  async #lease(name: string): Promise<boolean> {
    const { store, clock, nodeId } = this.#options;
    const now = clock.now();
    const row = { name, holder: nodeId, until: now + leaseMs };
    const held = await store
      .database<ChatTables>()
      .insertInto('chat_leases')
      .values(row)
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet(row)
          .where((eb) => eb.or([eb('chat_leases.holder', '=', nodeId), eb('chat_leases.until', '<=', now)])),
      )
      .returning('name')
      .execute();
    return held.length > 0;
  }

  async #release(name: string): Promise<void> {
    const { store, nodeId } = this.#options;
    await store
      .database<ChatTables>()
      .deleteFrom('chat_leases')
      .where('name', '=', name)
      .where('holder', '=', nodeId)
      .execute();
  }
}
