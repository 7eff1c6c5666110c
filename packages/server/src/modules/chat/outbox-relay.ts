/**
 * Tells what was committed: on the channels of rooms and users, and to the application. What this process committed is
 * told at once, from memory, in the order of the commits. What cannot be told is tried again, and holds up only events
 * of the same subject. Rows that stay behind, of a process that died, are found in the table and told by whichever node
 * looks first. At least once: receivers compare revisions, the application compares ids.
 *
 * Path of a message: command → writer → store → **outbox** → channel of the room.
 */
import type { Clock, TimerId } from '../../lib/clock.ts';
import { GatedLogger } from '../../lib/log-gate.ts';
import { backoffMs } from '../../lib/retry.ts';
import type { Store } from '../../stores/store.ts';
import type { ModuleContext } from '../module.ts';
import { everyRoom, presenceChannel, roomChannel, roomPattern, userChannel } from './channel-names.ts';
import { decodeRow, timeOfEntry, type EntryTarget, type OutboxEntry, type OutboxRow } from './outbox-entry.ts';
import type { ChatTables } from './tables.ts';

/** How often the table is looked through for what stayed behind. */
const sweepMs = 2_000;
/** Younger rows are still being told by who wrote them. */
const graceMs = 5_000;
/** Rows told are deleted with the next transaction, or after this long if none comes. */
const deleteMs = 200;
const sweepRows = 500;
/** Rows deleted by one transaction. */
const maxTakenTold = 5_000;
/** Entries of one subject that are told at once. */
const maxBatch = 200;
/** Entries held in memory; what is more waits in the table until there is room. */
const maxHeld = 20_000;
/** … and so much text of them. */
const maxHeldChars = 64 * 1024 ** 2;
const retry = { minMs: 500, maxMs: 15_000 };

export interface OutboxRelayOptions {
  readonly context: Pick<
    ModuleContext,
    'store' | 'clock' | 'logger' | 'publish' | 'isHeard' | 'reconsider' | 'reconsiderUser' | 'emit' | 'wantsEvent'
  >;
  /** Told of every publication in a room, for what follows from it (activity of members, previews …). Must not throw. */
  readonly onRoomEntry?: (room: string, json: string, target: Extract<EntryTarget, { to: 'room' }>) => void;
}

/** Something that is being told. */
interface Entry extends OutboxEntry {
  readonly row: HeldRow;
  /** Whether it is out on its channel; undefined: to be tried. */
  published: Promise<boolean> | undefined;
  emitted: boolean;
}

/** A row that is in the table until all of it was told. */
interface HeldRow {
  readonly id: string;
  /** Entries that were not told yet. */
  left: number;
}

/** What is to be told of one subject, in order. */
interface Lane {
  readonly subject: string;
  readonly entries: Entry[];
  failures: number;
  /** So many go one by one, since what comes behind a failure must come again behind its success. */
  careful: number;
}

export class OutboxRelay {
  readonly #context: OutboxRelayOptions['context'];
  readonly #onRoomEntry: OutboxRelayOptions['onRoomEntry'];
  readonly #log: GatedLogger;
  readonly #lanes = new Map<string, Lane>();
  readonly #waiting = new Map<Lane, TimerId>();
  /** Ids of rows that this process is telling or has told; a look into the table passes over them. */
  readonly #held = new Set<string>();
  /** What is in the lanes. */
  #heldEntries = 0;
  #heldChars = 0;
  /** Told, to be deleted. */
  #told: string[] = [];
  /** Rows were left in the table for want of room: until all are taken, no other may overtake them. */
  #behind = false;
  #leftBehind = 0;
  #running = 0;
  #whenIdle: (() => void)[] = [];
  #sweeping = false;
  #sweepTimer: TimerId;
  #deleteTimer: TimerId;
  #stopped = true;

  constructor({ context, onRoomEntry }: OutboxRelayOptions) {
    this.#context = context;
    this.#log = new GatedLogger(context.logger, context.clock);
    this.#onRoomEntry = onRoomEntry;
  }

  get #clock(): Clock {
    return this.#context.clock;
  }

  get #store(): Store {
    return this.#context.store;
  }

  /** Takes up what a process before left behind, and begins to look for more. */
  async start(): Promise<void> {
    this.#stopped = false;
    // An embedded database is this process's alone: whatever is in it was left behind.
    await this.#sweep(this.#store.dialect === 'sqlite' ? 0 : graceMs);
    this.#sweepLater();
  }

  /** Resolves when everything taken so far was told, or waits to be tried again. */
  idle(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Waits for nobody: what was not told by now stays in the table. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#clock.clearTimeout(this.#sweepTimer);
    this.#clock.clearTimeout(this.#deleteTimer);
    for (const timer of this.#waiting.values()) this.#clock.clearTimeout(timer);
    this.#waiting.clear();
    while (this.#told.length > 0 && (await this.#deleteTold()));
  }

  /** Takes rows that this process has just committed. Never throws. */
  readonly committed = (rows: readonly OutboxRow[]): void => {
    for (const row of rows) {
      // A look into the table may have been faster.
      if (this.#held.has(row.id)) continue;
      this.#take(row, this.#behind || this.#isFull);
    }
  };

  /** Ids of rows that may be deleted; the taker says `deleted`, or `untakeTold`. */
  readonly takeTold = (): readonly string[] => this.#told.splice(0, maxTakenTold);

  readonly untakeTold = (ids: readonly string[]): void => {
    for (const id of ids) this.#told.push(id);
    this.#deleteSoon();
  };

  readonly deleted = (ids: readonly string[]): void => {
    for (const id of ids) this.#held.delete(id);
  };

  get #isFull(): boolean {
    return this.#heldEntries >= maxHeld || this.#heldChars >= maxHeldChars;
  }

  /** @param leave tells people, who are here now; the rest is done when the row is found in the table. */
  #take({ id, entries }: OutboxRow, leave: boolean): void {
    const row: HeldRow = { id, left: entries.length };
    if (leave) {
      this.#behind = true;
      this.#leftBehind++;
    } else {
      this.#held.add(id);
    }
    for (const { id: entryId, target, json } of entries) {
      if (target.to === 'room' && !this.#isHeard(target)) {
        this.#onRoomEntry?.(target.id, json, target);
        row.left--;
        continue;
      }
      const entry: Entry = { id: entryId, target, json, row, published: undefined, emitted: false };
      if (target.to !== 'application') entry.published = this.#publish(entry);
      if (target.to === 'room') this.#onRoomEntry?.(target.id, json, target);
      if (!leave) this.#toLane(entry);
    }
    if (!leave && row.left === 0) this.#setTold(row);
  }

  /** Whether anybody would get it: most rooms of most deployments are quiet on most nodes. */
  #isHeard({ id, event }: Extract<EntryTarget, { to: 'room' }>): boolean {
    return this.#context.isHeard(roomChannel(id)) || this.#context.wantsEvent(`chat.${event}`);
  }

  #setTold({ id }: HeldRow): void {
    this.#told.push(id);
    this.#deleteSoon();
  }

  #toLane(entry: Entry): void {
    const { target, json } = entry;
    this.#heldEntries++;
    this.#heldChars += json.length;
    const subject = subjectOf(target);
    let lane = this.#lanes.get(subject);
    if (lane) {
      lane.entries.push(entry);
      return;
    }
    lane = { subject, entries: [entry], failures: 0, careful: 0 };
    this.#lanes.set(subject, lane);
    void this.#run(lane);
  }

  /** Tells until nothing is left, or something fails. Never throws. */
  async #run(lane: Lane): Promise<void> {
    this.#running++;
    // What the same commit has of this subject comes along.
    await Promise.resolve();
    while (lane.entries.length > 0 && !this.#stopped) {
      const batch = lane.entries.slice(0, lane.careful > 0 ? 1 : maxBatch);
      const done = await this.#tellBatch(batch);
      for (const { row, json } of lane.entries.splice(0, done)) {
        this.#heldEntries--;
        this.#heldChars -= json.length;
        if (--row.left === 0) this.#setTold(row);
      }
      if (done > 0) {
        lane.failures = 0;
        lane.careful = Math.max(0, lane.careful - done);
      }
      if (done === batch.length) continue;
      lane.careful = Math.max(lane.careful, batch.length - done);
      this.#tryLater(lane);
      this.#ended();
      return;
    }
    if (lane.entries.length === 0) this.#lanes.delete(lane.subject);
    this.#ended();
  }

  #ended(): void {
    if (--this.#running > 0) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #tryLater(lane: Lane): void {
    lane.failures++;
    if (this.#stopped) return;
    const timer = this.#clock.setTimeout(
      () => {
        this.#waiting.delete(lane);
        void this.#run(lane);
      },
      backoffMs(lane.failures, retry),
    );
    this.#waiting.set(lane, timer);
  }

  /** @returns how many of them, from the first, are done. */
  async #tellBatch(batch: readonly Entry[]): Promise<number> {
    // All have begun before the first is waited for.
    const telling = batch.map((entry) => {
      entry.published ??= entry.target.to === 'application' ? Promise.resolve(true) : this.#publish(entry);
      return entry.emitted || this.#emit(entry);
    });
    let failed: number | undefined;
    for (const [at, entry] of batch.entries()) {
      entry.emitted = await (telling[at] as boolean | Promise<boolean>);
      if (!(await (entry.published as Promise<boolean>))) entry.published = undefined;
      if (!entry.published || !entry.emitted) failed ??= at;
    }
    if (failed === undefined) return batch.length;
    const silent = batch.findIndex(({ emitted }) => !emitted);
    if (silent >= 0) for (const entry of batch.slice(silent)) entry.emitted = false;
    return failed;
  }

  async #publish({ target, json }: OutboxEntry): Promise<boolean> {
    try {
      if (target.to === 'user') await this.#context.publish(userChannel(target.id), json);
      if (target.to === 'access') await this.#reconsider(target);
      if (target.to === 'watcher') await this.#context.reconsider(presenceChannel(target.id), target.user);
      if (target.to === 'room') {
        await this.#context.publish(roomChannel(target.id), json, {
          position: { offset: target.rev, epoch: target.epoch },
        });
      }
      return true;
    } catch (error) {
      this.#log.warn({ err: error }, 'a change of chat could not be published; it is tried again');
      return false;
    }
  }

  #reconsider({ id, user }: EntryTarget & { readonly to: 'access' }): Promise<void> {
    return id === everyRoom && user !== undefined
      ? this.#context.reconsiderUser(roomPattern, user)
      : this.#context.reconsider(roomChannel(id), user);
  }

  async #emit({ id, target, json }: Entry): Promise<boolean> {
    if (target.to === 'user' || target.to === 'access' || target.to === 'watcher') return true;
    try {
      await this.#context.emit({
        type: `chat.${target.event}`,
        subject: subjectOf(target),
        id,
        // Made when somebody wants them.
        get json() {
          if (target.to !== 'room') return json;
          return `{"by":${JSON.stringify(target.by)},"rev":${target.rev},${json.slice(1)}`;
        },
        get time() {
          return timeOfEntry(id);
        },
      });
      return true;
    } catch (error) {
      this.#log.warn({ err: error }, 'an event of chat could not be handed over; it is tried again');
      return false;
    }
  }

  #sweepLater(): void {
    if (this.#stopped) return;
    this.#sweepTimer = this.#clock.setTimeout(() => {
      void this.#sweep(this.#behind ? 0 : graceMs).finally(() => this.#sweepLater());
    }, sweepMs);
  }

  /** Takes rows of the table older than `ageMs` that nobody holds. Never throws. */
  async #sweep(ageMs: number): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    try {
      const leftBehind = this.#leftBehind;
      const until = this.#clock.now() - ageMs;
      let last: Place | undefined;
      for (;;) {
        const page = await this.#pageOfTable(until, last);
        if (page.free.length > 0) await this.#claim(page.free, until);
        last = page.last;
        if (this.#stopped) return;
        if (last === undefined) break;
        if (this.#isFull) {
          // Also what a process before left in the table may not be overtaken.
          this.#behind = true;
          return;
        }
      }
      // That was all, if nothing was left meanwhile.
      if (leftBehind === this.#leftBehind) this.#behind = false;
    } catch (error) {
      this.#log.warn({ err: error }, 'the outbox of chat could not be read; it is tried again');
    } finally {
      this.#sweeping = false;
    }
  }

  /** Ids of rows that nobody here holds, in the order of telling. */
  async #pageOfTable(until: number, after: Place | undefined): Promise<{ free: string[]; last: Place | undefined }> {
    let query = this.#store
      .database<ChatTables>()
      .selectFrom('chat_outbox')
      .select(['created_at', 'room_id', 'rev', 'id'])
      .where('created_at', '<=', until)
      .orderBy('created_at')
      .orderBy('room_id')
      .orderBy('rev')
      .orderBy('id')
      .limit(sweepRows);
    if (after) {
      query = query.where((eb) =>
        eb(
          eb.refTuple('created_at', 'room_id', 'rev', 'id'),
          '>',
          eb.tuple(after.created_at, after.room_id, after.rev, after.id),
        ),
      );
    }
    const rows = await query.execute();
    return {
      free: rows.filter(({ id }) => !this.#held.has(id)).map(({ id }) => id),
      last: rows.length < sweepRows ? undefined : rows.at(-1),
    };
  }

  /** Reads the rows and takes them; between nodes, each is taken by one, for as long as the grace lasts. */
  async #claim(ids: readonly string[], until: number): Promise<void> {
    const rows =
      this.#store.dialect === 'sqlite'
        ? await this.#store
            .database<ChatTables>()
            .selectFrom('chat_outbox')
            .select(['id', 'entry'])
            .where('id', 'in', ids)
            .execute()
        : await this.#lease(ids, until);
    const found = new Map(rows.map(({ id, entry }) => [id, entry]));
    for (const id of ids) {
      const entry = found.get(id);
      if (entry !== undefined && !this.#held.has(id)) this.#take(decodeRow({ id, entry }), false);
    }
  }

  #lease(ids: readonly string[], until: number): Promise<{ id: string; entry: string }[]> {
    const now = this.#clock.now();
    return this.#store.transaction<ChatTables, { id: string; entry: string }[]>(async (db) => {
      const free = await db
        .selectFrom('chat_outbox')
        .select('id')
        .where('id', 'in', ids)
        .where('created_at', '<=', until)
        .forUpdate()
        .skipLocked()
        .execute();
      if (free.length === 0) return [];
      return db
        .updateTable('chat_outbox')
        .set({ created_at: now })
        .where(
          'id',
          'in',
          free.map(({ id }) => id),
        )
        .returning(['id', 'entry'])
        .execute();
    });
  }

  #deleteSoon(): void {
    if (this.#deleteTimer !== undefined || this.#stopped) return;
    this.#deleteTimer = this.#clock.setTimeout(() => {
      this.#deleteTimer = undefined;
      void this.#deleteTold();
    }, deleteMs);
  }

  /** @returns whether it could. */
  async #deleteTold(): Promise<boolean> {
    const ids = this.takeTold();
    if (ids.length === 0) return true;
    try {
      await this.#store.transaction<ChatTables, unknown>((db) =>
        db.deleteFrom('chat_outbox').where('id', 'in', ids).execute(),
      );
      this.deleted(ids);
      if (this.#told.length > 0) this.#deleteSoon();
      return true;
    } catch (error) {
      this.untakeTold(ids);
      this.#log.warn({ err: error }, 'the outbox of chat could not be emptied; it is tried again');
      return false;
    }
  }
}

/** Where a look into the table has come to. */
type Place = Pick<ChatTables['chat_outbox'], 'created_at' | 'room_id' | 'rev' | 'id'>;

function subjectOf(target: EntryTarget): string {
  return target.to === 'application' ? target.id : `${target.to}:${target.id}`;
}
