/** A `ChatContext` for unit tests: calls wait until the test answers them, and time until the test turns it. */
import type { Clock } from '../../clock.ts';
import type { Connection, ConnectionState } from '../../connection/connection.ts';
import { WritableStore } from '../../store.ts';
import type { ChatContext } from '../chat-context.ts';
import type { OutboxEntry } from '../outbox/outbox.ts';

export interface ScriptedCall {
  readonly name: string;
  readonly input: unknown;
  answer(value: unknown): Promise<void>;
  fail(error: unknown): Promise<void>;
}

export interface ScriptedContext extends ChatContext {
  /** Not answered yet, the oldest first. */
  readonly calls: ScriptedCall[];
  readonly entries: WritableStore<readonly OutboxEntry[]>;
  readonly state: WritableStore<ConnectionState>;
}

/** What follows from what just happened. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function createScriptedContext(clock: Clock, me = 'me'): ScriptedContext {
  const calls: ScriptedCall[] = [];
  const entries = new WritableStore<readonly OutboxEntry[]>([]);
  const state = new WritableStore<ConnectionState>({ status: 'online', sinceMs: 0 });
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
    connection: { state } as unknown as Connection,
    me: new WritableStore<string | undefined>(me),
    outbox: { entries } as unknown as ChatContext['outbox'],
    call: call as ChatContext['call'],
    recall: () => Promise.resolve(undefined),
    remember: () => undefined,
  };
}
