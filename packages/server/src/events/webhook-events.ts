/**
 * Events to the application's URL, surviving crashes of this process and outages of the application.
 *
 * Path: engine → `emit` → spool on disk (`event-spool.ts`) → lane of the subject (`lanes.ts`) → POST. An event leaves
 * the spool when the application answered 2xx; dying in between delivers it twice, which its `id` tells.
 */
import { join } from 'node:path';
import { HttpClient } from '../lib/http-client.ts';
import { sign, signatureHeader } from '../lib/signature.ts';
import type { EventsConfig } from '../config/schema.ts';
import type { Clock, TimerId } from '../lib/clock.ts';
import { newId } from '../lib/ids.ts';
import type { Logger } from '../lib/logger.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { EventSink, LifecycleEvent, ModuleEvent } from './event-sink.ts';
import { EventSpool, type Death, type NewEvent, type SpooledEvent, type SpoolEntry } from './event-spool.ts';
import { eventFilter } from './event-types.ts';
import { Lanes } from './lanes.ts';
import { ThrottledLog } from './throttled-log.ts';

/** Deliveries at once. */
const concurrency = 16;
/** Subjects that are under way or wait to be tried again; more stay on disk. */
const maxLanes = 10_000;
/** Events written in one transaction: a few milliseconds. More are written in the next turn. */
const groupSize = 1_000;
/** Events read in one turn. */
const scanSize = 1_000;
/** Dead letters that come back in one turn. */
const reviveSize = 1_000;
const maxProblemLength = 300;
/** Events held in memory while the disk refuses them. */
const maxUnwritten = 100_000;
const minBackoffMs = 500;
const diskRetryMs = 1_000;
/** The answer's body means nothing; more than this is an error page. */
const maxResponseBytes = 65_536;

/** Code and reason of the `disconnected` that follows a crash. */
const crashed = { code: 3000, reason: 'node crashed' };

export interface WebhookEventsOptions {
  readonly config: EventsConfig;
  /** The spool is `events.sqlite` in here. Two processes must not share it. */
  readonly dataDir: string;
  /** Tells the application which node an event is of. */
  readonly nodeId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** From 0 to below 1; tests make it fixed. */
  readonly random?: () => number;
}

interface Unwritten extends SpoolEntry {
  /** Somebody waits for it to be on disk. @param error if it never will be. */
  readonly settle?: (error?: Error) => void;
}

function subjectOf(event: LifecycleEvent): string {
  return event.type === 'connected' || event.type === 'disconnected'
    ? `client:${event.client}`
    : `channel:${event.channel}`;
}

export class WebhookEvents implements EventSink {
  readonly name = 'events';
  readonly #options: WebhookEventsOptions;
  readonly #url: URL;
  readonly wants: (type: string) => boolean;
  readonly #http: HttpClient;
  readonly #lanes: Lanes<SpooledEvent>;
  readonly #log: ThrottledLog;
  #spool: EventSpool | undefined;
  #stopped = false;
  /** Emitted, not written yet. */
  #unwritten: Unwritten[] = [];
  /** Delivered, not forgotten yet. */
  #delivered: number[] = [];
  /** Given up, not written down yet. */
  #dead: Death[] = [];
  /** Events on disk. */
  #queued = 0;
  /** Everything up to here was read from disk, or belongs to a lane that will read it. */
  #scannedTo = 0;
  /** Events up to here were dropped; a lane may still hold one. */
  #droppedTo = 0;
  #turnScheduled = false;
  /** Set while the disk is left alone after a failure. */
  #diskTimer: TimerId;
  readonly #drained = new Set<() => void>();

  /** @throws Error without a URL. */
  constructor(options: WebhookEventsOptions) {
    const { config, clock, random } = options;
    if (config.url === undefined) throw new Error('events.url is required to send events');
    this.#options = options;
    this.#url = new URL(config.url);
    this.wants = eventFilter(config.types);
    this.#log = new ThrottledLog(options.logger, clock);
    this.#http = new HttpClient(clock);
    this.#lanes = new Lanes<SpooledEvent>({
      clock,
      concurrency,
      minBackoffMs: Math.min(minBackoffMs, config.maxBackoff),
      maxBackoffMs: config.maxBackoff,
      random,
      deliver: (event, failures) => this.#deliver(event, failures),
      next: (event) => this.#spool?.next(event),
      onSettled: () => this.#schedule(),
    });
  }

  /** Events on disk that are not known to be delivered. */
  get queued(): number {
    return this.#queued - this.#delivered.length - this.#dead.length;
  }

  readonly deadLetters: DeadLetters = {
    list: (limit, after) => this.#openSpool().dead.list(limit, after),
    retry: (ids) => this.#retry(ids),
    drop: async (ids) => this.#openSpool().dead.remove(ids ? { ids } : { untilMs: this.#options.clock.now() }),
  };

  async start(): Promise<void> {
    if (this.#spool || this.#stopped) return;
    const spool = new EventSpool(join(this.#options.dataDir, 'events.sqlite'));
    try {
      const closed = spool.closeAll((subject, closing) => this.#newEvent(subject, JSON.parse(closing)));
      if (closed > 0) {
        this.#options.logger.warn(
          { closed },
          'the last process ended without a goodbye: clients and channels it left open are reported',
        );
      }
      this.#queued = spool.count();
    } catch (error) {
      spool.close();
      throw error;
    }
    this.#spool = spool;
    this.#schedule();
  }

  emit(event: LifecycleEvent): void {
    if (this.#stopped) return;
    const subject = subjectOf(event);
    const entry: { -readonly [K in keyof SpoolEntry]: SpoolEntry[K] } = {};
    if (this.wants(event.type)) entry.event = this.#newEvent(subject, event);
    // Noted only where somebody wants the closing event.
    if (event.type === 'connected' && this.wants('disconnected')) {
      entry.opens = closing(subject, { type: 'disconnected', client: event.client, user: event.user, ...crashed });
    } else if (event.type === 'occupied' && this.wants('vacated')) {
      entry.opens = closing(subject, { type: 'vacated', channel: event.channel });
    } else if (event.type === 'disconnected' || event.type === 'vacated') {
      entry.closes = subject;
    }
    this.#push(entry);
  }

  report({ type, subject, json, id, time }: ModuleEvent): Promise<void> {
    if (this.#stopped) return Promise.reject(new Error('events are taken no more: the node is stopping'));
    if (!this.wants(type)) return Promise.resolve();
    const head = JSON.stringify({ id, type, time, node: this.#options.nodeId, subject });
    const event = { id, subject, body: `${head.slice(0, -1)},"data":${json}}` };
    return new Promise((resolve, reject) => {
      this.#push({ event, settle: (error) => (error ? reject(error) : resolve()) });
    });
  }

  #push(entry: Unwritten): void {
    this.#unwritten.push(entry);
    if (this.#unwritten.length > maxUnwritten) {
      const because = 'the disk refuses them';
      const lost = this.#unwritten.splice(0, groupSize);
      for (const { settle } of lost) settle?.(new Error(`events are not kept: ${because}`));
      // Who waits for an answer still has theirs.
      const dropped = lost.filter(({ settle }) => !settle).length;
      if (dropped > 0) this.#drop(dropped, because);
    }
    this.#schedule();
  }

  /** Delivers what can be delivered now. What waits to be tried again is safe on disk and does not hold this up. */
  async drain(until: AbortSignal): Promise<void> {
    if (this.#idle || until.aborted) return;
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
    this.#http.stop();
    this.#options.clock.clearTimeout(this.#diskTimer);
    try {
      if (this.#spool && this.#unwritten.length + this.#delivered.length + this.#dead.length > 0) {
        this.#spool.write(this.#unwritten, this.#delivered, this.#dead);
        for (const { settle } of this.#unwritten) settle?.();
      }
      this.#spool?.close();
    } catch (error) {
      for (const { settle } of this.#unwritten) settle?.(error as Error);
      this.#options.logger.error(
        { err: error, lost: this.#unwritten.length },
        'the last events could not be written to disk',
      );
    }
    this.#spool = undefined;
    for (const done of [...this.#drained]) done();
  }

  get #idle(): boolean {
    return !this.#spool || (!this.#turnScheduled && this.#unwritten.length === 0 && !this.#lanes.busy);
  }

  #newEvent(subject: string, event: LifecycleEvent): NewEvent {
    const id = newId();
    const { type, ...details } = event;
    const { clock, nodeId } = this.#options;
    return { id, subject, body: JSON.stringify({ id, type, time: clock.now(), node: nodeId, ...details }) };
  }

  #schedule(): void {
    if (this.#turnScheduled || this.#stopped || !this.#spool || this.#diskTimer !== undefined) return;
    this.#turnScheduled = true;
    setImmediate(() => this.#turn());
  }

  /** Writes what this loop turn gathered, then hands out what there is room for. */
  #turn(): void {
    this.#turnScheduled = false;
    const spool = this.#spool;
    if (!spool) return;
    const entries = this.#unwritten.slice(0, groupSize);
    const [delivered, dead] = [this.#delivered, this.#dead];
    try {
      if (entries.length + delivered.length + dead.length > 0) {
        const { grown, forgotten } = spool.write(entries, delivered, dead);
        this.#queued += grown;
        if (forgotten > 0) this.#drop(forgotten, 'there are too many dead letters');
        this.#unwritten.splice(0, entries.length);
        this.#delivered = [];
        this.#dead = [];
        for (const { settle } of entries) settle?.();
      }
      this.#dropExcess(spool);
      this.#fillLanes(spool);
    } catch (error) {
      this.#log.error('disk', { err: error }, 'the event spool cannot be written or read; events wait in memory');
      this.#diskTimer = this.#options.clock.setTimeout(() => {
        this.#diskTimer = undefined;
        this.#schedule();
      }, diskRetryMs);
      return;
    }
    if (this.#unwritten.length > 0) this.#schedule();
    if (this.#idle) for (const done of [...this.#drained]) done();
  }

  #dropExcess(spool: EventSpool): void {
    const excess = this.#queued - this.#options.config.maxQueued;
    if (excess <= 0) return;
    const { dropped, upTo } = spool.dropOldest(excess);
    this.#queued -= dropped;
    this.#droppedTo = Math.max(this.#droppedTo, upTo);
    this.#drop(dropped, 'more than events.maxQueued are waiting');
  }

  /** The only reader of new events. It runs right after a write, so an event it sees is not already delivered. */
  #fillLanes(spool: EventSpool): void {
    if (this.#lanes.size >= maxLanes) return;
    const events = spool.scan(this.#scannedTo, scanSize);
    for (const event of events) {
      if (this.#lanes.size >= maxLanes) return;
      this.#scannedTo = event.seq;
      // A lane that is open reads its followers itself, in order.
      if (!this.#lanes.has(event.subject)) this.#lanes.open(event);
    }
    if (events.length === scanSize) this.#schedule();
  }

  async #deliver(event: SpooledEvent, failures: number): Promise<void> {
    const { config, clock, metrics } = this.#options;
    if (event.seq <= this.#droppedTo) return;
    if (failures > 0) metrics.events.add('retried');
    const headers: Record<string, string> = { 'content-type': 'application/json', 'x-tidings-event-id': event.id };
    if (config.secret !== undefined) headers[signatureHeader] = sign(config.secret, event.body, clock.now());
    try {
      const { status } = await this.#http.call({
        method: 'POST',
        url: this.#url,
        headers,
        body: event.body,
        timeoutMs: config.timeout,
        maxResponseBytes,
      });
      if (status < 200 || status > 299) throw new Error(`status ${status}`);
    } catch (error) {
      if (config.maxAttempts > 0 && failures + 1 >= config.maxAttempts && !this.#stopped) {
        this.#bury(event, failures + 1, error as Error);
        return;
      }
      if (!this.#stopped) {
        this.#log.error(
          'delivery',
          { problem: (error as Error).message, waiting: this.queued },
          'events cannot be delivered; they are tried again',
        );
      }
      throw error;
    }
    metrics.events.add('delivered');
    this.#delivered.push(event.seq);
  }

  /** Gives an event up. It is written down with what this turn gathers; a process that dies before tries it again. */
  #bury(event: SpooledEvent, attempts: number, { message }: Error): void {
    const { clock, metrics } = this.#options;
    const problem = message.slice(0, maxProblemLength);
    this.#dead.push({ event, attempts, problem, diedAtMs: clock.now() });
    metrics.events.add('dead');
    this.#log.error(
      'dead',
      { event: event.id, subject: event.subject, attempts, problem, dead: metrics.events.counts.get('dead') },
      'events are given up and kept as dead letters; see `tidings events list`',
    );
  }

  async #retry(ids: readonly string[] | undefined): Promise<number> {
    const choice = ids ? { ids } : { untilMs: this.#options.clock.now() };
    for (let total = 0; ;) {
      const revived = this.#openSpool().revive(choice, reviveSize);
      this.#queued += revived;
      total += revived;
      if (revived > 0) this.#schedule();
      if (revived < reviveSize) return total;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #openSpool(): EventSpool {
    if (!this.#spool) throw new Error('events are not running');
    return this.#spool;
  }

  #drop(count: number, because: string): void {
    this.#options.metrics.events.add('dropped', count);
    this.#log.error(
      'dropped',
      { dropped: this.#options.metrics.events.counts.get('dropped') },
      `events are lost: ${because}`,
    );
  }
}

function closing(subject: string, event: LifecycleEvent): { subject: string; closing: string } {
  return { subject, closing: JSON.stringify(event) };
}
