/**
 * The part of the composition root that rules need: compiles them and the relations they ask, and replaces both when the
 * configuration does.
 */
import { errors, ProtocolError } from '@tidings/protocol';
import type { Component } from './component.ts';
import { ConfigError, formatKey, type ConfigProblem } from './config/config-error.ts';
import type { Config } from './config/schema.ts';
import type { FactStore } from './engine-api.ts';
import type { Clock } from './lib/clock.ts';
import type { Logger } from './lib/logger.ts';
import type { Metrics } from './lib/metrics.ts';
import { ApiRelation, FactsError } from './rules/relations/api.ts';
import { FunctionRelation, type RelationFunction } from './rules/relations/function.ts';
import { createRelations, type Relations } from './rules/relations.ts';
import { RuleAuthorizer } from './rules/rule-authorizer.ts';
import { compileRuleset, type Ruleset } from './rules/ruleset.ts';
import type { RecordType } from './rules/types.ts';
import type { Store } from './stores/store.ts';

export interface EngineRulesOptions {
  readonly config: Config;
  readonly functions: Readonly<Record<string, RelationFunction>> | undefined;
  /** There is one if `needsStore`. */
  readonly store: Store | undefined;
  /** The embedding program decides on actions itself. */
  readonly actionsElsewhere: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export class EngineRules {
  readonly relations: Relations;
  readonly authorizer: RuleAuthorizer;
  /** What rules of the first configuration see of a user. */
  readonly auth: RecordType;
  /** To be started in this order. */
  readonly components: readonly Component[];
  readonly #functions: EngineRulesOptions['functions'];
  readonly #hasStore: boolean;
  #config: Config;

  /** @throws ConfigError */
  constructor(options: EngineRulesOptions) {
    const { config, functions, store, actionsElsewhere, clock, logger, metrics } = options;
    this.#functions = functions;
    this.#config = config;
    const ruleset = this.#compile(config);
    this.#hasStore = store !== undefined;
    this.auth = ruleset.auth;
    this.relations = createRelations(config, { store, functions, clock, logger });
    this.authorizer = new RuleAuthorizer({
      ruleset,
      relations: this.relations,
      clock,
      metrics,
      fleeting: (name) => this.#config.rules.relations[name]?.from === 'function',
      actionsElsewhere,
    });
    this.components = [this.relations];
  }

  /**
   * Takes the relations of a new configuration; what rules and options say changes when `commit` is called.
   * @throws ConfigError, or what starting a relation throws; then everything is as before.
   */
  async reload(config: Config): Promise<{ readonly commit: () => void }> {
    const ruleset = this.#compile(config);
    if (needsStore(config) && !this.#hasStore) {
      throw new ConfigError([
        {
          key: 'rules.relations',
          place: undefined,
          found: 'the first relation that is kept in the store, which was not opened at the start',
          valid: 'a restart',
        },
      ]);
    }
    await this.relations.reload(config);
    return {
      commit: () => {
        this.#config = config;
        this.authorizer.replace(ruleset);
      },
    };
  }

  /** What the application may do with facts. */
  get facts(): FactStore {
    return {
      add: (name, facts) => orBadRequest(() => this.#ofApi(name).add(facts)),
      remove: (name, facts) => orBadRequest(() => this.#ofApi(name).remove(facts)),
      list: (name, page) => orBadRequest(() => this.#ofApi(name).list(page)),
      invalidate: (name, fact) => {
        const relation = this.relations.get(name);
        if (!(relation instanceof FunctionRelation)) throw this.#noRelation(name, 'function');
        try {
          relation.invalidate(fact);
        } catch (error) {
          throw new ProtocolError(errors.badRequest, {
            detail: error instanceof Error ? error.message : String(error),
          });
        }
      },
    };
  }

  #ofApi(name: string): ApiRelation {
    const relation = this.relations.get(name);
    if (relation instanceof ApiRelation) return relation;
    throw this.#noRelation(name, 'api');
  }

  #noRelation(name: string, from: 'api' | 'function'): ProtocolError {
    const fitting = Object.entries(this.#config.rules.relations).filter(([, relation]) => relation.from === from);
    const valid = fitting.map(([known]) => known).join(', ') || 'none is configured';
    return new ProtocolError(errors.badRequest, {
      detail: `${name.slice(0, 64)} is no relation with from: ${from}; valid: ${valid}`,
    });
  }

  #compile(config: Config): Ruleset {
    const { ruleset, problems } = compileRuleset(config);
    const all = [
      ...problems.map(({ path, found, valid }) => ({ key: formatKey(path), place: undefined, found, valid })),
      ...functionProblems(config, this.#functions ?? {}),
    ];
    if (all.length > 0) throw new ConfigError(all);
    return ruleset;
  }
}

/** Whether a relation has its facts in the store. */
export function needsStore({ rules }: Config): boolean {
  return Object.values(rules.relations).some(({ from }) => from === 'api' || from === 'table');
}

function functionProblems(
  { rules }: Config,
  functions: Readonly<Record<string, RelationFunction>>,
): readonly ConfigProblem[] {
  const problem = (name: string, found: string, valid: string): ConfigProblem => ({
    key: formatKey(['rules', 'relations', name]),
    place: undefined,
    found,
    valid,
  });
  const missing = Object.entries(rules.relations)
    .filter(([name, { from }]) => from === 'function' && !Object.hasOwn(functions, name))
    .map(([name]) =>
      problem(
        name,
        'from: function, but no function was given',
        `a function ${name} in the option relations of createEngine`,
      ),
    );
  const unused = Object.keys(functions)
    .filter((name) => !Object.hasOwn(rules.relations, name) || rules.relations[name]?.from !== 'function')
    .map((name) =>
      problem(name, 'a function for a relation that is not declared with from: function', 'its declaration'),
    );
  return [...missing, ...unused];
}

/** A fact that is none is the caller's mistake. */
async function orBadRequest<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FactsError) throw new ProtocolError(errors.badRequest, { detail: error.message });
    throw error;
  }
}
