/**
 * The outbox over a store that survives: `outbox-entries.ts` knows what waits, `outbox-sender.ts` sends it, in the tab that
 * leads. A tab wants to lead while its connection is online, so that one that is cut off leaves it to another.
 */
import { type Clock, systemClock } from '../../clock.ts';
import type { Connection } from '../../connection/connection.ts';
import { TidingsError } from '../../error.ts';
import type { Store } from '../../store.ts';
import type { Leadership, Tabs } from '../../tabs/tabs.ts';
import type { Outgoing } from '../chat.ts';
import type { Message } from '../publications.ts';
import { OutboxEntries } from './outbox-entries.ts';
import { OutboxSender } from './outbox-sender.ts';
import type { Outbox, OutboxEntry } from './outbox.ts';
import type { OutboxStore } from './outbox-store.ts';

/** A tab may die after it has stored a message and before it has told the others: who leads looks by itself. */
const lookEveryMs = 10_000;

export interface PersistentOutboxOptions {
  readonly connection: Connection;
  /** Of the user; closed with the outbox. */
  readonly store: OutboxStore;
  /** Those that share the store. */
  readonly tabs: Tabs;
  readonly clock?: Clock;
}

export class PersistentOutbox implements Outbox {
  readonly entries: Store<readonly OutboxEntry[]>;
  readonly #connection: Connection;
  readonly #tabs: Tabs;
  readonly #clock: Clock;
  readonly #entries: OutboxEntries;
  readonly #sender: OutboxSender;
  readonly #stopListening: () => void;
  #leadership: Leadership | undefined;
  #stopFollowing: (() => void) | undefined;
  #isLeading = false;
  #nextLook: unknown;

  constructor({ connection, store, tabs, clock = systemClock }: PersistentOutboxOptions) {
    this.#connection = connection;
    this.#tabs = tabs;
    this.#clock = clock;
    this.#entries = new OutboxEntries(store, tabs, clock, () => this.#changed());
    this.entries = this.#entries.views;
    this.#sender = new OutboxSender({ entries: this.#entries, connection, clock, isLeader: () => this.#isLeading });
    this.#stopListening = connection.state.subscribe(() => this.#follow());
    void this.#entries.read();
    this.#follow();
  }

  add(room: string, clientId: string, { files = [], ...content }: Outgoing, threadSeq?: number): Promise<void> {
    const keyed = files.map((file, at) => [`${clientId}.${at}`, file] as const);
    const record = {
      ...{ room, clientId, content, bytes: sizeOf(content, files) },
      ...(threadSeq !== undefined && { threadSeq }),
      files: keyed.map(([key, { name, type, size }]) => ({ key, name, contentType: type, totalBytes: size })),
    };
    return this.#entries.add(record, new Map(keyed));
  }

  retry(clientId: string): void {
    void this.#entries.change(clientId, (known) => {
      const { failure: _, ...record } = known;
      return record;
    });
  }

  discard(clientId: string): void {
    this.#entries.discard(clientId);
  }

  onSent(listener: (message: Message) => void): () => void {
    return this.#entries.onSent(listener);
  }

  clear(): Promise<void> {
    return this.#entries.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopListening();
    this.#sender.stop();
    this.#resign();
    await this.#entries.close();
  }

  #changed(): void {
    // What waits from now on is for another tab to send.
    if (this.#entries.isForgetful) this.#resign();
    this.#sender.look();
  }

  #follow(): void {
    if (this.#connection.state.get().status !== 'online') {
      this.#resign();
      return;
    }
    if (!this.#leadership && !this.#entries.isForgetful) {
      this.#leadership = this.#tabs.lead('outbox');
      this.#stopFollowing = this.#leadership.isLeader.subscribe(() => void this.#lead());
      void this.#lead();
    }
    this.#sender.hurry();
  }

  /** What other tabs wrote before is read before anything is sent: it may be first in its room. */
  async #lead(): Promise<void> {
    this.#isLeading = false;
    const leadership = this.#leadership;
    await this.#entries.read();
    if (leadership !== this.#leadership) return;
    this.#isLeading = leadership?.isLeader.get() ?? false;
    // Who led before may have died with what the others were to hear.
    if (this.#isLeading) this.#entries.tell();
    this.#lookLater();
    this.#sender.hurry();
  }

  #lookLater(): void {
    this.#clock.clearTimeout(this.#nextLook);
    if (!this.#isLeading || this.#tabs.isAlone) return;
    this.#nextLook = this.#clock.setTimeout(() => {
      void this.#entries.read();
      this.#lookLater();
    }, lookEveryMs);
  }

  #resign(): void {
    this.#clock.clearTimeout(this.#nextLook);
    this.#stopFollowing?.();
    this.#leadership?.release();
    this.#leadership = undefined;
    this.#isLeading = false;
  }
}

/** @throws TidingsError `invalid`. */
function sizeOf(content: unknown, files: readonly File[]): number {
  try {
    return JSON.stringify(content).length + files.reduce((sum, { size }) => sum + size, 0);
  } catch (error) {
    throw TidingsError.of('invalid', 'what is not JSON cannot be sent', { cause: error });
  }
}
