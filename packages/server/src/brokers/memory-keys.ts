/**
 * Idempotency keys of the memory broker: which publications have been made already, and with what result.
 */
import type { Clock } from '../lib/clock.ts';
import type { Expiring } from '../lib/expiry-heap.ts';
import { Sweeper } from '../lib/sweeper.ts';
import type { Position } from './broker.ts';

/** Estimate of what an entry costs beside its text, as measured. */
const entryBytes = 170;

interface KeyEntry extends Expiring {
  readonly id: string;
  readonly position: Position | undefined;
}

export class MemoryKeys {
  readonly #maxBytes: number;
  readonly #onDropped: () => void;
  readonly #entries = new Map<string, KeyEntry>();
  readonly #sweeper: Sweeper<KeyEntry>;
  #bytes = 0;

  /**
   * @param maxBytes bound of all keys, by estimate; above it those that would expire first go before their time.
   * @param onDropped called for each such key: from then on a repetition would be published.
   */
  constructor(clock: Clock, maxBytes: number, onDropped: () => void) {
    this.#maxBytes = maxBytes;
    this.#onDropped = onDropped;
    this.#sweeper = new Sweeper(clock, (entry) => this.#forget(entry));
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The first result under this key, if it is still known. */
  find(channel: string, key: string, nowMs: number): { readonly position: Position | undefined } | undefined {
    const entry = this.#entries.get(id(channel, key));
    return entry && entry.heapDueMs > nowMs ? entry : undefined;
  }

  remember(channel: string, key: string, position: Position | undefined, expiresAtMs: number): void {
    const entry: KeyEntry = { id: id(channel, key), position, heapDueMs: 0, heapIndex: -1 };
    const expired = this.#entries.get(entry.id);
    if (expired) this.#forget(expired);
    this.#entries.set(entry.id, entry);
    this.#bytes += entryBytes + entry.id.length;
    this.#sweeper.set(entry, expiresAtMs);
    while (this.#bytes > this.#maxBytes) {
      this.#forget(this.#sweeper.first as KeyEntry);
      this.#onDropped();
    }
  }

  start(): void {
    this.#sweeper.start();
  }

  stop(): void {
    this.#sweeper.stop();
  }

  #forget(entry: KeyEntry): void {
    this.#sweeper.delete(entry);
    this.#entries.delete(entry.id);
    this.#bytes -= entryBytes + entry.id.length;
  }
}

/** Unambiguous whatever characters channel and key hold. */
function id(channel: string, key: string): string {
  return `${channel.length}:${channel}${key}`;
}
