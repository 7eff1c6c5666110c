/** Who is typing in a room and its threads: from a sign until 7 s later, `stopped`, or the message. */
import type { Clock } from '../../clock.ts';
import type { Store } from '../../store.ts';
import { WritableStore } from '../../store.ts';

const shownMs = 7_000;
/** Users that are remembered; nobody reads more names. */
const maxTyping = 50;
const nobody: readonly string[] = [];

interface Sign {
  readonly threadSeq: number | undefined;
  readonly untilMs: number;
}

export class TypingUsers {
  readonly #clock: Clock;
  /** The latest sign last. */
  readonly #signs = new Map<string, Sign>();
  readonly #stores = new Map<number | undefined, WritableStore<readonly string[]>>();
  #timer: unknown;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param threadSeq undefined: outside of threads. */
  in(threadSeq: number | undefined): Store<readonly string[]> {
    let store = this.#stores.get(threadSeq);
    if (!store) this.#stores.set(threadSeq, (store = new WritableStore(this.#usersIn(threadSeq))));
    return store;
  }

  began(user: string, threadSeq: number | undefined): void {
    this.#signs.delete(user);
    if (this.#signs.size >= maxTyping) return;
    this.#signs.set(user, { threadSeq, untilMs: this.#clock.now() + shownMs });
    this.#changed();
  }

  ended(user: string): void {
    if (this.#signs.delete(user)) this.#changed();
  }

  clear(): void {
    this.#signs.clear();
    this.#changed();
  }

  #changed(): void {
    const nowMs = this.#clock.now();
    for (const [user, { untilMs }] of this.#signs) if (untilMs <= nowMs) this.#signs.delete(user);
    this.#clock.clearTimeout(this.#timer);
    const [next] = this.#signs.values();
    if (next) this.#timer = this.#clock.setTimeout(() => this.#changed(), next.untilMs - nowMs);
    for (const [threadSeq, store] of this.#stores) {
      const users = this.#usersIn(threadSeq);
      const before = store.get();
      if (users.length !== before.length || users.some((user, at) => user !== before[at])) store.set(users);
    }
  }

  /** By name, so that a new sign moves nobody. */
  #usersIn(threadSeq: number | undefined): readonly string[] {
    const users = [...this.#signs].filter(([, sign]) => sign.threadSeq === threadSeq).map(([user]) => user);
    return users.length === 0 ? nobody : users.toSorted();
  }
}
