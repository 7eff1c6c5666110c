/**
 * A `ChatContext` for unit tests: calls wait until the test answers them, time until the test turns it, and channels are
 * what the test says of them. What is remembered lies in a cache in memory.
 */
import type { Clock } from '../../clock.ts';
import type { ChannelListener, ChannelPosition, Connection, ConnectionState } from '../../connection/connection.ts';
import { WritableStore } from '../../store.ts';
import type { ChatCache } from '../cache/chat-cache.ts';
import { createMemoryCache } from '../cache/memory.ts';
import type { ChatContext } from '../chat-context.ts';
import type { OutboxEntry } from '../outbox/outbox.ts';

export interface ScriptedCall {
  readonly name: string;
  readonly input: unknown;
  answer(value: unknown): Promise<void>;
  fail(error: unknown): Promise<void>;
}

export interface ScriptedChannel {
  readonly listener: ChannelListener;
  readonly since: ChannelPosition | undefined;
}

export interface ScriptedContext extends ChatContext {
  /** Not answered yet, the oldest first. */
  readonly calls: ScriptedCall[];
  readonly entries: WritableStore<readonly OutboxEntry[]>;
  readonly state: WritableStore<ConnectionState>;
  /** Subscribed to, by name. */
  readonly channels: ReadonlyMap<string, ScriptedChannel>;
  readonly cache: ChatCache;
  readonly user: WritableStore<string | undefined>;
}

/** What follows from what just happened. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function createScriptedContext(clock: Clock, me = 'me'): ScriptedContext {
  const user = new WritableStore<string | undefined>(me);
  const calls: ScriptedCall[] = [];
  const entries = new WritableStore<readonly OutboxEntry[]>([]);
  const state = new WritableStore<ConnectionState>({ status: 'online', sinceMs: 0 });
  const channels = new Map<string, ScriptedChannel>();
  const cache = createMemoryCache();
  const subscribe: Connection['subscribe'] = (name, listener, since) => {
    channels.set(name, { listener, since });
    return { isLive: true, unsubscribe: () => void channels.delete(name) };
  };
  const call = (name: string, input: unknown): Promise<unknown> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const end = async (then: () => void): Promise<void> => {
      calls.splice(calls.indexOf(scripted), 1);
      then();
      await settle();
    };
    const scripted: ScriptedCall = {
      name,
      input,
      answer: (value) => end(() => resolve(value)),
      fail: (error) => end(() => reject(error)),
    };
    calls.push(scripted);
    return promise;
  };
  return {
    calls,
    entries,
    state,
    clock,
    channels,
    cache,
    user,
    connection: {
      ...{ state, subscribe, user, httpUrl: 'http://server.test' },
      connect() {},
      async close() {},
      call: <T>(method: string, input: unknown) => call(method.replace(/^chat\./, ''), input) as Promise<T>,
    },
    me: user,
    outbox: { entries } as unknown as ChatContext['outbox'],
    call: call as ChatContext['call'],
    recall: (read) => read(cache),
    remember: (write) => void write(cache),
  };
}
