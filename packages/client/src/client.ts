/**
 * `createClient`: the one place where implementations are chosen and put together. Nothing else of the SDK imports both an
 * interface and who implements it.
 */
import { createIndexedDbCache } from './chat/cache/indexed-db.ts';
import { createMemoryCache } from './chat/cache/memory.ts';
import type { ChatCache } from './chat/cache/chat-cache.ts';
import type { Chat } from './chat/chat.ts';
import { ChatClient } from './chat/chat-client.ts';
import type { ChatStorage } from './chat/chat-storage.ts';
import { createIndexedDbOutboxStore } from './chat/outbox/indexed-db-outbox-store.ts';
import { createMemoryOutboxStore } from './chat/outbox/memory-outbox-store.ts';
import type { Outbox } from './chat/outbox/outbox.ts';
import { PersistentOutbox } from './chat/outbox/persistent-outbox.ts';
import { systemClock, type Clock } from './clock.ts';
import { CentrifugeConnection, type ConnectionOptions } from './connection/centrifuge-connection.ts';
import type { Connection, ConnectionState } from './connection/connection.ts';
import type { Store } from './store.ts';
import { createBrowserTabs } from './tabs/browser-tabs.ts';
import { createSingleTab } from './tabs/single-tab.ts';
import type { Tabs } from './tabs/tabs.ts';

/** Where the server is, who the user is, and where things are kept. */
export interface ClientOptions extends ConnectionOptions {
  /**
   * Where messages that wait to be sent, and what was seen, are kept: `auto` in IndexedDB where there is one, so that both
   * survive a reload, else as `memory`, as long as the client lives; or a storage of your own, opened for a user (an empty
   * id: for somebody who is not signed in).
   */
  readonly storage?: 'auto' | 'memory' | ((user: string, connection: Connection) => Promise<ChatStorage>);
  /** Time, for tests. */
  readonly clock?: Clock;
}

/** A client: its connection, and its chat. `createClient` makes it. */
export interface TidingsClient extends AsyncDisposable {
  readonly connection: ClientConnection;
  readonly chat: Chat;
  /** Connects, and stays so, until `close`. */
  connect(): void;
  /** Writes down what is to be kept, and disconnects. Nothing can be done with the client afterwards. */
  close(): Promise<void>;
  /** Forgets everything of this user on this device, also what was not sent, and closes. */
  signOut(): Promise<void>;
}

/** What an application sees of the connection. */
export interface ClientConnection {
  readonly state: Store<ConnectionState>;
  /** Id of the user as the token says. */
  readonly user: Store<string | undefined>;
}

/**
 * A client of a server of Tidings. It does nothing until `connect` is called, but for showing what the device remembers.
 * @throws TidingsError `invalid` for a URL that is none.
 */
export function createClient(options: ClientOptions): TidingsClient {
  const clock = options.clock ?? systemClock;
  const connection = new CentrifugeConnection(options, clock);
  const { storage = 'auto' } = options;
  const chat = new ChatClient({
    connection,
    clock,
    async openStorage(user) {
      if (typeof storage === 'function') return storage(user, connection);
      const isKept = storage === 'auto' && user !== '' && typeof indexedDB !== 'undefined';
      return isKept ? openDeviceStorage(user, connection, clock) : openMemoryStorage(connection, clock);
    },
  });
  const close = async (): Promise<void> => {
    await chat[Symbol.asyncDispose]();
    await connection.close();
  };
  return {
    connection,
    chat,
    connect: () => connection.connect(),
    close,
    async signOut() {
      try {
        await chat.clear();
      } finally {
        await close();
      }
    },
    [Symbol.asyncDispose]: close,
  };
}

function openDeviceStorage(user: string, connection: Connection, clock: Clock): ChatStorage {
  const name = `tidings:${connection.httpUrl}:${user}`;
  const tabs = typeof BroadcastChannel === 'undefined' ? createSingleTab() : createBrowserTabs(name, clock);
  const store = createIndexedDbOutboxStore(`${name}:outbox`);
  return together(
    createIndexedDbCache(`${name}:cache`),
    new PersistentOutbox({ connection, store, tabs, clock }),
    tabs,
  );
}

function openMemoryStorage(connection: Connection, clock: Clock): ChatStorage {
  const tabs = createSingleTab();
  const store = createMemoryOutboxStore();
  return together(createMemoryCache(), new PersistentOutbox({ connection, store, tabs, clock }), tabs);
}

function together(cache: ChatCache, outbox: Outbox, tabs: Tabs): ChatStorage {
  return {
    cache,
    outbox,
    tabs,
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([cache, outbox].map((part) => part[Symbol.asyncDispose]()));
      await tabs[Symbol.asyncDispose]();
    },
  };
}
