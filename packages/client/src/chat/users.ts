/** Profiles of users: asked for when somebody watches, many in one call, and remembered on the device. */
import { WatchedStore } from '../watched-store.ts';
import type { Store } from '../store.ts';
import type { ChatContext } from './chat-context.ts';
import { Coalesced } from './coalesced.ts';
import type { User } from './publications.ts';

const usersPerCall = 100;
const gatherMs = 20;
const retryMs = 5_000;
/** Nobody tells when a profile changes; one that is watched anew after this is asked for again. */
const freshMs = 300_000;
/** Profiles in memory; those that nobody watches go first. */
const maxUsers = 5_000;

interface Known {
  readonly store: WatchedStore<User | undefined>;
  askedAtMs: number | undefined;
}

export class Users {
  readonly #context: ChatContext;
  readonly #users = new Map<string, Known>();
  readonly #wanted = new Set<string>();
  readonly #ask: Coalesced;
  readonly #onChange: () => void;

  /** @param onChange a profile became another one. */
  constructor(context: ChatContext, onChange: () => void) {
    this.#context = context;
    this.#onChange = onChange;
    this.#ask = new Coalesced(context.clock, gatherMs, () => void this.#fetch());
  }

  user(id: string): Store<User | undefined> {
    return this.#known(id).store;
  }

  /** As it is known now. */
  get(id: string): User | undefined {
    return this.#users.get(id)?.store.get();
  }

  /** Asks for it unless it is known and fresh. */
  want(id: string): void {
    // Nobody has this id, and one that is not valid would have the whole call refused.
    if (id === '') return;
    const { askedAtMs } = this.#known(id);
    if (askedAtMs !== undefined && this.#context.clock.now() - askedAtMs < freshMs) return;
    this.#wanted.add(id);
    this.#ask.want();
  }

  /** From the cache: shown, and asked for again when watched. */
  recall(users: readonly User[]): void {
    for (const user of users) {
      const { store } = this.#known(user.id);
      if (!store.get()) store.set(user);
    }
  }

  /** What was asked for while there was no connection. */
  online(): void {
    for (const [id, { store }] of this.#users) if (id !== '' && store.isWatched && !store.get()) this.#wanted.add(id);
    if (this.#wanted.size > 0) this.#ask.want();
  }

  heard(users: readonly User[]): void {
    for (const user of users) {
      const known = this.#known(user.id);
      known.askedAtMs = this.#context.clock.now();
      if (JSON.stringify(known.store.get()) !== JSON.stringify(user)) known.store.set(user);
    }
    this.#onChange();
    this.#context.remember((cache) => cache.putUsers(users));
  }

  close(): void {
    this.#ask.cancel();
  }

  #known(id: string): Known {
    let known = this.#users.get(id);
    if (!known) {
      known = { store: new WatchedStore<User | undefined>(undefined, () => this.want(id)), askedAtMs: undefined };
      this.#users.set(id, known);
      this.#forgetOld();
    }
    return known;
  }

  async #fetch(): Promise<void> {
    if (this.#context.connection.state.get().status !== 'online') return;
    const ids = [...this.#wanted].slice(0, usersPerCall);
    for (const id of ids) this.#wanted.delete(id);
    try {
      const { users } = await this.#context.call('users', { ids });
      const nowMs = this.#context.clock.now();
      // Those without a profile are not asked for again at once either.
      for (const id of ids) this.#known(id).askedAtMs = nowMs;
      if (users.length > 0) this.heard(users);
    } catch {
      for (const id of ids) this.#wanted.add(id);
      this.#context.clock.setTimeout(() => this.#ask.want(), retryMs);
      return;
    }
    if (this.#wanted.size > 0) this.#ask.want();
  }

  #forgetOld(): void {
    if (this.#users.size <= maxUsers) return;
    for (const [id, { store }] of this.#users) {
      if (this.#users.size <= 0.9 * maxUsers) return;
      if (!store.isWatched) this.#users.delete(id);
    }
  }
}
