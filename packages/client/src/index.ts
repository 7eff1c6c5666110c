/** Public exports of `@tidings/client`. */
export type * from './chat/api.gen.ts';
export type * from './chat/chat.ts';
export type * from './chat/publications.ts';
export type * from './chat/views.ts';
export type { ConnectionState } from './connection/connection.ts';
export { clientErrors, TidingsError, type ClientErrorName, type TidingsErrorOptions } from './error.ts';
export { WritableStore, type Store } from './store.ts';
