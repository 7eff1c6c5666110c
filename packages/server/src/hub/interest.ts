/**
 * Which channels this node wants from the broker: subscribes with the first subscriber, unsubscribes behind the last.
 * Operations on one channel never overlap, so that a quick leave and join cannot end unsubscribed.
 */
import type { Broker } from '../brokers/broker.ts';

interface Entry {
  count: number;
  /** Settles when the broker delivers the channel. */
  readonly ready: Promise<void>;
}

export interface InterestListener {
  occupied(channel: string): void;
  vacated(channel: string): void;
}

export class Interest {
  readonly #broker: Broker;
  readonly #listener: InterestListener;
  readonly #entries = new Map<string, Entry>();
  readonly #releases = new Map<string, Promise<void>>();

  constructor(broker: Broker, listener: InterestListener) {
    this.#broker = broker;
    this.#listener = listener;
  }

  /** Resolves when publications of the channel arrive. Each success needs one `release`; a rejection none. */
  async acquire(channel: string): Promise<void> {
    let entry = this.#entries.get(channel);
    if (entry) {
      entry.count++;
    } else {
      const released = this.#releases.get(channel);
      const subscribe = (): Promise<void> => this.#broker.subscribe(channel);
      entry = { count: 1, ready: released ? released.then(subscribe) : subscribe() };
      this.#entries.set(channel, entry);
      this.#listener.occupied(channel);
    }
    try {
      await entry.ready;
    } catch (error) {
      this.#drop(channel, entry);
      throw error;
    }
  }

  release(channel: string): void {
    const entry = this.#entries.get(channel);
    if (entry) this.#drop(channel, entry);
  }

  #drop(channel: string, entry: Entry): void {
    if (--entry.count > 0 || this.#entries.get(channel) !== entry) return;
    this.#entries.delete(channel);
    this.#listener.vacated(channel);
    const release = entry.ready
      // A subscribe that failed may have had effect.
      .catch(() => {})
      .then(() => this.#broker.unsubscribe(channel))
      .catch(() => {})
      .finally(() => {
        if (this.#releases.get(channel) === release) this.#releases.delete(channel);
      });
    this.#releases.set(channel, release);
  }
}
