/**
 * Keeps the mirrors of a process up to date: reads the change log when the database says that something was added, and
 * every so often in case that word was lost, and hands each mirror the facts to look at again.
 *
 * Nothing is missed: a mirror is loaded after the position that reading goes on from; the position moves only when all
 * mirrors have seen what lies before it, or are marked to be loaded anew. A crash between writing and telling costs one
 * interval. Changes are dropped from the log after ten minutes, when every reader has them or has to load anew anyway.
 */
import type { Clock, TimerId } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { backoffMs } from '../../lib/retry.ts';
import type { Store } from '../../stores/store.ts';
import { ChangeLog, type Change } from './change-log.ts';
import { changesTopic } from './migrations.ts';

/** How old the last successful look at the database may be before a mirror answers no more. */
export const staleAfterMs = 60_000;

/** SQLite has no word across processes; a look costs microseconds. PostgreSQL tells, so that this is for words lost. */
const pollMs = { sqlite: 200, postgres: 2_000 } as const;
const maxRetryMs = 5_000;
const trimIntervalMs = 600_000;
const logIntervalMs = 10_000;

/** A copy in memory of the facts of one relation. */
export interface Mirror {
  /** As in the change log. */
  readonly source: string;
  /** For the log. */
  readonly name: string;
  /** Reads all facts. */
  load(): Promise<void>;
  /** Looks at facts again, which may have changed. */
  recheck(facts: readonly (readonly (string | null)[])[]): Promise<void>;
  /** All that was committed by then is known. Unix time in milliseconds. */
  fresh(sinceMs: number): void;
  /** Nothing new could be learned; the mirror sees for itself how long ago the last success was. */
  failed(): void;
}

interface Entry {
  readonly mirror: Mirror;
  loaded: boolean;
}

export interface ChangeFeedOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class ChangeFeed {
  readonly #options: ChangeFeedOptions;
  readonly #log: ChangeLog;
  readonly #entries = new Set<Entry>();
  /** What is under way; never rejects. */
  #last: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;
  #position = '';
  #readAtMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #timer: TimerId;
  #stopListening: (() => void) | undefined;
  #trim: { readonly position: string; readonly atMs: number } | undefined;
  #loggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ChangeFeedOptions) {
    this.#options = options;
    this.#log = new ChangeLog(options.store);
  }

  get log(): ChangeLog {
    return this.#log;
  }

  /**
   * Loads a mirror and keeps it up to date from then on.
   * @throws what loading throws; the mirror is then not attached.
   */
  async attach(mirror: Mirror): Promise<() => void> {
    const entry: Entry = { mirror, loaded: true };
    const attached = this.#last.then(async () => {
      const { clock } = this.#options;
      const nowMs = clock.now();
      if (this.#entries.size === 0) await this.#begin(nowMs);
      await mirror.load();
      mirror.fresh(nowMs);
      this.#entries.add(entry);
    });
    this.#last = attached.catch(() => this.#pause());
    await attached;
    if (this.#entries.size === 1) this.#arm();
    return () => {
      this.#entries.delete(entry);
      this.#pause();
    };
  }

  /** Resolves when mirrors know what was committed before this call, or reading failed. */
  sync(): Promise<void> {
    this.#queued ??= this.#last.then(() => {
      this.#queued = undefined;
      return this.#cycle();
    });
    this.#last = this.#queued;
    return this.#queued;
  }

  async #begin(nowMs: number): Promise<void> {
    this.#position = await this.#log.position();
    this.#readAtMs = nowMs;
    this.#failures = 0;
    this.#stopListening ??= this.#options.store.onNotify(changesTopic, () => void this.sync());
  }

  /** Without mirrors there is nothing to read for. */
  #pause(): void {
    if (this.#entries.size > 0) return;
    this.#stopListening?.();
    this.#stopListening = undefined;
    this.#options.clock.clearTimeout(this.#timer);
  }

  #arm(): void {
    const { clock, store } = this.#options;
    clock.clearTimeout(this.#timer);
    if (this.#entries.size === 0) return;
    const minMs = pollMs[store.dialect];
    const waitMs = this.#failures === 0 ? minMs : backoffMs(this.#failures, { minMs, maxMs: maxRetryMs });
    this.#timer = clock.setTimeout(() => void this.sync(), waitMs);
  }

  /** Never rejects. */
  async #cycle(): Promise<void> {
    if (this.#entries.size === 0) return;
    const nowMs = this.#options.clock.now();
    try {
      const changes = await this.#readLog(nowMs);
      let failed = false;
      for (const entry of [...this.#entries]) if (!(await this.#update(entry, changes, nowMs))) failed = true;
      this.#failures = failed ? this.#failures + 1 : 0;
      await this.#trimLog(nowMs);
    } catch (error) {
      this.#failures++;
      this.#warn(error, 'the changes of relations cannot be read from the database');
      for (const { mirror } of [...this.#entries]) mirror.failed();
    } finally {
      this.#arm();
    }
  }

  /** @returns undefined if everything may have changed. */
  async #readLog(nowMs: number): Promise<readonly Change[] | undefined> {
    const changes = nowMs - this.#readAtMs > staleAfterMs ? undefined : await this.#log.read(this.#position);
    // Marked before the position moves on: what is not read in this cycle is loaded in a later one.
    if (changes?.changes === undefined) {
      const position = changes?.position ?? (await this.#log.position());
      for (const entry of this.#entries) entry.loaded = false;
      this.#position = position;
    } else {
      this.#position = changes.position;
    }
    this.#readAtMs = nowMs;
    return changes?.changes;
  }

  async #update(entry: Entry, changes: readonly Change[] | undefined, nowMs: number): Promise<boolean> {
    const { mirror } = entry;
    const own = changes?.filter(({ source }) => source === mirror.source) ?? [];
    const facts = own.flatMap(({ args }) => (args === undefined ? [] : [args]));
    const load = !entry.loaded || facts.length < own.length;
    try {
      entry.loaded = false;
      if (load) await mirror.load();
      else if (facts.length > 0) await mirror.recheck(facts);
      entry.loaded = true;
      if (this.#entries.has(entry)) mirror.fresh(nowMs);
      return true;
    } catch (error) {
      this.#warn(error, `${mirror.name} cannot be read from the database`);
      if (this.#entries.has(entry)) mirror.failed();
      return false;
    }
  }

  async #trimLog(nowMs: number): Promise<void> {
    const trim = this.#trim;
    if (trim && nowMs - trim.atMs < trimIntervalMs) return;
    this.#trim = { position: this.#position, atMs: nowMs };
    if (trim) await this.#log.trim(trim.position);
  }

  #warn(error: unknown, message: string): void {
    const now = this.#options.clock.now();
    if (now - this.#loggedAtMs < logIntervalMs) return;
    this.#loggedAtMs = now;
    this.#options.logger.error({ err: error }, message);
  }
}
