/**
 * Decides one question about a channel as the engine would, without a connection: for the tests in a configuration and
 * for `tidings rules explain`. What a subscription token, a hook or the server API would grant on top plays no part.
 */
import { allowedUsers } from '@tidings/protocol';
import { OptionsAuthorizer } from '../auth/options-authorizer.ts';
import { ChannelRegistry, type ResolvedChannel } from '../channels/channel-registry.ts';
import type { Config } from '../config/schema.ts';
import { channelEnvironment } from './environment.ts';
import { explain, reasonOf } from './explain.ts';
import { isObject } from './json-type.ts';
import type { ChannelRules, Rule, Ruleset } from './ruleset.ts';
import { jsonTextOf, stampFields } from './stamp.ts';
import { parseTimestamp } from './timestamp.ts';
import { Failure, type Environment, type Evaluate, type RelationReader } from './value.ts';

export const ruleActions = ['subscribe', 'publish', 'history', 'presence', 'announce', 'receive'] as const;
export type RuleAction = (typeof ruleActions)[number];

export interface RuleQuestion {
  readonly action: RuleAction;
  readonly channel: string;
  /** The record `auth`; its `uid` is '' for an anonymous client. */
  readonly auth: Readonly<Record<string, unknown>>;
  readonly relations: RelationReader;
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** Whether the client is subscribed to the channel. */
  readonly subscribed: boolean;
  /** Parsed JSON, for `publish` and `receive`. */
  readonly data?: unknown;
  /** For `receive`. */
  readonly tags?: Readonly<Record<string, string>>;
  /** For `receive`; '' is the server. */
  readonly publisher?: string;
}

export interface RuleAnswer {
  readonly is: 'allow' | 'deny' | 'invalid';
  /** Why not; empty if allowed. */
  readonly because: string;
  /** JSON pointer of what is wrong, for `invalid`. */
  readonly at?: string;
  /** What is published in the place of `data`, for an allowed `publish` with fields that the server sets. */
  readonly becomes?: unknown;
  /** What decided, in words: `rule channels.lobby.allow.publish`, `allow.subscribe: anyone`. */
  readonly by: string;
  /** The channel's pattern, options and variables; undefined if no pattern takes it. */
  readonly resolved: ResolvedChannel | undefined;
  /** The rule that decided, and on what; undefined if something else did. */
  readonly decided?: { readonly rule: Rule; readonly environment: Environment };
}

/** @returns Unix milliseconds; undefined for what is no RFC 3339. */
export function parseRuleTime(text: string): number | undefined {
  const timestamp = parseTimestamp(text);
  return timestamp instanceof Failure ? undefined : Number(timestamp.nanos / 1_000_000n);
}

type Verdict = Omit<RuleAnswer, 'resolved'>;

export class Rehearsal {
  readonly #registry: ChannelRegistry;
  readonly #ruleset: Ruleset;
  readonly #words = new OptionsAuthorizer();
  readonly #evaluator: (rule: Rule) => Evaluate;

  /** @param evaluator what evaluates a rule, for those who want to watch; the compiled rule itself unless given. */
  constructor(config: Pick<Config, 'channels'>, ruleset: Ruleset, evaluator = (rule: Rule) => rule.evaluate) {
    this.#registry = new ChannelRegistry(config.channels);
    this.#ruleset = ruleset;
    this.#evaluator = evaluator;
  }

  ask(question: RuleQuestion): RuleAnswer {
    const { channel } = question;
    const resolved = this.#registry.find(channel);
    if (resolved === undefined) {
      return { is: 'deny', because: `no pattern takes the channel ${channel}`, by: 'channels', resolved };
    }
    // The engine looks at a message before it looks at who sends it.
    const problem =
      question.action === 'publish' ? problemOf(question.data, this.#ruleset.channel(resolved.pattern)) : undefined;
    return { ...(problem ?? this.#unavailable(question, resolved) ?? this.#decide(question, resolved)), resolved };
  }

  /** What the engine sees before it asks a rule. */
  #unavailable({ action, channel, auth }: RuleQuestion, { options }: ResolvedChannel): Verdict | undefined {
    if (action === 'history' && options.history.size === 0) {
      return { is: 'deny', because: 'the channel keeps no history', by: 'history.size: 0' };
    }
    if (action === 'presence' && !options.presence) {
      return { is: 'deny', because: 'the channel has no presence', by: 'presence: false' };
    }
    const users = allowedUsers(channel);
    if (users === undefined || action === 'announce' || action === 'receive') return undefined;
    const by = 'the name of the channel';
    if (!users.includes(String(auth['uid']))) {
      return { is: 'deny', because: 'the channel is limited to the users named behind #', by };
    }
    return action === 'subscribe' ? { is: 'allow', because: '', by } : undefined;
  }

  #decide(question: RuleQuestion, resolved: ResolvedChannel): Verdict {
    const { action, channel, relations, auth, subscribed } = question;
    const rules = this.#ruleset.channel(resolved.pattern);
    const environment = this.#environment(question, resolved);
    const rule = rules?.[action];
    if (rule === undefined) {
      const decision = this.#words.decide({ client: '', user: String(auth['uid']), auth, subscribed }, action, {
        ...resolved,
        channel,
      });
      const by = `allow.${action}: ${resolved.options.allow[action]}`;
      if (!decision.allow) return { is: 'deny', because: decision.because, by };
      return this.#stamped(question, rules, environment, { is: 'allow', because: '', by });
    }
    const decided = { by: `rule ${rule.key}`, decided: { rule, environment } };
    if (this.#evaluator(rule)(environment, relations) !== true) {
      return { is: 'deny', because: reasonOf(explain(rule.expr, environment, relations)), ...decided };
    }
    return this.#stamped(question, rules, environment, { is: 'allow', because: '', ...decided });
  }

  #environment(question: RuleQuestion, { pattern, variables }: ResolvedChannel): Environment {
    const { action, channel, auth, nowMs, data = null, tags = {}, publisher = '' } = question;
    const parts = { auth, channel, variables, nowMs };
    if (action === 'publish') {
      return channelEnvironment({ ...parts, data: this.#ruleset.channel(pattern)?.schema?.read(data) ?? data });
    }
    return channelEnvironment(action === 'receive' ? { ...parts, data, tags, publisher } : parts);
  }

  /** Sets the fields that the server sets in what may be published. */
  #stamped(
    { action, data, relations }: RuleQuestion,
    rules: ChannelRules | undefined,
    environment: Environment,
    allowed: Verdict,
  ): Verdict {
    if (action !== 'publish' || rules === undefined || rules.set.length === 0) return allowed;
    const fields = new Map<string, string>();
    for (const { field, rule } of rules.set) {
      const value = this.#evaluator(rule)(environment, relations);
      const text = value instanceof Failure ? value : jsonTextOf(value);
      if (text instanceof Failure) {
        return { is: 'deny', because: text.reason, by: `rule ${rule.key}`, decided: { rule, environment } };
      }
      fields.set(field, text);
    }
    return { ...allowed, becomes: JSON.parse(stampFields(JSON.stringify(data), fields)) as unknown };
  }
}

/** What is wrong with a message, whoever publishes it. */
function problemOf(data: unknown, rules: ChannelRules | undefined): Verdict | undefined {
  if (rules !== undefined && rules.set.length > 0 && !isObject(data)) {
    return { is: 'invalid', because: 'data must be an object', at: '', by: 'publish.set' };
  }
  const found = rules?.schema?.check(data);
  if (found === undefined) return undefined;
  const { at, problem } = found;
  return {
    is: 'invalid',
    because: `${at === '' ? 'data' : at} ${problem}`,
    at,
    by: `schema ${rules?.schema?.name ?? ''}`,
  };
}
