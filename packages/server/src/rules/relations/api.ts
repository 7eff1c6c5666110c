/**
 * A relation whose facts the application gives and takes by the server API. They lie in the store, in one table for all
 * such relations, and every process has them in memory.
 */
import { sql, type Transaction } from 'kysely';
import type { Store } from '../../stores/store.ts';
import type { Argument, FactInput, Facts } from './facts.ts';
import { MirroredRelation, type FactSource, type MirroredRelationOptions } from './mirror.ts';

/** Facts in one call. */
export const maxFactsPerCall = 1_000;
/** In UTF-8, so that a key fits an index page of PostgreSQL. */
const maxKeyBytes = 2_000;
const loadPageSize = 5_000;

/** The caller's mistake. The message says which fact and why, and is meant for the caller. */
export class FactsError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FactsError';
  }
}

export interface FactsPage {
  /** In the order of their keys; an int is a number if it is safe, else a bigint. */
  readonly facts: readonly (readonly (string | number | bigint | boolean)[])[];
  /** Give it as `after` for what follows; undefined: this was the last page. */
  readonly next: string | undefined;
}

interface StoredFact {
  readonly key: string;
  readonly args: string;
}

export class ApiRelation extends MirroredRelation {
  readonly #options: MirroredRelationOptions & { readonly store: Store };

  constructor(options: Omit<MirroredRelationOptions, 'source'> & { readonly store: Store }) {
    const whole = { ...options, source: new StoredFacts(options.facts, options.store) };
    super(whole);
    this.#options = whole;
  }

  /**
   * Adds facts. One that is there already stays; all or none are written. When it resolves this process knows them, and
   * the others do a moment later.
   * @returns how many were not there.
   * @throws FactsError; StoreUnavailableError, after which the facts may or may not be there: calling again is safe.
   */
  add(facts: readonly FactInput[]): Promise<number> {
    return this.#write(facts, (tx, stored) => {
      const rows = stored.map(({ key, args }) => sql`(${this.#source}, ${key}, ${args})`);
      return sql<StoredFact>`insert into relation_facts (relation, key, args) values ${sql.join(rows)}
        on conflict do nothing returning key, args`.execute(tx);
    });
  }

  /**
   * Removes facts; one that is not there is no mistake.
   * @returns how many were there.
   * @throws as `add`.
   */
  remove(facts: readonly FactInput[]): Promise<number> {
    return this.#write(facts, (tx, stored) => {
      const keys = stored.map(({ key }) => sql`${key}`);
      return sql<StoredFact>`delete from relation_facts
        where relation = ${this.#source} and key in (${sql.join(keys)}) returning key, args`.execute(tx);
    });
  }

  /**
   * A page of the facts, as the store has them.
   * @param limit from 1 to 1000.
   * @throws FactsError, StoreUnavailableError.
   */
  async list({ after = '', limit = maxFactsPerCall }: { after?: string; limit?: number } = {}): Promise<FactsPage> {
    if (!Number.isInteger(limit) || limit < 1 || limit > maxFactsPerCall) {
      throw new FactsError(`limit is ${limit}; valid: 1 to ${maxFactsPerCall}`);
    }
    const { rows } = await sql<StoredFact>`select key, args from relation_facts
      where relation = ${this.#source} and key > ${storable(after)} order by key limit ${limit + 1}`.execute(
      this.#options.store.database<never>(),
    );
    const page = rows.slice(0, limit);
    const facts = page.flatMap(({ args }) => {
      const read = this.#options.facts.readTexts(JSON.parse(args) as string[]);
      return read ? [read.map((arg) => (typeof arg === 'bigint' && isSafe(arg) ? Number(arg) : arg))] : [];
    });
    return { facts, next: rows.length > limit ? page.at(-1)?.key : undefined };
  }

  get #source(): string {
    return this.#options.source.id;
  }

  async #write(
    facts: readonly FactInput[],
    write: (tx: Transaction<never>, facts: readonly StoredFact[]) => Promise<{ readonly rows: StoredFact[] }>,
  ): Promise<number> {
    const stored = this.#read(facts);
    if (stored.length === 0) return 0;
    const { store, feed } = this.#options;
    const changed = await store.transaction<never, number>(async (tx) => {
      const { rows } = await write(tx, stored);
      const args = rows.map((row) => JSON.parse(row.args) as string[]);
      await feed.log.add(tx, this.#source, args);
      return rows.length;
    });
    if (changed > 0) await feed.sync();
    return changed;
  }

  /** In the order of keys: two calls that lock rows in different orders would wait for each other. */
  #read(facts: readonly FactInput[]): StoredFact[] {
    if (facts.length > maxFactsPerCall) {
      throw new FactsError(`${facts.length} facts; at most ${maxFactsPerCall} in one call`);
    }
    const stored = new Map<string, StoredFact>();
    for (const [i, fact] of facts.entries()) {
      const args = this.#options.facts.read(fact);
      if (typeof args === 'string') throw new FactsError(`fact ${i + 1}: ${args}`);
      const key = this.#options.facts.key(args);
      if (Buffer.byteLength(key) > maxKeyBytes) {
        throw new FactsError(`fact ${i + 1}: more than ${maxKeyBytes} bytes`);
      }
      if (storable(key) !== key)
        throw new FactsError(`fact ${i + 1}: text with a NUL character or half a surrogate pair`);
      stored.set(key, { key, args: JSON.stringify(args.map(String)) });
    }
    return [...stored.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1));
  }
}

/** What both databases can hold. */
function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

function isSafe(int: bigint): boolean {
  return Number.isSafeInteger(Number(int));
}

class StoredFacts implements FactSource {
  readonly id: string;
  readonly #facts: Facts;
  readonly #store: Store;

  constructor(facts: Facts, store: Store) {
    this.id = facts.signature.name;
    this.#facts = facts;
    this.#store = store;
  }

  async open(): Promise<void> {}

  async load(each: (args: readonly string[]) => void): Promise<void> {
    const db = this.#store.database<never>();
    let after: string | undefined;
    for (;;) {
      const beyond = after === undefined ? sql`` : sql`and key > ${after}`;
      const { rows } = await sql<StoredFact>`select key, args from relation_facts
        where relation = ${this.id} ${beyond} order by key limit ${loadPageSize}`.execute(db);
      for (const { args } of rows) each(JSON.parse(args) as string[]);
      if (rows.length < loadPageSize) return;
      after = rows.at(-1)?.key;
      // SQLite answers at once: without a pause nobody else would have a turn until all is read.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  async holding(facts: readonly (readonly Argument[])[]): Promise<readonly (readonly string[])[]> {
    const keys = new Set(facts.map((args) => this.#facts.key(args)));
    const { rows } = await sql<StoredFact>`select key, args from relation_facts
      where relation = ${this.id} and key in (${sql.join([...keys].map((key) => sql`${key}`))})`.execute(
      this.#store.database<never>(),
    );
    return rows.map(({ args }) => JSON.parse(args) as string[]);
  }
}
