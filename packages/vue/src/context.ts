/** Which client the composables of a component use: the one that a component above has provided, or the app. */
import type { Chat, ConnectionState, Store } from '@tidings/client';
import { inject, provide, type App, type InjectionKey } from 'vue';

/** What the composables need of a client; `createClient` makes it. */
export interface TidingsSource {
  readonly chat: Chat;
  readonly connection: { readonly state: Store<ConnectionState> };
}

const key: InjectionKey<TidingsSource> = Symbol('tidings');

/**
 * Gives the client to this component's children.
 * @param app gives it to every component of the app instead; to be called before `mount`.
 */
export function provideTidings(client: TidingsSource, app?: App): void {
  if (app === undefined) provide(key, client);
  else app.provide(key, client);
}

/**
 * The client that was provided.
 * @throws Error if no component above, nor the app, has provided one.
 */
export function useTidings(): TidingsSource {
  const client = inject(key, undefined);
  if (client === undefined) {
    throw new Error(
      'There is no client: call provideTidings(client) in a component above, or provideTidings(client, app)',
    );
  }
  return client;
}
