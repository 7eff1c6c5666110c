/**
 * Whether users are online, of those who are watched: the channel of each for those watched first, and asking now and then
 * for the rest, because a connection may subscribe to so many channels only.
 */
import type { ChannelSubscription } from '../connection/connection.ts';
import type { Store } from '../store.ts';
import { WatchedStore } from '../watched-store.ts';
import type { ChatContext } from './chat-context.ts';
import { Coalesced } from './coalesced.ts';
import type { UserPresence } from './publications.ts';
import type { PresenceView } from './views.ts';

const maxSubscriptions = 50;
const usersPerCall = 100;
const gatherMs = 20;
const askEveryMs = 30_000;
/** Watched again within this, as when a list is drawn anew, nothing is subscribed to anew. */
const lingerMs = 5_000;

interface Watched {
  readonly store: WatchedStore<PresenceView>;
  subscription?: ChannelSubscription;
  lingerTimer?: unknown;
}

export class Presences {
  readonly #context: ChatContext;
  readonly #users = new Map<string, Watched>();
  readonly #asked = new Set<string>();
  readonly #ask: Coalesced;
  readonly #askAgain: Coalesced;
  #subscriptions = 0;

  constructor(context: ChatContext) {
    this.#context = context;
    this.#ask = new Coalesced(context.clock, gatherMs, () => void this.#fetch());
    this.#askAgain = new Coalesced(context.clock, askEveryMs, () => this.#askRest());
  }

  presence(user: string): Store<PresenceView> {
    let watched = this.#users.get(user);
    if (!watched) {
      const store = new WatchedStore<PresenceView>(
        { user, status: 'unknown' },
        () => this.#watch(user),
        () => this.#unwatch(user),
      );
      watched = { store };
      this.#users.set(user, watched);
    }
    return watched.store;
  }

  /** What was told before the cut may no longer be so. */
  online(): void {
    for (const [user, { store }] of this.#users) if (store.isWatched) this.#want(user);
  }

  close(): void {
    this.#ask.cancel();
    this.#askAgain.cancel();
    for (const { subscription, lingerTimer } of this.#users.values()) {
      this.#context.clock.clearTimeout(lingerTimer);
      subscription?.unsubscribe();
    }
  }

  #watch(user: string): void {
    const watched = this.#users.get(user);
    if (!watched) return;
    this.#context.clock.clearTimeout(watched.lingerTimer);
    if (watched.subscription) return;
    if (this.#subscriptions < maxSubscriptions) {
      this.#subscriptions++;
      watched.subscription = this.#context.connection.subscribe(`chat:presence:${user}`, {
        publication: (data) => this.#heard(data as UserPresence),
        subscribed: () => undefined,
        ended: () => this.#lost(user),
      });
    }
    this.#want(user);
  }

  #unwatch(user: string): void {
    const watched = this.#users.get(user);
    if (!watched) return;
    watched.lingerTimer = this.#context.clock.setTimeout(() => {
      if (watched.store.isWatched) return;
      if (watched.subscription) this.#subscriptions--;
      watched.subscription?.unsubscribe();
      delete watched.subscription;
      watched.store.set({ user, status: 'unknown' });
    }, lingerMs);
  }

  /** The server would not have it, or no longer: what was told may not hold. Asked with the rest from now on. */
  #lost(user: string): void {
    const watched = this.#users.get(user);
    if (!watched?.subscription) return;
    this.#subscriptions--;
    delete watched.subscription;
    this.#heard({ user, status: 'unknown' });
    if (watched.store.isWatched) this.#want(user);
  }

  #want(user: string): void {
    this.#asked.add(user);
    this.#ask.want();
  }

  #askRest(): void {
    for (const [user, { store, subscription }] of this.#users) {
      if (store.isWatched && !subscription) this.#want(user);
    }
  }

  async #fetch(): Promise<void> {
    if (this.#context.connection.state.get().status !== 'online') return;
    const asked = [...this.#asked].slice(0, usersPerCall);
    for (const user of asked) this.#asked.delete(user);
    if (asked.length === 0) return;
    const heard = new Map(asked.map((user) => [user, this.#users.get(user)?.store.get()]));
    try {
      const { users } = await this.#context.call('presence', { users: asked });
      const told = new Map(users.map((presence) => [presence.user, presence]));
      for (const user of asked) {
        // What was told meanwhile is newer. Who is left out may not be seen, or no longer.
        const { store } = this.#users.get(user) ?? {};
        if (store && store.get() === heard.get(user)) this.#heard(told.get(user) ?? { user, status: 'unknown' });
      }
    } catch {
      // Asked again with the rest, or when the connection is back.
    }
    if (this.#asked.size > 0) this.#ask.want();
    this.#askAgain.want();
  }

  #heard(presence: UserPresence | PresenceView): void {
    const { user, status, lastSeenAt } = presence;
    const { store } = this.#users.get(user) ?? {};
    const known = store?.get();
    if (!store || !known || (known.status === status && known.lastSeenAt === lastSeenAt)) return;
    store.set({ user, status, ...(lastSeenAt !== undefined && { lastSeenAt }) });
  }
}
