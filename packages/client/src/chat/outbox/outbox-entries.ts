/**
 * What waits to be sent, as this tab knows it: the storage's records, those on their way into it, and those that could not
 * be stored. Tabs tell each other that something changed, and read it.
 */
import type { Clock } from '../../clock.ts';
import { TidingsError } from '../../error.ts';
import { WritableStore } from '../../store.ts';
import type { Tabs } from '../../tabs/tabs.ts';
import type { Message } from '../publications.ts';
import { EntryView } from './entry-view.ts';
import { maxOutboxBytes, maxOutboxEntries, type OutboxEntry } from './outbox.ts';
import type { OutboxRecord, OutboxStore } from './outbox-store.ts';

/** How long what was sent stays in the storage, for tabs that have not read it yet. */
const sentStaysMs = 5_000;
const [changedTopic, progressTopic, clearTopic] = ['outbox', 'outbox-progress', 'outbox-clear'];

interface Progress {
  readonly clientId: string;
  readonly key: string;
  readonly sentBytes: number;
}

export class OutboxEntries {
  readonly views: WritableStore<readonly OutboxEntry[]> = new WritableStore<readonly OutboxEntry[]>([]);
  readonly #store: OutboxStore;
  readonly #tabs: Tabs;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #known = new Map<string, EntryView>();
  /** On their way into the storage. */
  readonly #adding = new Map<string, Promise<void>>();
  readonly #writing = new Set<Promise<void>>();
  /** Sent or discarded, whatever the storage still says. */
  readonly #settled = new Set<string>();
  readonly #sentListeners = new Set<(message: Message) => void>();
  readonly #timers = new Set<unknown>();
  readonly #stops: (() => void)[];
  /** Raised by every change made here: what was read before it is old. */
  #version = 0;
  #reading: Promise<void> | undefined;
  #isForgetful = false;
  #isClosed = false;

  /** @param onChange called after every change, also of what is not shown. */
  constructor(store: OutboxStore, tabs: Tabs, clock: Clock, onChange: () => void) {
    this.#store = store;
    this.#tabs = tabs;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#stops = [
      tabs.onMessage(changedTopic, () => void this.read()),
      tabs.onMessage(clearTopic, () => this.#clearedElsewhere()),
      tabs.onMessage(progressTopic, (message) => this.#heardProgress(message as Progress)),
    ];
  }

  /** In the order they were written, without those that were refused. */
  waiting(room: string): readonly EntryView[] {
    return this.#inOrder().filter(({ record }) => record.room === room && !record.failure);
  }

  get rooms(): ReadonlySet<string> {
    return new Set([...this.#known.values()].map(({ record }) => record.room));
  }

  /** The storage was cleared. What is in it from now on is no longer of this tab. */
  get isForgetful(): boolean {
    return this.#isForgetful;
  }

  has(clientId: string): boolean {
    return this.#known.has(clientId);
  }

  onSent(listener: (message: Message) => void): () => void {
    const own = (message: Message): void => listener(message);
    this.#sentListeners.add(own);
    return () => void this.#sentListeners.delete(own);
  }

  /** @throws TidingsError `storage` at once, if more waits than may. */
  add(draft: Omit<OutboxRecord, 'createdAt' | 'revision'>, files: ReadonlyMap<string, Blob>): Promise<void> {
    const latest = Math.max(0, ...[...this.#known.values()].map(({ record }) => record.createdAt));
    // A clock that was set back does not change the order.
    const record = { ...draft, createdAt: Math.max(this.#clock.now(), latest + 1), revision: 1 };
    this.#checkRoom(record);
    const { clientId } = record;
    this.#known.set(clientId, new EntryView(record, 'adding', files));
    const adding = this.#keep(record, files).then(
      () => this.#added(clientId, 'stored'),
      (error: unknown) => {
        this.#added(clientId, 'here');
        throw error;
      },
    );
    this.#adding.set(clientId, adding);
    this.#publish();
    return adding;
  }

  /** Changes a record, here and in the storage. */
  async change(clientId: string, change: (record: OutboxRecord) => OutboxRecord): Promise<void> {
    const entry = this.#known.get(clientId);
    if (!entry) return;
    const next = (record: OutboxRecord): OutboxRecord => ({ ...change(record), revision: record.revision + 1 });
    this.#known.set(clientId, entry.with(next(entry.record)));
    this.#publish();
    await this.#write(() => this.#store.change(clientId, next));
  }

  setProgress(clientId: string, key: string, sentBytes: number): void {
    const progress = { clientId, key, sentBytes };
    this.#heardProgress(progress);
    this.#tabs.send(progressTopic, progress);
  }

  /** The bytes of a file, here or in the storage. @throws TidingsError `storage`, temporary. */
  async file(entry: EntryView, key: string): Promise<Blob | undefined> {
    try {
      return entry.files.get(key) ?? (await this.#store.file(entry.record.clientId, key));
    } catch (error) {
      throw TidingsError.of('storage', 'the file cannot be read at present', { isTemporary: true, cause: error });
    }
  }

  /** The server has it. */
  settle(clientId: string, message: Message): void {
    this.#tellSent(clientId, message);
    this.#publish();
    void this.#write(() => this.#store.change(clientId, (record) => ({ ...record, sent: message })));
    this.#removeLater(clientId);
  }

  discard(clientId: string): void {
    this.#forget(clientId);
    this.#publish();
    void this.#write(() => this.#store.remove(clientId));
  }

  async clear(): Promise<void> {
    this.#isForgetful = true;
    this.#tabs.send(clearTopic, undefined);
    for (const clientId of this.#known.keys()) this.#forget(clientId);
    this.#publish();
    await this.#write(() => this.#store.clear());
  }

  /** Reads what is stored; a read that runs is joined, and repeated if something changed here meanwhile. */
  read(): Promise<void> {
    if (this.#isForgetful) return Promise.resolve();
    this.#version += 1;
    this.#reading ??= this.#readUntilFresh().finally(() => void (this.#reading = undefined));
    return this.#reading;
  }

  /** Has the other tabs read what is stored. */
  tell(): void {
    this.#tabs.send(changedTopic, undefined);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const stop of this.#stops) stop();
    for (const timer of this.#timers) this.#clock.clearTimeout(timer);
    // What was discarded last must not come back.
    await Promise.allSettled([...this.#adding.values(), ...this.#writing, this.#reading]);
    for (const entry of this.#known.values()) entry.dispose();
    await this.#store[Symbol.asyncDispose]();
  }

  async #readUntilFresh(): Promise<void> {
    for (let version = -1; version !== this.#version && !this.#isForgetful && !this.#isClosed;) {
      version = this.#version;
      try {
        const records = await this.#store.all();
        if (version === this.#version && !this.#isForgetful) this.#take(records);
      } catch {
        // It goes on with what it knows.
        return;
      }
    }
  }

  #take(records: readonly OutboxRecord[]): void {
    const stored = new Set(records.map(({ clientId }) => clientId));
    for (const record of records) {
      const { clientId, sent } = record;
      const known = this.#known.get(clientId);
      if (this.#settled.has(clientId)) continue;
      if (sent) {
        this.#tellSent(clientId, sent);
        this.#removeLater(clientId);
      } else if (!known) {
        this.#known.set(clientId, new EntryView(record, 'stored', new Map()));
        void this.#showPictures(record);
      } else if (record.revision > known.record.revision) {
        this.#known.set(clientId, known.with(record));
      }
    }
    for (const [clientId, { where }] of this.#known) {
      // Another tab has discarded it.
      if (where === 'stored' && !stored.has(clientId)) this.#forget(clientId);
    }
    for (const clientId of this.#settled) {
      if (!stored.has(clientId) && !this.#adding.has(clientId)) this.#settled.delete(clientId);
    }
    this.#publish();
  }

  /** Of a message that was written before a reload, or in another tab. */
  async #showPictures({ clientId, files }: OutboxRecord): Promise<void> {
    if (typeof document === 'undefined') return;
    for (const { key, contentType } of files) {
      if (!contentType.startsWith('image/')) continue;
      const bytes = await this.#store.file(clientId, key).catch(() => undefined);
      const entry = this.#known.get(clientId);
      if (!bytes || !entry) return;
      this.#known.set(clientId, entry.withFile(key, bytes));
      this.#publish();
    }
  }

  /** @throws TidingsError `storage`. */
  #checkRoom(record: OutboxRecord): void {
    if (this.#known.size >= maxOutboxEntries) {
      throw TidingsError.of('storage', `${maxOutboxEntries} messages wait to be sent, and that is the most that may`);
    }
    const bytes = [...this.#known.values()].reduce((sum, known) => sum + known.record.bytes, record.bytes);
    if (bytes > maxOutboxBytes) {
      throw TidingsError.of('storage', `${bytes} bytes would wait to be sent; at most ${maxOutboxBytes}`);
    }
  }

  async #keep(record: OutboxRecord, files: ReadonlyMap<string, Blob>): Promise<void> {
    if (this.#isForgetful) throw TidingsError.of('storage', 'what this device keeps was cleared');
    await this.#store.add(record, files);
  }

  /** What was on its way may have come behind the clearing. */
  #clearedElsewhere(): void {
    this.#isForgetful = true;
    for (const clientId of this.#known.keys()) this.discard(clientId);
    this.#publish();
  }

  #added(clientId: string, where: 'stored' | 'here'): void {
    this.#adding.delete(clientId);
    this.#version += 1;
    const entry = this.#known.get(clientId);
    if (entry) {
      entry.where = where;
      this.#publish();
      this.tell();
    } else if (where === 'stored') {
      // Discarded meanwhile.
      void this.#write(() => this.#store.remove(clientId));
    }
  }

  /** What fails in the storage holds as long as this tab lives. */
  #write(write: () => Promise<void>): Promise<void> {
    const done = (isWritten: boolean): void => {
      this.#version += 1;
      this.#writing.delete(writing);
      if (isWritten && !this.#isClosed) this.tell();
    };
    this.#version += 1;
    const writing = write().then(
      () => done(true),
      () => done(false),
    );
    this.#writing.add(writing);
    return writing;
  }

  #tellSent(clientId: string, message: Message): void {
    for (const listener of [...this.#sentListeners]) listener(message);
    this.#forget(clientId);
  }

  #forget(clientId: string): void {
    this.#settled.add(clientId);
    this.#known.get(clientId)?.dispose();
    this.#known.delete(clientId);
  }

  #removeLater(clientId: string): void {
    const timer = this.#clock.setTimeout(() => {
      this.#timers.delete(timer);
      void this.#write(() => this.#store.remove(clientId));
    }, sentStaysMs);
    this.#timers.add(timer);
  }

  #heardProgress({ clientId, key, sentBytes }: Progress): void {
    const entry = this.#known.get(clientId);
    if (!entry) return;
    this.#known.set(clientId, entry.withProgress(key, sentBytes));
    this.#publish();
  }

  #inOrder(): EntryView[] {
    return [...this.#known.values()].toSorted(
      (a, b) => a.record.createdAt - b.record.createdAt || (a.record.clientId < b.record.clientId ? -1 : 1),
    );
  }

  #publish(): void {
    const [old, views] = [this.views.get(), this.#inOrder().map(({ view }) => view)];
    if (old.length !== views.length || views.some((view, at) => view !== old[at])) this.views.set(views);
    this.#onChange();
  }
}
