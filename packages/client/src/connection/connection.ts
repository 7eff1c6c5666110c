/**
 * What the features of the SDK need of a connection. Transports, reconnecting, tokens and recovery are the work of npm
 * `centrifuge`; `centrifuge-connection.ts` puts it behind this interface, so that features can be tested with a network
 * that a test turns.
 */
import type { Store } from '../store.ts';

/** Whether there is a connection, since when, and why not. */
export interface ConnectionState {
  /**
   * idle: `connect` was not called yet · connecting: the first attempt, or again after a cut · online: live · offline: the
   * device says that it has no network, or attempts fail; it goes on trying · closed: for good, by `close` or because
   * the server said so (`reason`).
   */
  readonly status: 'idle' | 'connecting' | 'online' | 'offline' | 'closed';
  /** Unix milliseconds of the last change of `status`. */
  readonly sinceMs: number;
  /** Why it is not online; codes as in ERRORS.md. */
  readonly reason?: { readonly code: number; readonly message: string };
}

/** Where a client stands in the stream of a channel. */
export interface ChannelPosition {
  readonly offset: number;
  readonly epoch: string;
}

export interface ChannelListener {
  /** `offset` is absent for signals, which are not kept. */
  publication(data: unknown, offset: number | undefined): void;
  /**
   * Live from here. `recovered`: everything since the position follows as publications, nothing is missing. Otherwise
   * `position` is where the stream stands now, and what was before must be read.
   */
  subscribed(state: { readonly recovered: boolean; readonly position: ChannelPosition | undefined }): void;
  /** Not live for now; it comes back by itself. */
  interrupted?(): void;
  /** Ended by the server for good: no permission, or gone. */
  ended?(reason: { readonly code: number; readonly message: string }): void;
}

export interface ChannelSubscription {
  readonly isLive: boolean;
  /** Nothing more is called. */
  unsubscribe(): void;
}

/** How a command is called. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** The way to the server: calls, and subscriptions to channels. */
export interface Connection {
  readonly state: Store<ConnectionState>;
  /** Id of the user as the token says; undefined before the first token, and for anonymous clients. */
  readonly user: Store<string | undefined>;
  connect(): void;
  /**
   * Calls a method of the server and resolves with its answer. It does not wait for a connection that is not there: who
   * wants to wait asks `state`.
   * @throws TidingsError with the server's code; `offline` while there is no connection; `timeout`; 606 and
   * `invalid`, without asking the server, for what no frame can carry and what is not JSON.
   */
  call<T>(method: string, data: unknown, options?: CallOptions): Promise<T>;
  /** One subscription per channel and listener; the same channel may be subscribed to by several listeners. */
  subscribe(channel: string, listener: ChannelListener, since?: ChannelPosition): ChannelSubscription;
  /** Base URL of the server's HTTP, without a slash at the end, for files. */
  readonly httpUrl: string;
  close(): Promise<void>;
}
