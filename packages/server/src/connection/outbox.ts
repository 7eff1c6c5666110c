/**
 * What a connection is about to send, gathered over one turn of the event loop and written at once.
 *
 * Path of a message: transport → connection → use case → broker → hub → **outbox** → transport.
 */
import { formatCount, type CloseReason, type Format } from '@tidings/protocol';
import { Batch } from '../hub/batch.ts';
import type { Recipient } from '../hub/subscription.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { Socket } from '../transports/transport.ts';

/** A batch this long is written before the turn ends, so that one turn cannot gather without bound. */
const maxBatchLength = 512;

/** Writes all outboxes of the node that were given something in this turn. */
export class Flusher {
  readonly #metrics: Metrics;
  #dirty: Outbox[] = [];
  #roots: (Batch | undefined)[] = new Array<Batch | undefined>(formatCount).fill(undefined);

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** Takes up an outbox that just became non-empty; returns the empty batch to append to. */
  add(outbox: Outbox): Batch {
    if (this.#dirty.push(outbox) === 1) setImmediate(this.flush);
    return (this.#roots[outbox.format.index] ??= Batch.root(outbox.format));
  }

  /** Writes everything now. Runs by itself once a turn. */
  readonly flush = (): void => {
    const dirty = this.#dirty;
    this.#dirty = [];
    this.#roots = new Array<Batch | undefined>(formatCount).fill(undefined);
    const slow: Outbox[] = [];
    for (const outbox of dirty) if (!outbox.write(this.#metrics)) slow.push(outbox);
    // Closing changes subscriptions and makes others leave: only after everybody has been written to.
    for (const outbox of slow) outbox.onSlow();
  };
}

export class Outbox implements Recipient {
  readonly format: Format;
  readonly #flusher: Flusher;
  readonly #socket: Socket;
  readonly #maxBufferedBytes: number;
  readonly onSlow: () => void;
  #batch: Batch | undefined;

  /**
   * @param maxBufferedBytes a reader that leaves more unread is slow.
   * @param onSlow called at most once per flush when that happens; closes the connection.
   */
  constructor(flusher: Flusher, socket: Socket, maxBufferedBytes: number, onSlow: () => void) {
    this.#flusher = flusher;
    this.#socket = socket;
    this.format = socket.handshake.format;
    this.#maxBufferedBytes = maxBufferedBytes;
    this.onSlow = onSlow;
  }

  /** Adds an encoded message to what goes out with this turn. */
  push(message: Uint8Array): void {
    const batch = (this.#batch ?? this.#flusher.add(this)).append(message);
    this.#batch = batch;
    if (batch.length === maxBatchLength) queueMicrotask(this.#flusher.flush);
  }

  /**
   * Writes what was gathered; false if the reader is too slow. What counts is what was unread before: one large batch,
   * such as a recovery, is no fault of the reader.
   */
  write(metrics: Metrics): boolean {
    const batch = this.#batch;
    if (!batch) return true;
    this.#batch = undefined;
    if (this.#socket.bufferedBytes > this.#maxBufferedBytes) return false;
    metrics.framesSent++;
    metrics.messagesSent += batch.length;
    metrics.bytesSent += batch.bytes.length;
    this.#socket.write(batch);
    return true;
  }

  /** Writes what was gathered, then closes. */
  close(metrics: Metrics, reason: CloseReason): void {
    this.write(metrics);
    this.#socket.close(reason);
  }
}
