/**
 * Lifecycle events to a function of the application that embeds Tidings. In order per subject, and tried again when the
 * function throws. Held in memory only: who needs events to survive a crash takes `webhook-events.ts`.
 */
import type { Clock } from '../lib/clock.ts';
import { newId } from '../lib/ids.ts';
import type { Logger } from '../lib/logger.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { EventSink, LifecycleEvent } from './event-sink.ts';
import { Lanes } from './lanes.ts';
import { ThrottledLog } from './throttled-log.ts';

/** An event as the function gets it. */
export type DeliveredEvent = LifecycleEvent & {
  /** The same on every attempt. */
  readonly id: string;
  /** Unix time in milliseconds. */
  readonly time: number;
  /** Id of the node it happened on. */
  readonly node: string;
};

export interface FunctionEventsOptions {
  /**
   * Called once per event; a throw or rejection asks for another attempt. A promise that never settles holds up the
   * events of its subject and one of the `concurrency` places.
   */
  readonly handler: (event: DeliveredEvent) => void | Promise<void>;
  readonly nodeId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Default: all. */
  readonly types?: readonly LifecycleEvent['type'][];
  /** Attempts until an event is given up. */
  readonly maxAttempts?: number;
  readonly maxBackoffMs?: number;
  /** Events waiting at most; beyond, the oldest are dropped. */
  readonly maxQueued?: number;
  /** Calls at once. */
  readonly concurrency?: number;
}

interface Queued {
  readonly subject: string;
  readonly event: DeliveredEvent;
}

const minBackoffMs = 100;

export class FunctionEvents implements EventSink {
  readonly name = 'events';
  readonly #options: FunctionEventsOptions;
  readonly #maxAttempts: number;
  readonly #maxQueued: number;
  readonly #types: ReadonlySet<string> | undefined;
  readonly #lanes: Lanes<Queued>;
  /** In order of arrival. What is not in here any more was delivered or dropped. */
  readonly #queue = new Set<Queued>();
  /** The same by subject; an entry for every subject that has a lane. */
  readonly #bySubject = new Map<string, Set<Queued>>();
  readonly #log: ThrottledLog;
  readonly #drained = new Set<() => void>();
  #stopped = false;

  constructor(options: FunctionEventsOptions) {
    this.#options = options;
    this.#maxAttempts = options.maxAttempts ?? 10;
    this.#maxQueued = options.maxQueued ?? 10_000;
    this.#types = options.types && new Set(options.types);
    this.#log = new ThrottledLog(options.logger, options.clock);
    this.#lanes = new Lanes<Queued>({
      clock: options.clock,
      concurrency: options.concurrency ?? 16,
      minBackoffMs,
      maxBackoffMs: options.maxBackoffMs ?? 10_000,
      deliver: (queued, failures) => this.#deliver(queued, failures),
      next: ({ subject }) => {
        const [following] = this.#bySubject.get(subject) ?? [];
        if (!following) this.#bySubject.delete(subject);
        return following;
      },
      onSettled: () => {
        if (this.#queue.size === 0) for (const done of [...this.#drained]) done();
      },
    });
  }

  async start(): Promise<void> {}

  emit(event: LifecycleEvent): void {
    if (this.#stopped || (this.#types && !this.#types.has(event.type))) return;
    const { clock, nodeId } = this.#options;
    const subject = 'client' in event ? `client:${event.client}` : `channel:${event.channel}`;
    const queued: Queued = { subject, event: { ...event, id: newId(), time: clock.now(), node: nodeId } };
    if (this.#queue.size >= this.#maxQueued) {
      const [oldest] = this.#queue;
      if (oldest) this.#lose(oldest, 'too many are waiting');
    }
    this.#queue.add(queued);
    const others = this.#bySubject.get(subject);
    if (others) {
      others.add(queued);
    } else {
      this.#bySubject.set(subject, new Set([queued]));
      this.#lanes.open(queued);
    }
  }

  /** Waits until every event was delivered or given up. */
  async drain(until: AbortSignal): Promise<void> {
    if (this.#queue.size === 0 || until.aborted || this.#stopped) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#drained.delete(done);
        until.removeEventListener('abort', done);
        resolve();
      };
      this.#drained.add(done);
      until.addEventListener('abort', done);
    });
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#lanes.stop();
    if (this.#queue.size > 0)
      this.#options.logger.error({ lost: this.#queue.size }, 'events were not delivered before the end');
    this.#queue.clear();
    this.#bySubject.clear();
    for (const done of [...this.#drained]) done();
  }

  async #deliver(queued: Queued, failures: number): Promise<void> {
    if (!this.#queue.has(queued)) return;
    const { handler, metrics } = this.#options;
    if (failures > 0) metrics.events.add('retried');
    // Not within `emit`: the engine is in the middle of something, and the function may call back into it.
    await Promise.resolve();
    try {
      await handler(queued.event);
    } catch (error) {
      if (failures + 1 < this.#maxAttempts) throw error;
      this.#lose(queued, 'the function keeps throwing', error);
      return;
    }
    metrics.events.add('delivered');
    this.#forget(queued);
  }

  #lose(queued: Queued, because: string, error?: unknown): void {
    this.#forget(queued);
    this.#options.metrics.events.add('dropped');
    const dropped = this.#options.metrics.events.counts.get('dropped');
    this.#log.error(
      because,
      { event: queued.event.id, type: queued.event.type, dropped, err: error },
      `events are lost: ${because}`,
    );
  }

  #forget(queued: Queued): void {
    this.#queue.delete(queued);
    this.#bySubject.get(queued.subject)?.delete(queued);
  }
}
