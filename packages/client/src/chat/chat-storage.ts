/** What chat keeps on the device of one user, and the way there before it is open. */
import { WritableStore, type Store } from '../store.ts';
import type { Tabs } from '../tabs/tabs.ts';
import type { ChatCache } from './cache/chat-cache.ts';
import type { Outgoing } from './chat.ts';
import type { Outbox, OutboxEntry } from './outbox/outbox.ts';
import type { Message } from './publications.ts';

/** What chat keeps on the device of one user. */
export interface ChatStorage extends AsyncDisposable {
  readonly cache: ChatCache;
  readonly outbox: Outbox;
  /** Those that share it. */
  readonly tabs: Tabs;
}

type Add = (outbox: Outbox) => void;

/** An outbox that is there at once: what is added before the real one is open, is added to it then, in order. */
export class DeferredOutbox implements Pick<Outbox, 'entries' | 'add' | 'retry' | 'discard' | 'onSent'> {
  readonly entries: Store<readonly OutboxEntry[]>;
  readonly #entries = new WritableStore<readonly OutboxEntry[]>([]);
  readonly #listeners = new Set<(message: Message) => void>();
  readonly #now: () => number;
  #waiting: Add[] = [];
  #outbox: Outbox | undefined;

  constructor(now: () => number) {
    this.#now = now;
    this.entries = this.#entries;
  }

  open(outbox: Outbox): void {
    this.#outbox = outbox;
    outbox.onSent((message) => {
      for (const listener of [...this.#listeners]) listener(message);
    });
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const add of waiting) add(outbox);
    outbox.entries.subscribe(() => this.#entries.set(outbox.entries.get()));
    this.#entries.set(outbox.entries.get());
  }

  add(room: string, clientId: string, outgoing: Outgoing, threadSeq?: number): Promise<void> {
    if (this.#outbox) return this.#outbox.add(room, clientId, outgoing, threadSeq);
    const { files: _, ...content } = outgoing;
    const shown: OutboxEntry = {
      ...{ room, clientId, createdAt: this.#now(), content, uploads: [] },
      ...(threadSeq !== undefined && { threadSeq }),
    };
    this.#entries.update((entries) => [...entries, shown]);
    return new Promise((resolve, reject) => {
      this.#waiting.push((outbox) => {
        try {
          outbox.add(room, clientId, outgoing, threadSeq).then(resolve, reject);
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  retry(clientId: string): void {
    this.#outbox?.retry(clientId);
  }

  discard(clientId: string): void {
    this.#outbox?.discard(clientId);
  }

  onSent(listener: (message: Message) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
