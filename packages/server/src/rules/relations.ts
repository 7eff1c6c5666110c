/**
 * All relations of a configuration. Rules ask through it (`RelationReader`); whoever holds a decision asks it which facts
 * the decision stands on, and is told when one of them changes.
 */
import { startAll, stopAll, type Component } from '../component.ts';
import type { Config } from '../config/schema.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Store } from '../stores/store.ts';
import { factKey, Unavailable, Unprepared, type Relation } from './relation.ts';
import { ApiRelation } from './relations/api.ts';
import { ChangeFeed } from './relations/change-feed.ts';
import { ConfigRelation } from './relations/config.ts';
import { declareRelation, type RelationOptions } from './relations/declare.ts';
import { Facts } from './relations/facts.ts';
import { FunctionRelation, type RelationFunction } from './relations/function.ts';
import { TableRelation } from './relations/table.ts';
import type { Failure, RelationReader, Value } from './value.ts';

/** @param keys of the facts that may have changed (`factKey`); undefined: all of the relation. */
export type RelationsListener = (relation: string, keys: readonly string[] | undefined) => void;

/** What an evaluation asked. */
export interface Recording {
  readonly reader: RelationReader;
  /** Every fact that was asked, by its `factKey`, once. */
  readonly facts: { relation: string; key: string }[];
  /** Facts whose relation has to be prepared before it can answer, up to a limit; until then the answer was a `Failure`. */
  readonly pending: { relation: string; args: readonly Value[] }[];
  /** Whether a relation could not answer. */
  readonly isUnknown: () => boolean;
}

/** Facts that one evaluation can have prepared: a message may name thousands, and others wait for answers too. */
const maxPending = 64;

/** How to make relations of another configuration. */
interface Origin {
  readonly options: Readonly<Record<string, RelationOptions>>;
  readonly create: (name: string, options: RelationOptions) => Relation;
  readonly logger: Logger;
}

export class Relations implements RelationReader, Component {
  readonly name = 'relations';
  readonly #relations = new Map<string, Relation>();
  readonly #listeners = new Set<RelationsListener>();
  /** Take this off each relation. */
  readonly #stopListening = new Map<string, () => void>();
  readonly #origin: Origin | undefined;
  #options: Readonly<Record<string, RelationOptions>>;
  #started = false;

  /** @param origin for `reload`; `createRelations` gives it. */
  constructor(relations: readonly Relation[], origin?: Origin) {
    this.#origin = origin;
    this.#options = origin?.options ?? {};
    for (const relation of relations) this.#hold(relation);
  }

  related(name: string, args: readonly Value[]): boolean | Failure {
    return this.#relations.get(name)?.has(args) ?? gone(name);
  }

  get(name: string): Relation | undefined {
    return this.#relations.get(name);
  }

  /** Answers like this, and collects what was asked. */
  recording(): Recording {
    const facts: Recording['facts'] = [];
    const pending: Recording['pending'] = [];
    const asked = new Set<string>();
    let isUnknown = false;
    const related = (name: string, args: readonly Value[]): boolean | Failure => {
      const relation = this.#relations.get(name);
      if (!relation) {
        isUnknown = true;
        return gone(name);
      }
      const answer = relation.has(args);
      if (answer instanceof Unavailable) isUnknown = true;
      // What is no fact at all, by its types, is none whatever changes.
      if (!args.every(isArgument)) return answer;
      const key = factKey(args);
      const id = `${name}\n${key}`;
      if (asked.has(id)) return answer;
      asked.add(id);
      facts.push({ relation: name, key });
      const isPending = relation.prepare !== undefined && answer instanceof Unprepared;
      if (isPending && pending.length < maxPending) pending.push({ relation: name, args });
      return answer;
    };
    return { reader: { related }, facts, pending, isUnknown: () => isUnknown };
  }

  /** Resolves when all these can be answered. Never rejects: a fact that cannot be had stays a `Failure`. */
  async prepare(pending: Recording['pending']): Promise<void> {
    const prepare = async ({ relation, args }: Recording['pending'][number]) =>
      this.#relations.get(relation)?.prepare?.(args);
    await Promise.allSettled(pending.map(prepare));
  }

  /** @returns takes the listener off. */
  onChange(listener: RelationsListener): () => void {
    const entry: RelationsListener = (relation, keys) => listener(relation, keys);
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  async start(): Promise<void> {
    await startAll([...this.#relations.values()]);
    this.#started = true;
  }

  async stop(): Promise<void> {
    this.#started = false;
    await stopAll([...this.#relations.values()]);
  }

  /**
   * Takes another configuration: facts are replaced, and what is new or defined in another way is started before it
   * takes the place of the old. Listeners are told what changed.
   * @throws what starting a relation throws; then everything is as before.
   */
  async reload(config: Pick<Config, 'rules'>): Promise<void> {
    const origin = this.#origin;
    if (!origin) throw new Error('these relations were not made of a configuration');
    const options = config.rules.relations;
    const changed = Object.entries(options).filter(([name, next]) => {
      const now = Object.hasOwn(this.#options, name) ? this.#options[name] : undefined;
      return !now || definitionOf(now) !== definitionOf(next);
    });
    const made = changed.map(([name, next]) => origin.create(name, next));
    if (this.#started) await startAll(made);
    const before = this.#options;
    const gone = Object.keys(before).filter((name) => !Object.hasOwn(options, name));
    const replaced = [...gone, ...changed.map(([name]) => name)].flatMap((name) => this.#release(name));
    for (const relation of made) this.#hold(relation);
    this.#options = options;
    for (const [name, relation] of this.#relations) {
      const facts = options[name]?.facts ?? [];
      if (relation instanceof ConfigRelation && facts !== before[name]?.facts) relation.replace(facts);
    }
    for (const name of new Set([...gone, ...made.map(({ signature }) => signature.name)])) this.#tell(name, undefined);
    await stopAll(replaced);
  }

  #hold(relation: Relation): void {
    const { name } = relation.signature;
    this.#relations.set(name, relation);
    this.#stopListening.set(
      name,
      relation.onChange((changed) => this.#tell(name, changed?.map(factKey))),
    );
  }

  #release(name: string): Relation[] {
    const relation = this.#relations.get(name);
    if (!relation) return [];
    this.#stopListening.get(name)?.();
    this.#relations.delete(name);
    return [relation];
  }

  /** One listener that fails is no reason for others not to know. */
  #tell(relation: string, keys: readonly string[] | undefined): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(relation, keys);
      } catch (error) {
        this.#origin?.logger.error({ relation, err: error }, 'a listener to changes of a relation failed');
      }
    }
  }
}

/** Rules ask declared relations only: the next configuration, which is on its way, has it no longer. */
function gone(name: string): Unavailable {
  return new Unavailable(`there is no relation ${name}`);
}

function isArgument(value: Value): boolean {
  return typeof value === 'string' || typeof value === 'bigint' || typeof value === 'boolean';
}

/** Of two relations with the same, one takes the facts of the other. */
function definitionOf(options: RelationOptions): string {
  return JSON.stringify({ ...options, facts: undefined });
}

export interface RelationDependencies {
  readonly store?: Store | undefined;
  readonly functions?: Readonly<Record<string, RelationFunction>> | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * @param config that `compileRuleset` found no problem in.
 * @throws Error if a relation needs a store or a function that is not given.
 */
export function createRelations(config: Pick<Config, 'rules'>, deps: RelationDependencies): Relations {
  const { clock, logger, functions = {} } = deps;
  let feed: ChangeFeed | undefined;
  const withStore = (name: string) => {
    const { store } = deps;
    if (!store) throw new Error(`rules.relations.${name} needs a store`);
    feed ??= new ChangeFeed({ store, clock, logger });
    return { store, feed, clock };
  };
  const create = (name: string, options: RelationOptions): Relation => {
    const { symmetric } = options;
    const { signature, where, problems } = declareRelation(name, options);
    // A `where` that was left out would let more rows count.
    if (problems[0])
      throw new Error(`rules.relations.${name}: found ${problems[0].found}; valid: ${problems[0].valid}`);
    const facts = new Facts(signature, symmetric);
    switch (options.from) {
      case 'config':
        return new ConfigRelation(signature, options);
      case 'api':
        return new ApiRelation({ ...withStore(name), facts });
      case 'table': {
        const { table = '', columns = [] } = options;
        return new TableRelation({ ...withStore(name), facts, table, columns, where });
      }
      case 'function': {
        const ask = Object.hasOwn(functions, name) ? functions[name] : undefined;
        if (!ask) throw new Error(`rules.relations.${name} is from: function, but the program gives no such function`);
        const { cacheTtl: cacheTtlMs, cacheSize } = options;
        return new FunctionRelation(signature, { ask, symmetric, cacheTtlMs, cacheSize, clock, logger });
      }
    }
  };
  const options = config.rules.relations;
  const relations = Object.entries(options).map(([name, one]) => create(name, one));
  return new Relations(relations, { options, create, logger });
}
