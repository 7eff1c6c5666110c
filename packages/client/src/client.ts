/**
 * `createClient`: the one place where implementations are chosen and put together. Nothing else of the SDK imports both an
 * interface and who implements it.
 */
import { createMemoryCache } from './chat/cache/memory.ts';
import type { Chat } from './chat/chat.ts';
import { ChatClient } from './chat/chat-client.ts';
import type { ChatStorage } from './chat/chat-storage.ts';
import { createPlainOutbox } from './chat/testing/plain-outbox.ts';
import { systemClock, type Clock } from './clock.ts';
import { CentrifugeConnection, type ConnectionOptions } from './connection/centrifuge-connection.ts';
import type { Connection, ConnectionState } from './connection/connection.ts';
import { TidingsError } from './error.ts';
import type { Store } from './store.ts';

export interface ClientOptions extends ConnectionOptions {
  /**
   * Where messages that wait to be sent, and what was seen, are kept: `auto` in IndexedDB where there is one, so that both
   * survive a reload, else as `memory`, as long as the client lives; or a storage of your own, opened for a user.
   */
  readonly storage?: 'auto' | 'memory' | ((user: string, connection: Connection) => Promise<ChatStorage>);
  /** Time, for tests. */
  readonly clock?: Clock;
}

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
    openStorage: (user) => (typeof storage === 'function' ? storage(user, connection) : openMemory(connection, clock)),
    upload: () => Promise.reject(TidingsError.of('invalid', 'not yet')),
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
      await chat.clear();
      await close();
    },
    [Symbol.asyncDispose]: close,
  };
}

async function openMemory(connection: Connection, clock: Clock): Promise<ChatStorage> {
  const [cache, outbox] = [createMemoryCache(), createPlainOutbox(connection, clock)];
  return {
    cache,
    outbox,
    claim: () => Promise.resolve(true),
    async [Symbol.asyncDispose]() {
      await outbox[Symbol.asyncDispose]();
      await cache[Symbol.asyncDispose]();
    },
  };
}
