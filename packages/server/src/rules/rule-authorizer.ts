/**
 * Decides by the rules in the options of channels, and by their words where there is no rule. Between the use cases and
 * the compiled rules: puts the variables together, asks relations beforehand that cannot answer at once, says what an
 * answer rests on, and why it was no.
 */
import { errors, isJson, ProtocolError, type Payload } from '@tidings/protocol';
import type {
  Actor,
  Authorizer,
  AuthRecord,
  ChannelAction,
  Concern,
  Decision,
  FactListener,
  Grounds,
  Message,
  ReceiveFilter,
  Reception,
  Resource,
  Rules,
} from '../auth/authorizer.ts';
import { parseExactJson } from '../auth/exact-json.ts';
import { OptionsAuthorizer } from '../auth/options-authorizer.ts';
import type { ChannelOptions } from '../config/schema.ts';
import type { Clock } from '../lib/clock.ts';
import type { Metrics } from '../lib/metrics.ts';
import { authRecord } from './auth-record.ts';
import { DecisionCache, type Asked, type Kept } from './decision-cache.ts';
import { channelEnvironment } from './environment.ts';
import { explain, reasonOf } from './explain.ts';
import { mayHold } from './may-hold.ts';
import { bindRule } from './partial.ts';
import { ReceiveFilters } from './receive-filters.ts';
import { Unavailable } from './relation.ts';
import type { Recording, Relations } from './relations.ts';
import { Rests } from './rests.ts';
import type { Rule, Ruleset } from './ruleset.ts';
import { jsonTextOf, stampFields } from './stamp.ts';
import { childrenOf, type TypedExpr } from './syntax.ts';
import { Failure, Timestamp, type Environment, type RelationReader, type Value } from './value.ts';

/** Facts may lead to further facts; whoever needs more rounds than this to know is told to ask later. */
const maxRounds = 8;
/** Denials explained in a second: an explanation costs far more than a verdict. */
const explainedPerSecond = 10;
const maxProblemLength = 200;

export interface RuleAuthorizerOptions {
  readonly ruleset: Ruleset;
  readonly relations: Relations;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Relations whose answers hold for a while only: decisions that asked them are not remembered. */
  readonly fleeting: (relation: string) => boolean;
  /** Whether somebody else decides on the actions of clients; what they are given and shown is decided here all the same. */
  readonly actionsElsewhere: boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class RuleAuthorizer implements Authorizer, Rules {
  readonly #options: RuleAuthorizerOptions;
  readonly #words = new OptionsAuthorizer();
  readonly #cache = new DecisionCache();
  readonly #rests = new Rests();
  readonly #filters: ReceiveFilters;
  #ruleset: Ruleset;
  /** By options, which are others in every configuration. */
  #concerns = new WeakMap<ChannelOptions, { readonly concern: Concern | undefined }>();
  #explained = 0;
  #explainedSinceMs = 0;

  constructor(options: RuleAuthorizerOptions) {
    const { relations, clock, metrics } = options;
    this.#options = options;
    this.#ruleset = options.ruleset;
    this.#filters = new ReceiveFilters({
      relations,
      clock,
      failed: (pattern) => metrics.ruleErrors.add(pattern, 'receive'),
    });
    relations.onChange(() => this.#cache.changed());
  }

  /** A new configuration: decisions from now on are by these rules. */
  replace(ruleset: Ruleset): void {
    this.#ruleset = ruleset;
    this.#concerns = new WeakMap();
    this.#cache.clear();
    this.#rests.clear();
  }

  concern({ pattern, options }: Pick<Resource, 'pattern' | 'options'>): Concern | undefined {
    const known = this.#concerns.get(options);
    if (known !== undefined) return known.concern;
    const rules = this.#ruleset.channel(pattern);
    const { actionsElsewhere } = this.#options;
    const concern = {
      subscribe: rules?.subscribe !== undefined && !actionsElsewhere,
      // Also a word keeps from being told who comes and goes; who is subscribed is what `subscribers` asks.
      presence: !actionsElsewhere && (rules?.presence !== undefined || isTold(options)),
      announce: options.allow.announce !== 'anyone',
      receive: options.allow.receive !== 'anyone',
    };
    const any = Object.values(concern).some(Boolean) ? concern : undefined;
    this.#concerns.set(options, { concern: any });
    return any;
  }

  decide(who: Actor, action: ChannelAction, on: Resource): Decision | Promise<Decision> {
    const rule = this.#ruleset.channel(on.pattern)?.[action];
    if (rule === undefined) return this.#words.decide(who, action, on);
    const { relations, fleeting } = this.#options;
    // Somebody subscribes seldom, and is watched from then on: remembering would cost more than it saves.
    const isLasting = action !== 'subscribe' && (rule.usesData || !rule.usesNow) && !rule.relations.some(fleeting);
    if (!isLasting) {
      const environment = this.#environment(who, on);
      return this.#settled(
        ({ reader }) => rule.evaluate(environment, reader),
        (value, { facts }) => this.#verdict(rule, value, action, who, on, facts),
      );
    }
    const kept = this.#cache.find(who.auth, action, on.channel, relations) ?? this.#remember(rule, who, action, on);
    if ('decision' in kept) return kept.decision;
    const left = { data: on.data, now: rule.usesNow ? Timestamp.ofMs(this.#options.clock.now()) : undefined };
    return this.#verdict(rule, kept.rest(left, relations), action, who, on);
  }

  /** Decides, as far as that is possible without the message, and keeps it. */
  #remember(rule: Rule, who: Actor, action: ChannelAction, on: Resource): Kept {
    const recording = this.#options.relations.recording();
    const asked: Asked[] = [];
    const reader = noting(recording.reader, asked);
    const rest = rule.usesData ? bindRule(rule.expr, knownOf(who, on), reader) : undefined;
    const isOpen = rest !== undefined && rest.kind !== 'constant' && rest.kind !== 'failure';
    let kept: Kept;
    if (isOpen) {
      kept = { rest: this.#rests.compile(rule, rest) };
    } else {
      const value = rest === undefined ? rule.evaluate(this.#environment(who, on), reader) : settledValue(rest);
      kept = { decision: this.#verdict(rule, value, action, who, on, recording.facts) };
    }
    // It would stand until something changes, and that somebody can answer again need not be a change.
    if (asked.some(({ answer }) => answer instanceof Unavailable)) return kept;
    this.#cache.keep(who.auth, action, on.channel, kept, asked);
    return kept;
  }

  receive(who: Actor, on: Resource): Reception | Promise<Reception> {
    const rules = this.#ruleset.channel(on.pattern);
    const rule = rules?.receive;
    if (rule === undefined) {
      return this.#words.decide(who, 'receive', on).allow ? { filter: undefined } : { filter: () => false };
    }
    const known = knownOf(who, on);
    return this.#settled(
      ({ reader }) => bindRule(rule.expr, known, reader),
      (rest, { facts, isUnknown }): Reception => ({
        filter: this.#filters.acquire(rule, rest, on.pattern, rules?.schema),
        unknown: isUnknown() && asksRelations(rest),
        grounds: { facts, timed: false },
      }),
    );
  }

  release(filter: ReceiveFilter): void {
    this.#filters.release(filter);
  }

  read(on: Resource, bytes: Payload): Message | undefined {
    const rules = this.#ruleset.channel(on.pattern);
    if (!rules?.schema && !rules?.publish?.usesData && !rules?.set.length) return undefined;
    const refuse = (problem: string): never => {
      const told = problem.slice(0, maxProblemLength).toWellFormed();
      throw new ProtocolError(
        { ...errors.badRequest, message: `${errors.badRequest.message}: ${told}` },
        { detail: `data of channel ${on.channel} (pattern ${on.pattern}): ${told}` },
      );
    };
    if (!isJson(bytes)) refuse('data must be JSON');
    const text = decoder.decode(bytes);
    if (rules.set.length > 0 && !/^[ \t\r\n]*\{/.test(text)) refuse('data must be an object');
    if (!rules.schema) return { text, data: JSON.parse(text) as unknown };
    const value = parseExactJson(text);
    const problem = rules.schema.check(value);
    if (problem) refuse(`${problem.at === '' ? 'data' : problem.at} ${problem.problem}`);
    return { text, data: rules.schema.read(value) };
  }

  stamp(who: Actor, on: Resource, { text, data }: Message): Payload | Promise<Payload> | undefined {
    const set = this.#ruleset.channel(on.pattern)?.set ?? [];
    if (set.length === 0) return undefined;
    const environment = this.#environment(who, { ...on, data });
    return this.#settled(
      ({ reader }) => set.map(({ field, rule }) => [field, rule.evaluate(environment, reader), rule] as const),
      (values, { isUnknown }) => {
        const fields = new Map<string, string>();
        for (const [field, value, rule] of values) {
          const written = value instanceof Failure ? value : jsonTextOf(value);
          if (written instanceof Failure) {
            this.#options.metrics.ruleErrors.add(on.pattern, 'set');
            const error = isUnknown() ? errors.internal : errors.permissionDenied;
            throw new ProtocolError(error, { detail: `${rule.key} failed: ${written.reason}` });
          }
          fields.set(field, written);
        }
        return encoder.encode(stampFields(text, fields));
      },
    );
  }

  authRecord(user: string, claims: unknown): { readonly record: AuthRecord; readonly problems: readonly string[] } {
    return authRecord(this.#ruleset.auth, user, claims);
  }

  onChange(listener: FactListener): () => void {
    return this.#options.relations.onChange(listener);
  }

  #environment(who: Actor, on: Resource): Environment {
    const parts = {
      auth: who.auth,
      channel: on.channel,
      variables: on.variables,
      nowMs: this.#options.clock.now(),
    };
    return channelEnvironment('data' in on ? { ...parts, data: on.data } : parts);
  }

  /**
   * Evaluates; if a fact has to be fetched first, fetches it and evaluates again.
   * @param finish makes the answer, in the turn of the evaluation that it rests on.
   */
  #settled<T, R>(evaluate: (recording: Recording) => T, finish: (value: T, recording: Recording) => R): R | Promise<R> {
    const recording = this.#options.relations.recording();
    const value = evaluate(recording);
    return recording.pending.length === 0 ? finish(value, recording) : this.#prepared(evaluate, finish, recording);
  }

  async #prepared<T, R>(
    evaluate: (recording: Recording) => T,
    finish: (value: T, recording: Recording) => R,
    first: Recording,
  ): Promise<R> {
    const { relations } = this.#options;
    let { pending } = first;
    for (let round = 1; ; round++) {
      await relations.prepare(pending);
      const recording = relations.recording();
      const value = evaluate(recording);
      pending = recording.pending;
      // In the last round what is not known yet is not known.
      if (pending.length === 0 || round === maxRounds) return finish(value, recording);
    }
  }

  #verdict(
    rule: Rule,
    value: Value | Failure,
    action: ChannelAction,
    who: Actor,
    on: Resource,
    facts: Grounds['facts'] = [],
  ): Decision {
    const grounds = facts.length > 0 || rule.usesNow ? { facts, timed: rule.usesNow } : undefined;
    const rested = grounds && { grounds };
    if (value === true) return { allow: true, ...rested };
    const because = this.#because(rule, who, on);
    if (value instanceof Failure) this.#options.metrics.ruleErrors.add(on.pattern, action);
    const isUnknown =
      value instanceof Failure && mayHold(rule.evaluate, this.#environment(who, on), this.#options.relations);
    return { allow: false, error: isUnknown ? errors.internal : errors.permissionDenied, because, ...rested };
  }

  /** The rule, and the part of it that was false; without that part when too many ask. */
  #because(rule: Rule, who: Actor, on: Resource): string {
    const nowMs = this.#options.clock.now();
    if (nowMs - this.#explainedSinceMs >= 1_000 || nowMs < this.#explainedSinceMs) {
      this.#explainedSinceMs = nowMs;
      this.#explained = 0;
    }
    if (++this.#explained > explainedPerSecond) return `rule ${rule.key}`;
    return `rule ${rule.key}: ${reasonOf(explain(rule.expr, this.#environment(who, on), this.#options.relations))}`;
  }
}

/** Whether subscribers may be told who comes and goes, but not all of them. */
function isTold({ joinLeave, allow }: ChannelOptions): boolean {
  return joinLeave !== 'off' && allow.presence !== 'anyone' && allow.presence !== 'subscribers';
}

/** What is the same for every publication: all but the publication and the time. */
function knownOf(who: Actor, on: Resource): Environment {
  const { now: _now, ...known } = channelEnvironment({
    auth: who.auth,
    channel: on.channel,
    variables: on.variables,
    nowMs: 0,
  });
  for (const name of ['data', 'tags', 'publisher']) delete (known as Record<string, unknown>)[name];
  return known;
}

/** What a rule of which nothing is left comes to. */
function settledValue(rest: TypedExpr): Value | Failure {
  if (rest.kind === 'constant') return rest.value;
  return new Failure(rest.kind === 'failure' ? rest.reason : 'it is not decided');
}

function asksRelations(expr: TypedExpr): boolean {
  return expr.kind === 'relation' || childrenOf(expr).some(asksRelations);
}

function noting(reader: RelationReader, asked: Asked[]): RelationReader {
  return {
    related: (relation, args) => {
      const answer = reader.related(relation, args);
      asked.push({ relation, args, answer });
      return answer;
    },
  };
}
