/**
 * What `allow.receive` leaves of itself for a subscriber, as a filter on the delivery path. Subscribers for whom the same
 * is left share one filter, which remembers its verdict on the publication at hand: a rule runs once for each distinct
 * rest and publication, not for each subscriber. A publication is parsed once for all of them.
 */
import type { Publication } from '@tidings/protocol';
import type { ReceiveFilter } from '../auth/authorizer.ts';
import { parseExactJson } from '../auth/exact-json.ts';
import type { Clock } from '../lib/clock.ts';
import { compileClosure } from './compile-closure.ts';
import { formatRule } from './format.ts';
import { mayHold } from './may-hold.ts';
import type { MessageSchema } from './message-schema.ts';
import type { Rule } from './ruleset.ts';
import { childrenOf, type TypedExpr } from './syntax.ts';
import { Failure, Timestamp, type RelationReader } from './value.ts';

interface Shared {
  readonly filter: ReceiveFilter;
  readonly rule: Rule;
  readonly text: string;
  users: number;
}

export interface ReceiveFiltersOptions {
  readonly relations: RelationReader;
  readonly clock: Clock;
  /** Told of every evaluation that failed. */
  readonly failed: (pattern: string) => void;
}

const nothing: ReceiveFilter = () => false;
const noTags: Readonly<Record<string, string>> = Object.freeze({});
const decoder = new TextDecoder('utf-8', { fatal: true });

export class ReceiveFilters {
  readonly #options: ReceiveFiltersOptions;
  readonly #byRule = new Map<Rule, Map<string, Shared>>();
  readonly #byFilter = new Map<ReceiveFilter, Shared>();

  // The publication at hand. What it was parsed to is made when the first filter asks.
  #publication: Publication | undefined;
  #turn = 0;
  #parsedTurn = -1;
  #parsed: unknown;

  constructor(options: ReceiveFiltersOptions) {
    this.#options = options;
  }

  /** Filters in use. */
  get size(): number {
    return this.#byFilter.size;
  }

  /**
   * @param rest of the rule, when all that is known of the subscriber is bound.
   * @param schema of the channel, for integers that no double can hold.
   * @returns undefined if the subscriber is given everything.
   */
  acquire(rule: Rule, rest: TypedExpr, pattern: string, schema: MessageSchema | undefined): ReceiveFilter | undefined {
    if (rest.kind === 'constant') return rest.value === true ? undefined : nothing;
    if (rest.kind === 'failure') {
      this.#options.failed(pattern);
      return nothing;
    }
    let byText = this.#byRule.get(rule);
    if (byText === undefined) this.#byRule.set(rule, (byText = new Map()));
    const text = formatRule(rest);
    let shared = byText.get(text);
    if (shared === undefined) {
      shared = { filter: this.#compile(rest, pattern, schema), rule, text, users: 0 };
      byText.set(text, shared);
      this.#byFilter.set(shared.filter, shared);
    }
    shared.users++;
    return shared.filter;
  }

  /** Whoever acquired a filter no longer uses it. */
  release(filter: ReceiveFilter): void {
    const shared = this.#byFilter.get(filter);
    if (shared === undefined || --shared.users > 0) return;
    this.#byFilter.delete(filter);
    const byText = this.#byRule.get(shared.rule);
    byText?.delete(shared.text);
    if (byText?.size === 0) this.#byRule.delete(shared.rule);
  }

  #compile(rest: TypedExpr, pattern: string, schema: MessageSchema | undefined): ReceiveFilter {
    const { relations, clock, failed } = this.#options;
    // Closures: generated code would be faster to run, and much slower and larger to make, and many users have a rest
    // of their own.
    const evaluate = compileClosure(rest);
    const { variables, asks } = namesIn(rest);
    const usesData = variables.has('data');
    const usesNow = variables.has('now');
    const judge = (publication: Publication): boolean | undefined => {
      const data = usesData ? this.#dataOf(publication, schema) : undefined;
      // Not JSON: the rule cannot be asked.
      if (data === undefined && usesData) return false;
      const environment = {
        data,
        tags: publication.tags ?? noTags,
        publisher: publication.info?.user ?? '',
        now: usesNow ? Timestamp.ofMs(clock.now()) : undefined,
      };
      const value = evaluate(environment, relations);
      if (!(value instanceof Failure)) return value === true;
      failed(pattern);
      return asks && mayHold(evaluate, environment, relations) ? undefined : false;
    };
    // The same publication may come again later, from a buffer, and facts and time may be others then.
    if (asks || usesNow) {
      return (publication) => {
        this.#take(publication);
        return judge(publication);
      };
    }
    let turn = -1;
    let verdict: boolean | undefined;
    return (publication) => {
      this.#take(publication);
      if (turn !== this.#turn) {
        turn = this.#turn;
        verdict = judge(publication);
      }
      return verdict;
    };
  }

  #take(publication: Publication): void {
    if (publication === this.#publication) return;
    this.#publication = publication;
    this.#turn++;
  }

  /** @returns undefined if it is not JSON. */
  #dataOf(publication: Publication, schema: MessageSchema | undefined): unknown {
    if (this.#parsedTurn !== this.#turn) {
      this.#parsedTurn = this.#turn;
      this.#parsed = parse(publication.data, schema);
    }
    return this.#parsed;
  }
}

function parse(data: Uint8Array, schema: MessageSchema | undefined): unknown {
  try {
    const text = decoder.decode(data);
    if (schema === undefined) return JSON.parse(text);
    const value = parseExactJson(text);
    // The server may publish what keeps no schema; a rule then sees plain JSON.
    return schema.check(value) === undefined ? schema.read(value) : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function namesIn(expr: TypedExpr): { readonly variables: ReadonlySet<string>; readonly asks: boolean } {
  const variables = new Set<string>();
  let asks = false;
  const walk = (node: TypedExpr): void => {
    if (node.kind === 'variable') variables.add(node.name);
    else if (node.kind === 'relation') asks = true;
    for (const child of childrenOf(node)) walk(child);
  };
  walk(expr);
  return { variables, asks };
}
