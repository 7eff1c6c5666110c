/** A device of a user in model tests: a client that can die and start again with what it had kept. */
import type { Clock } from '../../clock.ts';
import { createSingleTab } from '../../tabs/single-tab.ts';
import { createMemoryCache } from '../cache/memory.ts';
import type { ChatCache } from '../cache/chat-cache.ts';
import { ChatClient } from '../chat-client.ts';
import type { ChatNotice, ChatRoom, ChatThread } from '../chat.ts';
import { createMemoryOutboxStore } from '../outbox/memory-outbox-store.ts';
import type { OutboxStore } from '../outbox/outbox-store.ts';
import { PersistentOutbox } from '../outbox/persistent-outbox.ts';
import { TurnedConnection, type TestSocket } from './turned-connection.ts';

export interface TestDeviceOptions {
  readonly user: string;
  readonly token: string;
  readonly clock: Clock;
  readonly dial: () => TestSocket;
}

export class TestDevice {
  readonly user: string;
  readonly notices: ChatNotice[] = [];
  readonly #options: TestDeviceOptions;
  readonly #cache = createMemoryCache();
  readonly #outbox = createMemoryOutboxStore();
  readonly rooms = new Map<string, ChatRoom>();
  readonly threads = new Map<string, ChatThread>();
  #life = new Life();
  connection!: TurnedConnection;
  chat!: ChatClient;

  constructor(options: TestDeviceOptions) {
    this.user = options.user;
    this.#options = options;
    this.start();
  }

  start(): void {
    const { user, token, dial, clock } = this.#options;
    const life = new Life();
    this.#life = life;
    const ownClock = life.clock(clock);
    const connection = new TurnedConnection({ user, token, dial, clock: ownClock });
    const cache: ChatCache = life.guard(this.#cache);
    const store: OutboxStore = life.guard(this.#outbox);
    const tabs = createSingleTab();
    this.connection = connection;
    this.chat = new ChatClient({
      connection,
      clock: ownClock,
      async openStorage() {
        return {
          cache,
          outbox: new PersistentOutbox({ connection, store, tabs, clock: ownClock }),
          tabs,
          async [Symbol.asyncDispose]() {},
        };
      },
    });
    this.chat.onNotice((notice) => this.notices.push(notice));
    connection.connect();
  }

  /** Without a word, as when a process is killed. */
  die(): void {
    this.#life.end();
    this.connection.cut();
    this.rooms.clear();
    this.threads.clear();
  }

  open(id: string): ChatRoom {
    const room = this.rooms.get(id) ?? this.chat.room(id);
    this.rooms.set(id, room);
    return room;
  }

  async closeRoom(id: string): Promise<void> {
    const room = this.rooms.get(id);
    this.rooms.delete(id);
    for (const [key, thread] of this.threads) if (thread.room === id) this.threads.delete(key);
    await room?.close();
  }

  openThread(id: string, seq: number): ChatThread {
    const key = `${id}:${seq}`;
    const thread = this.threads.get(key) ?? this.open(id).thread(seq);
    this.threads.set(key, thread);
    return thread;
  }
}

/** What a process can do as long as it lives. */
class Life {
  #isOver = false;

  end(): void {
    this.#isOver = true;
  }

  clock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      setTimeout: (run, delayMs) =>
        clock.setTimeout(() => {
          if (!this.#isOver) run();
        }, delayMs),
      clearTimeout: (timer) => clock.clearTimeout(timer),
    };
  }

  /** Calls of methods do nothing any more once it is over. */
  guard<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (of, name) => {
        const value = Reflect.get(of, name) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown =>
          this.#isOver ? new Promise(() => undefined) : (value as (...args: unknown[]) => unknown).apply(of, args);
      },
    });
  }
}
