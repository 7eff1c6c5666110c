/**
 * A relation whose facts lie in the database, copied into memory. `api.ts` and `table.ts` say where the
 * facts are; `change-feed.ts` says when to look. A fact of two ids takes about 130 bytes.
 *
 * The database cannot be asked while a rule is evaluated, so that the copy vouches for what it knew a minute ago at most;
 * after that every answer is a failure until the facts have been read anew.
 */
import type { Clock } from '../../lib/clock.ts';
import { Unavailable, type Relation, type RelationListener, type RelationSignature } from '../relation.ts';
import type { Failure, Value } from '../value.ts';
import { staleAfterMs, type ChangeFeed, type Mirror } from './change-feed.ts';
import { FactSet, RelationListeners, type Argument, type Facts } from './facts.ts';

/** Where the facts are. Arguments are texts, as the database writes them. */
export interface FactSource {
  /** As in the change log. */
  readonly id: string;
  /** Makes sure that the facts can be read and that changes get into the log. @throws Error that says what is wrong. */
  open(): Promise<void>;
  /** Reads all facts, in pages; if the database makes it begin anew, some come twice. */
  load(each: (args: readonly (string | null)[]) => void): Promise<void>;
  /** Those of these facts that hold now; more facts that hold may come too. */
  holding(facts: readonly (readonly Argument[])[]): Promise<readonly (readonly (string | null)[])[]>;
}

/** Facts looked at in one query. */
const maxFactsPerQuery = 500;
/** With more differences after reading everything, listeners are told that anything may have changed. */
const maxToldFacts = 10_000;

export interface MirroredRelationOptions {
  readonly facts: Facts;
  readonly source: FactSource;
  readonly feed: ChangeFeed;
  readonly clock: Clock;
}

export class MirroredRelation implements Relation {
  readonly #options: MirroredRelationOptions;
  readonly #listeners = new RelationListeners();
  #held = new FactSet();
  /** All that was committed by then is known. */
  #freshSinceMs = Number.NEGATIVE_INFINITY;
  /** Whether listeners know that the answers are failures. */
  #toldStale = true;
  #detach: (() => void) | undefined;
  #running = false;

  constructor(options: MirroredRelationOptions) {
    this.#options = options;
  }

  get name(): string {
    return `relation ${this.signature.name}`;
  }

  get signature(): RelationSignature {
    return this.#options.facts.signature;
  }

  /** Facts in memory. */
  get size(): number {
    return this.#held.size;
  }

  has(args: readonly Value[]): boolean | Failure {
    const { facts } = this.#options;
    if (!facts.accepts(args)) return facts.refusal();
    if (this.#isStale()) {
      const why = this.#running ? 'the database has not answered for too long' : 'it is not loaded';
      return new Unavailable(`${this.signature.name} cannot be asked: ${why}`);
    }
    return this.#held.has(facts.canonical(args));
  }

  onChange(listener: RelationListener): () => void {
    return this.#listeners.add(listener);
  }

  async start(): Promise<void> {
    const { source, feed } = this.#options;
    if (this.#detach) return;
    await source.open();
    this.#running = true;
    try {
      const detach = await feed.attach(this.#mirror());
      // Stopped meanwhile.
      if (this.#running) this.#detach = detach;
      else detach();
    } catch (error) {
      this.#running = false;
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#detach?.();
    this.#detach = undefined;
    this.#held = new FactSet();
    this.#freshSinceMs = Number.NEGATIVE_INFINITY;
    this.#toldStale = true;
  }

  #isStale(): boolean {
    return this.#options.clock.now() - this.#freshSinceMs > staleAfterMs;
  }

  #mirror(): Mirror {
    return {
      source: this.#options.source.id,
      name: this.name,
      load: () => this.#load(),
      recheck: (facts) => this.#recheck(facts),
      fresh: (sinceMs) => this.#setFresh(sinceMs),
      failed: () => {
        if (!this.#isStale() || this.#toldStale) return;
        this.#toldStale = true;
        if (this.#running) this.#listeners.tell(undefined);
      },
    };
  }

  #setFresh(sinceMs: number): void {
    if (!this.#running) return;
    this.#freshSinceMs = sinceMs;
    if (!this.#toldStale) return;
    this.#toldStale = false;
    this.#tell(undefined);
  }

  async #load(): Promise<void> {
    const { facts, source } = this.#options;
    const before = this.#held;
    const loaded = new FactSet();
    const added: (readonly Argument[])[] = [];
    let news = 0;
    await source.load((texts) => {
      const read = facts.readTexts(texts);
      const args = read && facts.canonical(read);
      if (!args || loaded.has(args)) return;
      loaded.add(args);
      if (before.has(args)) return;
      news++;
      if (news <= maxToldFacts) added.push(args);
    });
    if (!this.#running) return;
    this.#held = loaded;
    const gone = before.size - (loaded.size - news);
    // Which ones are gone is not known.
    if (gone > 0 || news > maxToldFacts) this.#tell(undefined);
    else this.#tellFacts(added);
  }

  async #recheck(changed: readonly (readonly (string | null)[])[]): Promise<void> {
    const { facts, source } = this.#options;
    const asked = new Map<string, readonly Argument[]>();
    for (const texts of changed) {
      const args = facts.readTexts(texts);
      if (args) asked.set(facts.key(args), facts.canonical(args));
    }
    const all = [...asked];
    for (let i = 0; i < all.length; i += maxFactsPerQuery) {
      const page = all.slice(i, i + maxFactsPerQuery);
      const rows = await source.holding(page.flatMap(([, args]) => facts.orders(args)));
      if (!this.#running) return;
      const holding = new Set<string>();
      for (const texts of rows) {
        const args = facts.readTexts(texts);
        if (args) holding.add(facts.key(args));
      }
      const told: (readonly Argument[])[] = [];
      for (const [key, args] of page) {
        if (holding.has(key) === this.#held.has(args)) continue;
        if (holding.has(key)) this.#held.add(args);
        else this.#held.delete(args);
        told.push(args);
      }
      this.#tellFacts(told);
    }
  }

  #tellFacts(changed: readonly (readonly Argument[])[]): void {
    if (changed.length > 0) this.#tell(changed.flatMap((args) => this.#options.facts.orders(args)));
  }

  /** While the answers are failures they do not change. */
  #tell(changed: Parameters<RelationListener>[0]): void {
    if (this.#running && !this.#isStale()) this.#listeners.tell(changed);
  }
}
