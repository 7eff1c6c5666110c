/**
 * Events to a function of the application that embeds Tidings. In order per subject, and tried again when the
 * function throws. Held in memory only: modules keep theirs until they are handled, and report them again after a crash;
 * who needs the others to survive one takes `webhook-events.ts`. Events of modules that are given up are kept on disk.
 */
import { existsSync } from 'node:fs';
import type { Clock } from '../lib/clock.ts';
import { newId } from '../lib/ids.ts';
import type { Logger } from '../lib/logger.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { DeadLetter, DeadLetters } from './dead-letters.ts';
import type { EventSink, LifecycleEvent, ModuleEvent } from './event-sink.ts';
import { EventSpool } from './event-spool.ts';
import { eventFilter } from './event-types.ts';
import { Lanes } from './lanes.ts';
import { ThrottledLog } from './throttled-log.ts';

/** What happened in a module, as the function gets it. */
export interface DeliveredModuleEvent {
  /** `chat.message.sent` */
  readonly type: `${string}.${string}`;
  readonly subject: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An event as the function gets it. */
export type DeliveredEvent = (LifecycleEvent | DeliveredModuleEvent) & {
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
  readonly types?: readonly string[];
  /** Attempts until an event of the engine is given up, for good. */
  readonly maxAttempts?: number;
  /** What becomes of events of modules; without it they are tried for ever. */
  readonly deadLetters?: {
    /** SQLite file, made when the first is given up. Two processes must not share it. */
    readonly file: string;
    /** Attempts until one is given up; 0: never. */
    readonly maxAttempts: number;
  };
  readonly maxBackoffMs?: number;
  /** Events waiting at most; beyond, the oldest are dropped. */
  readonly maxQueued?: number;
  /** Calls at once. */
  readonly concurrency?: number;
}

interface Queued {
  readonly subject: string;
  readonly event: DeliveredEvent;
  /** Somebody waits for it to be handled. @param error if it will not be. */
  readonly settle?: (error?: Error) => void;
  /** It is a dead letter, and stays one until it is handled. */
  readonly isLetter?: boolean;
}

const minBackoffMs = 100;
const maxProblemLength = 300;

export class FunctionEvents implements EventSink {
  readonly name = 'events';
  readonly #options: FunctionEventsOptions;
  readonly #maxAttempts: number;
  readonly #maxQueued: number;
  readonly wants: (type: string) => boolean;
  readonly #lanes: Lanes<Queued>;
  /** In order of arrival. What is not in here any more was delivered or dropped. */
  readonly #queue = new Set<Queued>();
  /** The same by subject; an entry for every subject that has a lane. */
  readonly #bySubject = new Map<string, Set<Queued>>();
  readonly #log: ThrottledLog;
  readonly #drained = new Set<() => void>();
  /** Dead letters that are in the queue, by id. */
  readonly #retried = new Set<string>();
  /** Opened when needed: most never give an event up. */
  #spool: EventSpool | undefined;
  #stopped = false;

  readonly deadLetters: DeadLetters = {
    list: (limit, after) => this.#openSpool()?.dead.list(limit, after) ?? [],
    retry: async (ids) => this.#retry(ids),
    drop: async (ids) => this.#openSpool()?.dead.remove(ids ? { ids } : { untilMs: this.#options.clock.now() }) ?? 0,
  };

  constructor(options: FunctionEventsOptions) {
    this.#options = options;
    this.#maxAttempts = options.maxAttempts ?? 10;
    this.#maxQueued = options.maxQueued ?? 10_000;
    this.wants = options.types ? eventFilter(options.types) : () => true;
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
    if (this.#stopped || !this.wants(event.type)) return;
    const { clock, nodeId } = this.#options;
    const subject = 'client' in event ? `client:${event.client}` : `channel:${event.channel}`;
    const queued: Queued = { subject, event: { ...event, id: newId(), time: clock.now(), node: nodeId } };
    if (this.#queue.size >= this.#maxQueued) {
      const oldest = firstOf(this.#queue, (other) => !isOfModule(other));
      if (oldest) this.#lose(oldest, 'too many are waiting');
    }
    this.#push(queued);
  }

  report({ type, subject, json, id, time }: ModuleEvent): Promise<void> {
    if (this.#stopped) return Promise.reject(new Error('events are taken no more: the node is stopping'));
    if (!this.wants(type)) return Promise.resolve();
    if (this.#queue.size >= this.#maxQueued) return Promise.reject(new Error('too many events are waiting'));
    const data = JSON.parse(json) as DeliveredModuleEvent['data'];
    const event: DeliveredEvent = {
      type: type as DeliveredModuleEvent['type'],
      subject,
      data,
      id,
      time,
      node: this.#options.nodeId,
    };
    return new Promise((resolve, reject) => {
      this.#push({ subject, event, settle: (error) => (error ? reject(error) : resolve()) });
    });
  }

  #push(queued: Queued): void {
    const { subject } = queued;
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
    const kept = [...this.#queue].filter(isOfModule);
    for (const { settle } of kept) settle?.(new Error('the node stopped before the event was handled'));
    const lost = this.#queue.size - kept.length;
    if (lost > 0) this.#options.logger.error({ lost }, 'events were not delivered before the end');
    this.#queue.clear();
    this.#bySubject.clear();
    this.#spool?.close();
    this.#spool = undefined;
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
      if (this.#isGivenUp(queued, failures + 1)) {
        this.#bury(queued, failures + 1, error);
        return;
      }
      if (failures + 1 < this.#maxAttempts || isOfModule(queued)) {
        if (failures + 1 === this.#maxAttempts) {
          this.#log.error(
            'attempts',
            { type: queued.event.type, err: error },
            'an event cannot be handled; it is tried again',
          );
        }
        throw error;
      }
      this.#lose(queued, 'the function keeps throwing', error);
      return;
    }
    if (queued.isLetter) this.#openSpool()?.dead.remove({ ids: [queued.event.id] });
    metrics.events.add('delivered');
    this.#forget(queued);
    queued.settle?.();
  }

  #isGivenUp(queued: Queued, attempts: number): boolean {
    const { maxAttempts = 0 } = this.#options.deadLetters ?? {};
    return isOfModule(queued) && maxAttempts > 0 && attempts >= maxAttempts;
  }

  /** Keeps it on disk, then lets go. @throws if it cannot be written: then it is tried again. */
  #bury(queued: Queued, attempts: number, error: unknown): void {
    const { event, subject } = queued;
    const { clock, metrics } = this.#options;
    const problem = String((error as Error | undefined)?.message ?? error).slice(0, maxProblemLength);
    const letter: DeadLetter = {
      id: event.id,
      subject,
      body: JSON.stringify(event),
      attempts,
      problem,
      diedAtMs: clock.now(),
    };
    let forgotten;
    try {
      forgotten = this.#openSpool(true)?.bury(letter) ?? 0;
    } catch (cause) {
      this.#log.error('disk', { err: cause }, 'a dead letter cannot be written; the event is tried again');
      throw cause;
    }
    if (forgotten > 0) metrics.events.add('dropped', forgotten);
    metrics.events.add('dead');
    this.#log.error(
      'dead',
      { event: event.id, type: event.type, attempts, problem, dead: metrics.events.counts.get('dead') },
      'events are given up and kept as dead letters; see `tidings events list`',
    );
    this.#forget(queued);
    queued.settle?.();
  }

  /** @returns how many go out again; as many as there is room for. */
  #retry(ids: readonly string[] | undefined): number {
    const room = this.#maxQueued - this.#queue.size;
    const choice = ids ? { ids } : { untilMs: this.#options.clock.now() };
    const letters = this.#stopped || room <= 0 ? [] : (this.#openSpool()?.dead.chosen(choice, room) ?? []);
    const free = letters.filter(({ id }) => !this.#retried.has(id));
    for (const { id, subject, body } of free) {
      this.#retried.add(id);
      this.#push({ subject, event: JSON.parse(body) as DeliveredEvent, isLetter: true });
    }
    return free.length;
  }

  /** @param make the file, if there is none. */
  #openSpool(make = false): EventSpool | undefined {
    const file = this.#options.deadLetters?.file;
    if (!this.#spool && file !== undefined && !this.#stopped && (make || existsSync(file))) {
      this.#spool = new EventSpool(file);
    }
    return this.#spool;
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
    if (queued.isLetter) this.#retried.delete(queued.event.id);
    this.#bySubject.get(queued.subject)?.delete(queued);
  }
}

/** Nobody else keeps those of the engine; these are handled or kept. */
function isOfModule({ settle, isLetter }: Queued): boolean {
  return settle !== undefined || isLetter === true;
}

function firstOf<T>(items: Iterable<T>, matches: (item: T) => boolean): T | undefined {
  for (const item of items) if (matches(item)) return item;
  return undefined;
}
