/**
 * Tabs with an outbox each, and a server, in one process: everything that takes time is a step, at which a tab can die.
 * The network of each tab is turned by the test.
 */
import { FakeClock } from '@tidings/server/testing';
import { checkSize } from '../../../connection/check-size.ts';
import type { CallOptions, Connection, ConnectionState } from '../../../connection/connection.ts';
import { TidingsError } from '../../../error.ts';
import { WritableStore } from '../../../store.ts';
import { createBrowserTabs } from '../../../tabs/browser-tabs.ts';
import type { Tabs } from '../../../tabs/tabs.ts';
import type { ChatInput } from '../../chat.ts';
import type { Message } from '../../publications.ts';
import { PersistentOutbox } from '../persistent-outbox.ts';
import type { OutboxStore } from '../outbox-store.ts';

/** What happens to one call on its way. */
export type Fault = 'none' | 'lost on the way' | 'answer lost' | 'not available' | 'slow mode';

let names = 0;

export class OutboxWorld {
  readonly clock = new FakeClock();
  /** What the server has, in the order in which it came. */
  readonly received: Message[] = [];
  /** How often each client id came. */
  readonly deliveries = new Map<string, number>();
  /** Names of uploaded files, in order; their attachments are `<name> 1`, `<name> 2` … */
  readonly uploaded: string[] = [];
  /** Attachments that have expired. */
  readonly expired = new Set<string>();
  /** For the calls that come next. */
  readonly faults: Fault[] = [];
  readonly #openStore: () => OutboxStore;
  readonly #name = `world ${process.pid} ${(names += 1)}`;
  readonly #tabs = new Set<WorldTab>();

  /** @param openStore the same one for all tabs. */
  constructor(openStore: () => OutboxStore) {
    this.#openStore = openStore;
  }

  open(): WorldTab {
    const tab = new WorldTab(this, this.#openStore(), createBrowserTabs(this.#name, this.clock));
    this.#tabs.add(tab);
    return tab;
  }

  get alive(): readonly WorldTab[] {
    return [...this.#tabs].filter(({ isDead }) => !isDead);
  }

  /** Texts in the order in which the server got them. */
  texts(room: string): (string | undefined)[] {
    return this.received.filter((message) => message.room === room).map(({ text }) => text);
  }

  /** The server: what has come before is answered with what there is; `refused …` is refused. */
  take({ room, clientId = '', text = '', attachments = [] }: ChatInput<'send'>): Message {
    this.deliveries.set(clientId, (this.deliveries.get(clientId) ?? 0) + 1);
    const gone = attachments.find((id) => this.expired.has(id));
    if (gone !== undefined) throw new TidingsError(617, `no such attachment: ${gone}`);
    if (text.startsWith('refused')) throw new TidingsError(604, 'not allowed: send');
    const known = this.received.find((message) => message.room === room && message.clientId === clientId);
    if (known) return known;
    const seq = this.texts(room).length + 1;
    const message: Message = {
      ...{ room, seq, clientId, text, id: `${room}-${seq}`, sender: 'ann', kind: 'text' },
      ...{ version: 1, createdAt: this.clock.now(), rev: seq },
    };
    this.received.push(message);
    return message;
  }

  /** Stands for `fetch`: the bytes of an upload have come. */
  readonly receive = async (url: string): Promise<Response> => {
    const name = decodeURIComponent(url.slice(1));
    const id = `${name} ${this.uploaded.push(name)}`;
    return Response.json({ attachment: { id, name, contentType: 'text/plain', bytes: 1, url } });
  };

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 25; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await this.settle();
  }

  async close(): Promise<void> {
    for (const tab of this.#tabs) await tab.close();
  }
}

export class WorldTab {
  readonly outbox: PersistentOutbox;
  readonly state = new WritableStore<ConnectionState>({ status: 'online', sinceMs: 0 });
  readonly sent: Message[] = [];
  isDead = false;
  /** It dies at this many steps from now. */
  diesIn: number | undefined;
  readonly #world: OutboxWorld;
  readonly #tabs: Tabs;

  constructor(world: OutboxWorld, store: OutboxStore, tabs: Tabs) {
    this.#world = world;
    this.#tabs = tabs;
    const connection = { state: this.state, call: this.#call, httpUrl: '' } as unknown as Connection;
    this.outbox = new PersistentOutbox({ connection, store: this.#mortal(store), tabs, clock: world.clock });
    this.outbox.onSent((message) => void this.sent.push(message));
  }

  set isOnline(isOnline: boolean) {
    this.state.set({ status: isOnline ? 'online' : 'offline', sinceMs: this.#world.clock.now() });
  }

  /** As the browser ends a tab: at once, without a word. Its locks are free. */
  die(): void {
    this.isDead = true;
    void this.#tabs[Symbol.asyncDispose]();
  }

  async close(): Promise<void> {
    if (this.isDead) return;
    this.diesIn = undefined;
    await this.outbox[Symbol.asyncDispose]();
    await this.#tabs[Symbol.asyncDispose]();
    this.isDead = true;
  }

  readonly #call = async (method: string, data: unknown, { signal }: CallOptions = {}): Promise<unknown> => {
    const world = this.#world;
    if (this.state.get().status !== 'online') throw TidingsError.of('offline');
    checkSize(data);
    const fault = world.faults.shift() ?? 'none';
    await this.#step();
    if (signal?.aborted) throw TidingsError.of('aborted');
    if (fault === 'lost on the way') throw TidingsError.of('timeout');
    if (fault === 'not available') throw new TidingsError(619, 'away', { isTemporary: true });
    if (fault === 'slow mode') throw new TidingsError(609, 'wait', { isTemporary: true });
    if (method === 'chat.upload') return { url: `/${encodeURIComponent((data as ChatInput<'upload'>).name)}` };
    const message = world.take(data as ChatInput<'send'>);
    await this.#step();
    if (fault === 'answer lost') throw TidingsError.of('timeout');
    return { message };
  };

  /** The store, with a step before and after everything. */
  #mortal(store: OutboxStore): OutboxStore {
    const guard =
      <Arguments extends unknown[], T>(method: (...given: Arguments) => Promise<T>) =>
      async (...given: Arguments): Promise<T> => {
        await this.#step();
        const result = await method(...given);
        await this.#step();
        return result;
      };
    return {
      all: guard(() => store.all()),
      add: guard((record, files) => store.add(record, files)),
      file: guard((clientId, key) => store.file(clientId, key)),
      change: guard((clientId, change) => store.change(clientId, change)),
      remove: guard((clientId) => store.remove(clientId)),
      clear: guard(() => store.clear()),
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    };
  }

  /** Nothing of a dead tab goes on. */
  async #step(): Promise<void> {
    if (this.diesIn !== undefined && !this.isDead && (this.diesIn -= 1) < 0) this.die();
    if (this.isDead) await new Promise<never>(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    if (this.isDead) await new Promise<never>(() => {});
  }
}
