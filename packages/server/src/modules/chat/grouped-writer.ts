/**
 * The writer of chat on a store. Work that arrives in one turn of the event loop, and while the transaction before is
 * under way, shares the next one: a commit costs the same for one message and for hundreds.
 *
 * Work that fails is taken out, and the others go on: its buffered rows are dropped, and what it wrote past the buffer
 * stands behind a savepoint. Only if the database itself refuses something is everything run again, one by one, to see
 * whose it was.
 */
import type { Transaction } from 'kysely';
import { isUniqueViolation, StoreFullError, StoreUnavailableError, type Store } from '../../stores/store.ts';
import type { Clock } from '../../lib/clock.ts';
import { SortableIds } from '../../lib/ids.ts';
import { asChatError, ChatError } from './chat-error.ts';
import type { ChatTransaction, ChatWriter, Needs } from './chat-writer.ts';
import { KeptRows } from './kept-rows.ts';
import { encodeRow, toOutboxRows, type OutboxEntry, type OutboxRow } from './outbox-entry.ts';
import { RowBatch } from './row-batch.ts';
import { RowCache } from './row-cache.ts';
import type { ChatTables } from './tables.ts';
import { WorkTransaction, type WorkContext } from './work-transaction.ts';

/**
 * Times between the beginnings of transactions on PostgreSQL, at least: each costs two processes as much for one message
 * as for ten, and what comes meanwhile shares the next.
 */
const postgresGapMs = 3;
/** Pieces of work in one transaction at most: more would make the first wait for the last. */
const maxGroup = 2_000;
/**
 * While more comes in every turn of the loop, a group waits for so many: the more share a transaction, the less each of
 * them costs.
 */
const maxTurns = 4;
/** If so many wait, half of their rooms are left to a transaction beside: while one is written, the next is made. */
const splitAt = 100;
/** Pieces of work that wait at most; more are refused, so that a database that is too slow does not fill the memory. */
const maxWaiting = 20_000;

/** With more pieces of work than this in a transaction, others had better wait. */
const busyFrom = 50;

/**
 * On SQLite nobody looks whether a client id was used before: the index says so when the message is written, and then
 * all of the group is run again, with looking. For so long everybody looks then: who sends again seldom does so once.
 */
const carefulMs = 1_000;

/** Work that met a row of somebody who was faster is run again so often at most. */
const maxAttempts = 3;

/** What is told of what was committed. Nothing here may throw. */
export interface Outbox {
  /** In the order of commits, what stands in the outbox and was not told yet. */
  committed(rows: readonly OutboxRow[]): void;
  /** Ids of outbox rows that were told; they are deleted with the next transaction. */
  takeTold(): readonly string[];
  /** They were not deleted after all. */
  untakeTold(ids: readonly string[]): void;
  deleted(ids: readonly string[]): void;
}

export interface GroupedWriterOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly outbox: Outbox;
}

interface Job {
  readonly needs: Needs;
  readonly work: (tx: ChatTransaction) => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly job: Job; readonly result: unknown };

export class GroupedWriter implements ChatWriter {
  readonly #options: GroupedWriterOptions;
  /** Transactions at once. SQLite has one writer; PostgreSQL waits for the disk, and other rooms need not wait with it. */
  readonly #parallel: number;
  readonly #gapMs: number;
  #begunMs = 0;
  #waiting: Job[] = [];
  /** Rooms of the transactions under way. */
  readonly #locked = new Set<string>();
  readonly #kept = new KeptRows();
  readonly #ids = new SortableIds();
  /** Until then client ids are looked for. */
  #carefulUntilMs = 0;
  #running = 0;
  /** Pieces of work in the transactions under way. */
  #underWay = 0;
  /** Rows of the outbox this process has written. */
  #outboxRows = 0;
  #scheduled = false;
  #whenIdle: (() => void)[] = [];

  constructor(options: GroupedWriterOptions) {
    this.#options = options;
    const onPostgres = options.store.dialect === 'postgres';
    this.#parallel = onPostgres ? 3 : 1;
    this.#gapMs = onPostgres ? postgresGapMs : 0;
    if (onPostgres) this.#carefulUntilMs = Infinity;
  }

  run<T>(needs: Needs, work: (tx: ChatTransaction) => Promise<T> | T): Promise<T> {
    if (this.#waiting.length >= maxWaiting) {
      return Promise.reject(new ChatError('unavailable', 'too much is waiting to be written'));
    }
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ needs, work, resolve: resolve as (result: unknown) => void, reject });
      this.#schedule();
    });
  }

  /** Resolves when everything that waits was written or has failed. */
  idle(): Promise<void> {
    return this.#isIdle ? Promise.resolve() : new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Whether many wait for their turn, or share one. */
  get isBusy(): boolean {
    return this.#waiting.length > busyFrom || this.#underWay > busyFrom;
  }

  get #isIdle(): boolean {
    return this.#waiting.length === 0 && this.#running === 0;
  }

  #schedule(): void {
    if (this.#scheduled || this.#running >= this.#parallel || this.#waiting.length === 0) return;
    this.#scheduled = true;
    // Real time on purpose: what is spared is what the processors do.
    const waitMs = this.#begunMs + this.#gapMs - performance.now();
    if (waitMs > 0) setTimeout(() => this.#begin(), waitMs);
    else this.#gather(this.#waiting.length, 1);
  }

  /** At the end of the turn: what arrives in it comes along. With one writer, also what comes in the next turns. */
  #gather(known: number, turn: number): void {
    setImmediate(() => {
      const count = this.#waiting.length;
      if (this.#parallel === 1 && count > known && count < maxGroup && turn < maxTurns) this.#gather(count, turn + 1);
      else this.#begin();
    });
  }

  #begin(): void {
    this.#scheduled = false;
    if (this.#waiting.length === 0 || this.#running >= this.#parallel) return;
    const group = this.#nextGroup();
    // All of it waits for transactions that are under way: when they end, it is looked at again.
    if (group.length === 0) return;
    const rooms = new Set<string>();
    for (const { needs } of group) for (const room of needs.rooms ?? []) rooms.add(room);
    for (const room of rooms) this.#locked.add(room);
    this.#running++;
    this.#underWay += group.length;
    this.#begunMs = performance.now();
    void this.#commit(group).finally(() => {
      for (const room of rooms) this.#locked.delete(room);
      this.#running--;
      this.#underWay -= group.length;
      this.#schedule();
      if (this.#isIdle) for (const resolve of this.#whenIdle.splice(0)) resolve();
    });
    this.#schedule();
  }

  /**
   * What comes next, in order, without what needs a room that a transaction under way has locked: it would hold up all
   * the others of its group.
   */
  #nextGroup(): readonly Job[] {
    const group: Job[] = [];
    const rest: Job[] = [];
    const taken = new Set(this.#locked);
    const mine = new Set<string>();
    const maxRooms = this.#maxRooms();
    let at = 0;
    for (; at < this.#waiting.length && group.length < maxGroup; at++) {
      const job = this.#waiting[at] as Job;
      const rooms = job.needs.rooms ?? [];
      const isFull = mine.size >= maxRooms && rooms.some((room) => !mine.has(room));
      if (isFull || (taken.size > 0 && rooms.some((room) => taken.has(room)))) {
        // Later work on its other rooms does not overtake it.
        for (const room of rooms) taken.add(room);
        rest.push(job);
      } else if (job.needs.alone !== true) {
        for (const room of rooms) mine.add(room);
        group.push(job);
      } else {
        if (group.length === 0) {
          group.push(job);
          at++;
        }
        break;
      }
    }
    if (group.length > 0) this.#waiting = [...rest, ...this.#waiting.slice(at)];
    return group;
  }

  /** Rooms of the next group: it takes no more when it has so many. */
  #maxRooms(): number {
    if (this.#parallel === 1 || this.#waiting.length < splitAt) return Infinity;
    const rooms = new Set(this.#waiting.flatMap(({ needs }) => needs.rooms ?? []));
    for (const room of this.#locked) rooms.delete(room);
    return Math.ceil(rooms.size / 2);
  }

  async #commit(jobs: readonly Job[]): Promise<void> {
    const { store, outbox } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const told = outbox.takeTold();
      const isCareful = performance.now() < this.#carefulUntilMs;
      try {
        const { outcomes, rows, afterCommit } = await store.transaction<ChatTables, GroupResult>((db) =>
          this.#runGroup(db, jobs, told, isCareful),
        );
        outbox.deleted(told);
        for (const run of afterCommit) run();
        outbox.committed(rows);
        for (const { job, result } of outcomes) {
          if (result instanceof Failed) job.reject(result.error);
          else job.resolve(result);
        }
        return;
      } catch (error) {
        this.#kept.clear();
        outbox.untakeTold(told);
        if (!isCareful && isUniqueViolation(error)) {
          this.#carefulUntilMs = performance.now() + carefulMs;
          continue;
        }
        if (jobs.length > 1 && !isOfStore(error)) {
          // Somebody's work broke the transaction for all, such as by a value the database does not take.
          for (const job of jobs) await this.#commit([job]);
          return;
        }
        // Somebody else made the same room or row first: now it is there to be seen.
        if (isUniqueViolation(error) && attempt < maxAttempts) continue;
        const shown = asChatError(error);
        for (const job of jobs) job.reject(shown);
        return;
      }
    }
  }

  async #runGroup(
    db: Transaction<ChatTables>,
    jobs: readonly Job[],
    told: readonly string[],
    isCareful: boolean,
  ): Promise<GroupResult> {
    const { store, clock } = this.#options;
    // Between processes, rows are as they are only while they are locked.
    const kept = store.dialect === 'sqlite' ? this.#kept : new KeptRows();
    if (kept === this.#kept) await kept.check(db);
    const cache = new RowCache(db, store.dialect, kept);
    await cache.load(
      jobs.map(({ needs }) => needs),
      isCareful,
    );
    const entries: OutboxEntry[] = [];
    const afterCommit: (() => void)[] = [];
    let wrote = false;
    const outcomes: Outcome[] = [];
    const nowMs = clock.now();
    const context: WorkContext = { db, cache, ids: this.#ids, nowMs, outbox: entries, afterCommit };
    for (const job of jobs) {
      const tx = new WorkTransaction(context);
      const working = perform(job, tx);
      let result = working instanceof Promise ? await working : working;
      wrote ||= tx.wrote;
      if (result instanceof Failed && !isCareful && job.needs.clientIds) {
        // What cannot be sent may have been sent before: then that stands.
        await cache.load([job.needs], true);
        const again = new WorkTransaction(context);
        result = await perform(job, again);
        wrote ||= again.wrote;
      }
      outcomes.push({ job, result });
    }
    const rows = toOutboxRows(entries);
    const batch = new RowBatch(store.dialect);
    cache.write(batch);
    batch.insert(
      'chat_outbox',
      rows.map((row) => encodeRow(row, this.#outboxRows++, nowMs)),
    );
    batch.remove('chat_outbox', 'id', told);
    // The commit goes out along with it.
    await batch.give(db);
    // It may have been rows that are kept.
    if (wrote) kept.clear();
    return { outcomes, rows, afterCommit };
  }
}

interface GroupResult {
  readonly outcomes: readonly Outcome[];
  readonly rows: readonly OutboxRow[];
  readonly afterCommit: readonly (() => void)[];
}

/**
 * Does a piece of work, and takes back what it wrote if it fails: at once, unless it has to wait.
 * @throws what keeps the whole transaction from going on.
 */
function perform(job: Job, tx: WorkTransaction): unknown {
  try {
    const working = job.work(tx);
    if (working instanceof Promise) return performLater(working, tx);
    const released = tx.keep();
    return released ? released.then(() => working) : working;
  } catch (error) {
    return fail(error, tx);
  }
}

async function performLater(working: Promise<unknown>, tx: WorkTransaction): Promise<unknown> {
  try {
    const result = await working;
    await tx.keep();
    return result;
  } catch (error) {
    return fail(error, tx);
  }
}

async function fail(error: unknown, tx: WorkTransaction): Promise<Failed> {
  if (isOfStore(error)) throw error;
  try {
    await tx.undo();
  } catch {
    // It was a statement that failed, and with it the transaction.
    throw error;
  }
  return new Failed(error);
}

/** Work that failed without having written: the others go on. */
class Failed {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

function isOfStore(error: unknown): boolean {
  return error instanceof StoreUnavailableError || error instanceof StoreFullError;
}
