/**
 * A relation that asks the embedding program, and remembers its answers for a while.
 *
 * An answer that is in use when its time is over is asked for again in the background and used until then; listeners are
 * told, so that whoever still stands on it evaluates again and thereby keeps it in use. One that nobody asked for since
 * is dropped. When there are more facts than places, the answers used longest ago go; as it is not known who stands on
 * them, listeners are told, once in every life time of an answer, that anything may have changed.
 */
import type { Clock, TimerId } from '../../lib/clock.ts';
import type { Expiring } from '../../lib/expiry-heap.ts';
import type { Logger } from '../../lib/logger.ts';
import { Semaphore } from '../../lib/semaphore.ts';
import { Sweeper } from '../../lib/sweeper.ts';
import { Unavailable, Unprepared, type Relation, type RelationListener, type RelationSignature } from '../relation.ts';
import { Failure, type Value } from '../value.ts';
import { Facts, RelationListeners, type Argument, type FactInput } from './facts.ts';

/** Answers whether a fact holds; ints come as `bigint`. After a throw or a rejection nobody knows, and nothing is granted. */
export type RelationFunction = (...args: (string | bigint | boolean)[]) => boolean | Promise<boolean>;

/** A failure is remembered this long, so that a program in trouble is not asked for every command. */
const failureTtlMs = 1_000;
/** The program must have answered by then. */
const timeoutMs = 5_000;
/** Calls of the program at once, and those that wait for a place. */
const maxCalls = 256;
const maxWaiting = 100_000;
/** How often facts that were invalidated while they were asked for are asked for again. */
const maxAttempts = 3;
/** Trouble is logged this often at most. */
const logIntervalMs = 10_000;

interface Answer extends Expiring {
  readonly key: string;
  readonly args: readonly Argument[];
  answer: boolean | Failure;
  /** Since it was given. */
  used: boolean;
}

export interface FunctionRelationOptions {
  readonly ask: RelationFunction;
  readonly symmetric: boolean;
  readonly cacheTtlMs: number;
  /** Answers kept at most. */
  readonly cacheSize: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class FunctionRelation implements Relation {
  readonly signature: RelationSignature;
  readonly #options: FunctionRelationOptions;
  readonly #facts: Facts;
  readonly #listeners = new RelationListeners();
  readonly #unprepared: Unprepared;
  /** By key; the one used longest ago first. */
  readonly #answers = new Map<string, Answer>();
  readonly #asking = new Map<string, Promise<void>>();
  readonly #sweeper: Sweeper<Answer>;
  #calls: Semaphore;
  #started = false;
  /** Runs while answers were dropped for want of room. */
  #overflowTimer: TimerId;
  #overflowed = false;
  #loggedAtMs = Number.NEGATIVE_INFINITY;

  constructor(signature: RelationSignature, options: FunctionRelationOptions) {
    this.signature = signature;
    this.#options = options;
    this.#facts = new Facts(signature, options.symmetric);
    this.#unprepared = new Unprepared(signature.name);
    this.#sweeper = new Sweeper(options.clock, (answer) => this.#expire(answer));
    this.#calls = new Semaphore(maxCalls, maxWaiting, options.clock);
  }

  get name(): string {
    return `relation ${this.signature.name}`;
  }

  has(args: readonly Value[]): boolean | Failure {
    if (!this.#facts.accepts(args)) return this.#facts.refusal();
    const known = this.#answers.get(this.#facts.key(args));
    if (!known) return this.#started ? this.#unprepared : new Unavailable(`${this.signature.name} is not started`);
    known.used = true;
    this.#answers.delete(known.key);
    this.#answers.set(known.key, known);
    return known.answer;
  }

  async prepare(args: readonly Value[]): Promise<void> {
    if (!this.#facts.accepts(args)) return;
    const key = this.#facts.key(args);
    for (let attempt = 0; attempt < maxAttempts && this.#started && !this.#answers.has(key); attempt++) {
      await this.#ask(key, args);
    }
  }

  /**
   * Forgets what is known to be wrong: the next evaluation asks anew, and an answer under way does not count.
   * @param fact without it, everything.
   * @throws Error for a fact of the wrong number or types of arguments.
   */
  invalidate(fact?: FactInput): void {
    if (!this.#started) return;
    if (fact === undefined) {
      for (const known of [...this.#answers.values()]) this.#drop(known);
      this.#asking.clear();
      this.#listeners.tell(undefined);
      return;
    }
    const args = this.#facts.read(fact);
    if (typeof args === 'string') throw new Error(`a fact of ${this.signature.name}: ${args}`);
    const key = this.#facts.key(args);
    const known = this.#answers.get(key);
    if (known) this.#drop(known);
    this.#asking.delete(key);
    this.#listeners.tell(this.#facts.orders(args));
  }

  onChange(listener: RelationListener): () => void {
    return this.#listeners.add(listener);
  }

  async start(): Promise<void> {
    this.#started = true;
    this.#calls = new Semaphore(maxCalls, maxWaiting, this.#options.clock);
    this.#sweeper.start();
  }

  async stop(): Promise<void> {
    this.#started = false;
    this.#sweeper.stop();
    this.#calls.close();
    this.#options.clock.clearTimeout(this.#overflowTimer);
    this.#overflowed = false;
    for (const known of [...this.#answers.values()]) this.#drop(known);
    this.#asking.clear();
  }

  /** One call for all who wait for the same fact. */
  #ask(key: string, args: readonly Argument[]): Promise<void> {
    const under = this.#asking.get(key);
    if (under) return under;
    const asking: Promise<void> = this.#call(args).then((answer) => {
      // Otherwise it was invalidated meanwhile, or the relation was stopped.
      if (this.#asking.get(key) !== asking) return;
      this.#asking.delete(key);
      this.#store(key, args, answer);
    });
    this.#asking.set(key, asking);
    return asking;
  }

  /** Never rejects. */
  async #call(args: readonly Argument[]): Promise<boolean | Failure> {
    const { clock, ask } = this.#options;
    const { name } = this.signature;
    let release = () => {};
    try {
      release = await this.#calls.acquire(timeoutMs);
      const answer: unknown = await new Promise<unknown>((resolve, reject) => {
        const timer = clock.setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
        const done = () => clock.clearTimeout(timer);
        // In a promise, so that a throw is a rejection.
        new Promise<unknown>((answered) => answered(ask(...args))).finally(done).then(resolve, reject);
      });
      if (typeof answer === 'boolean') return answer;
      throw new TypeError(`the answer is ${answer === null ? 'null' : typeof answer}, not a boolean`);
    } catch (error) {
      this.#log(error);
      return new Unavailable(`${name} failed`);
    } finally {
      release();
    }
  }

  #store(key: string, args: readonly Argument[], answer: boolean | Failure): void {
    const { cacheTtlMs, cacheSize, clock } = this.#options;
    const dueMs = clock.now() + (answer instanceof Failure ? failureTtlMs : cacheTtlMs);
    const known = this.#answers.get(key);
    if (known) {
      known.answer = answer;
      known.used = false;
      this.#sweeper.set(known, dueMs);
      this.#listeners.tell(this.#facts.orders(args));
      return;
    }
    const entry: Answer = { key, args, answer, used: false, heapDueMs: 0, heapIndex: -1 };
    this.#answers.set(key, entry);
    this.#sweeper.set(entry, dueMs);
    const [oldest] = this.#answers.values();
    if (this.#answers.size <= cacheSize || !oldest) return;
    this.#drop(oldest);
    if (this.#overflowed) return;
    this.#overflowed = true;
    this.#overflowTimer = clock.setTimeout(() => {
      this.#overflowed = false;
      this.#listeners.tell(undefined);
    }, cacheTtlMs);
  }

  #expire(known: Answer): void {
    if (known.used) {
      known.used = false;
      void this.#ask(known.key, known.args);
      return;
    }
    this.#drop(known);
    this.#listeners.tell(this.#facts.orders(known.args));
  }

  #drop(known: Answer): void {
    this.#answers.delete(known.key);
    this.#sweeper.delete(known);
  }

  #log(error: unknown): void {
    const now = this.#options.clock.now();
    if (!this.#started || now - this.#loggedAtMs < logIntervalMs) return;
    this.#loggedAtMs = now;
    this.#options.logger.error({ relation: this.signature.name, err: error }, 'the function of a relation failed');
  }
}
