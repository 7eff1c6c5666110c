/**
 * Keeps the search index up to date, behind the messages: in the transaction of a send it would cost more than the rest
 * of it. Rooms in which something was told are looked through a moment later, up to their revision; how far each is in
 * the index stands in the database, so nothing is lost with a process that dies. A search first waits for what this
 * node still has to do.
 */
import { sql } from 'kysely';
import type { TimerId } from '../../../lib/clock.ts';
import type { ModuleContext } from '../../module.ts';
import type { ChatTables } from '../tables.ts';
import { indexSlice } from './index-slice.ts';

/** What is told within this time is looked at together. */
const delayMs = 200;
const retryMs = 1_000;
/** Somebody else is at it. */
const busyMs = 50;
/** Rooms of one transaction. On SQLite everybody waits for it, so it is a short one. */
const maxRooms = { sqlite: 10, postgres: 20 } as const;
/** How often all rooms are looked through for what no one noted: of nodes that died, or written past the channels. */
const reconcileMs = 600_000;
const reconcileRooms = 1_000;
/** After a slice, the index rests this many times as long as the slice took, and longer while many write. */
const restFactor = 4;
const busyRestFactor = 100;
/** A search waits for this many slices at most, then finds what is there. */
const maxCatchUpSlices = 100;
/** Of all programs that use this database, our index: "tidingsx" read as a number. */
const lockKey = 0x7469_6478;

export class SearchIndex {
  readonly #context: Pick<ModuleContext, 'store' | 'clock' | 'logger'>;
  readonly #isBusy: () => boolean;
  readonly #dirty = new Set<string>();
  /** After a failure rooms go one by one for a while, so that one that cannot be indexed holds up no other. */
  #careful = 0;
  #timer: TimerId;
  #reconcileTimer: TimerId;
  #reconciling: Promise<void> | undefined;
  /** One slice after the other. */
  #slice: Promise<boolean> | undefined;
  #stopped = true;

  /** @param isBusy whether those who write have to wait for each other. */
  constructor(context: Pick<ModuleContext, 'store' | 'clock' | 'logger'>, isBusy: () => boolean = () => false) {
    this.#context = context;
    this.#isBusy = isBusy;
  }

  /** Messages of the room have changed. */
  note(room: string): void {
    this.#dirty.add(room);
    this.#later(delayMs);
  }

  /** Looks for what was left behind, in the background. */
  start(): void {
    this.#stopped = false;
    this.#reconcileSoon();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#context.clock.clearTimeout(this.#timer);
    this.#context.clock.clearTimeout(this.#reconcileTimer);
    await this.#reconciling;
    await this.#slice;
  }

  /** Resolves when what was noted on this node is in the index, or that takes too long. Never throws. */
  async catchUp(): Promise<void> {
    for (let slices = 0; slices < maxCatchUpSlices && this.#dirty.size > 0; slices++) {
      if (!(await this.#runSlice())) return;
    }
    // What was taken last may still be under way.
    await this.#slice;
  }

  /** Notes every room that is behind. */
  async reconcile(): Promise<void> {
    const db = this.#context.store.database<ChatTables>();
    for (let after = ''; !this.#stopped;) {
      const rooms = await db
        .selectFrom('chat_rooms as room')
        .leftJoin('chat_search_rooms as state', 'state.room_id', 'room.id')
        .select(['room.id', 'room.rev', 'state.rev as indexed'])
        .where('room.id', '>', after)
        .orderBy('room.id')
        .limit(reconcileRooms)
        .execute();
      for (const { id, rev, indexed } of rooms) if (rev > (indexed ?? 0)) this.note(id);
      const last = rooms.at(-1);
      if (!last || rooms.length < reconcileRooms) return;
      after = last.id;
    }
  }

  #reconcileSoon(): void {
    this.#reconciling = this.reconcile()
      .catch((error: unknown) => {
        this.#context.logger.warn({ err: error }, 'the search index could not be compared; it is tried again');
      })
      .finally(() => {
        if (this.#stopped) return;
        this.#reconcileTimer = this.#context.clock.setTimeout(() => this.#reconcileSoon(), reconcileMs);
      });
  }

  #later(ms: number): void {
    if (this.#stopped || this.#timer !== undefined) return;
    this.#timer = this.#context.clock.setTimeout(() => {
      this.#timer = undefined;
      void this.#runAll();
    }, ms);
  }

  async #runAll(): Promise<void> {
    while (this.#dirty.size > 0 && !this.#stopped) {
      const began = this.#context.clock.now();
      if (!(await this.#runSlice())) return;
      const tookMs = this.#context.clock.now() - began;
      // Those who send go first: the index falls behind while they are many, and catches up when they are fewer.
      if (tookMs > 0) return this.#later(tookMs * (this.#isBusy() ? busyRestFactor : restFactor));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** @returns false if it has to be tried again later, for which a timer is set. */
  async #runSlice(): Promise<boolean> {
    // Whoever comes meanwhile waits for this one, and goes on then.
    this.#slice ??= this.#indexSome().finally(() => (this.#slice = undefined));
    return this.#slice;
  }

  async #indexSome(): Promise<boolean> {
    const { store } = this.#context;
    const most = maxRooms[store.dialect];
    const rooms = [...this.#dirty].slice(0, this.#careful > 0 ? 1 : most);
    for (const room of rooms) this.#dirty.delete(room);
    try {
      const more = await store.transaction<ChatTables, readonly string[] | 'busy'>(async (db) => {
        if (store.dialect === 'postgres') {
          const { rows } = await sql<{ free: number }>`
            select pg_try_advisory_xact_lock(${sql.lit(lockKey)}) as free`.execute(db);
          if (rows[0]?.free !== 1) return 'busy';
        }
        return indexSlice(db, store.dialect, rooms);
      });
      if (more === 'busy') {
        this.#again(rooms, busyMs);
        return false;
      }
      for (const room of more) this.#dirty.add(room);
      this.#careful = Math.max(0, this.#careful - 1);
      return true;
    } catch (error) {
      this.#context.logger.warn({ err: error }, 'messages could not be put into the search index; it is tried again');
      this.#careful = most;
      this.#again(rooms, retryMs);
      return false;
    }
  }

  #again(rooms: readonly string[], ms: number): void {
    for (const room of rooms) this.#dirty.add(room);
    this.#later(ms);
  }
}
