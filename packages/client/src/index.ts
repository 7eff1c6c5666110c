/** Public exports of `@tidings/client`. */
export type * from './chat/api.gen.ts';
export type { CachedDraft, CachedState, CachedTimeline, ChatCache } from './chat/cache/chat-cache.ts';
export { newClientId } from './chat/client-id.ts';
export type { ChatStorage } from './chat/chat-storage.ts';
export type * from './chat/chat.ts';
export type { Outbox, OutboxEntry } from './chat/outbox/outbox.ts';
export type * from './chat/publications.ts';
export type * from './chat/views.ts';
export { createClient, type ClientConnection, type ClientOptions, type TidingsClient } from './client.ts';
export type { ClientTransport, ConnectionOptions } from './connection/centrifuge-connection.ts';
export type { Connection, ConnectionState } from './connection/connection.ts';
export { clientErrors, TidingsError, type ClientErrorName, type TidingsErrorOptions } from './error.ts';
export { WritableStore, type Store } from './store.ts';
