/** What every part of chat works with; made by `chat-client.ts`. */
import type { Clock } from '../clock.ts';
import type { Connection } from '../connection/connection.ts';
import type { Store } from '../store.ts';
import type { ChatCache } from './cache/chat-cache.ts';
import type { CallOptions, ChatCommandName, ChatInput, ChatOutput } from './chat.ts';
import type { Outbox } from './outbox/outbox.ts';

export interface ChatContext {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly me: Store<string | undefined>;
  readonly outbox: Pick<Outbox, 'entries' | 'add' | 'retry' | 'discard' | 'onSent'>;
  call<Name extends ChatCommandName>(
    name: Name,
    input: ChatInput<Name>,
    options?: CallOptions,
  ): Promise<ChatOutput<Name>>;
  /** From this device; undefined if it has nothing, or its storage fails. */
  recall<T>(read: (cache: ChatCache) => Promise<T>): Promise<T | undefined>;
  /** Onto this device, in the order of the calls. What fails is only slower next time. */
  remember(write: (cache: ChatCache) => Promise<unknown>): void;
}
