/**
 * The rules of a configuration, compiled: by channel pattern, what decides on each action. `config/check.ts` calls it
 * for what is wrong; the engine, the command line and tests of rules call it for what to evaluate.
 */
import { compilePattern } from '@tidings/protocol';
import { accessWords, type Config } from '../config/schema.ts';
import { nearest } from '../lib/nearest.ts';
import { jsonTypeProblem } from './json-type.ts';
import { compileSchema, type MessageSchema } from './message-schema.ts';
import type { RelationSignature } from './relation.ts';
import { declareRelation } from './relations/declare.ts';
import { Facts } from './relations/facts.ts';
import { RuleCompiler } from './rule-compiler.ts';
import type { TypedExpr } from './syntax.ts';
import { parseType, types, type RecordType, type RuleType } from './types.ts';
import type { Evaluate } from './value.ts';

export interface Rule {
  /** Where it stands: `channels["group:{gid}"].allow.subscribe`. */
  readonly key: string;
  readonly source: string;
  readonly expr: TypedExpr;
  readonly evaluate: Evaluate;
  /** Names of the relations it may ask. */
  readonly relations: readonly string[];
  readonly usesNow: boolean;
  /** Whether it depends on the publication: `data`, `tags` or `publisher`. */
  readonly usesData: boolean;
}

/** An action that is absent has a word (`anyone`, `nobody` …) in `allow`. */
export interface ChannelRules {
  readonly subscribe?: Rule;
  readonly publish?: Rule;
  readonly history?: Rule;
  readonly presence?: Rule;
  readonly announce?: Rule;
  readonly receive?: Rule;
  /** Of what a client publishes, in which the fields of `set` need not be. */
  readonly schema?: MessageSchema;
  /** In the order of the configuration. */
  readonly set: readonly { readonly field: string; readonly rule: Rule }[];
}

export interface Ruleset {
  /** The type of `auth`: `uid` and what `rules.auth` declares. */
  readonly auth: RecordType;
  readonly relations: readonly RelationSignature[];
  /** @param pattern as written in the configuration. @returns undefined if it has no rules, schema or set. */
  channel(pattern: string): ChannelRules | undefined;
}

/** Stops the start. */
export interface RulesetProblem {
  readonly path: readonly PropertyKey[];
  /** Where in the text at `path`, in UTF-16 units, if that is a rule. */
  readonly offset?: number;
  readonly found: string;
  readonly valid: string;
}

/** Works, but hardly as meant. */
export interface RulesetWarning {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

export interface CompiledRuleset {
  /** Complete only if there are no problems: a rule with a problem is not in it. */
  readonly ruleset: Ruleset;
  readonly problems: readonly RulesetProblem[];
  readonly warnings: readonly RulesetWarning[];
}

/** Compiles every rule, and says everything that is wrong, at once. Never throws. */
export function compileRuleset(config: Pick<Config, 'rules' | 'channels'>): CompiledRuleset {
  return new RulesetCompiler(config).compile();
}

const actions = ['subscribe', 'publish', 'history', 'presence', 'announce', 'receive'] as const;
type RuleAction = (typeof actions)[number];

type Channel = Config['channels'][string];

/** Claims of tokens with a meaning of their own, which the engine keeps for itself, and what to use instead. */
export const usedClaims: Readonly<Record<string, string | undefined>> = {
  sub: 'auth.uid, which is this claim and needs no declaration',
  meta: 'the names of the fields in meta, which rules see as claims of their own',
  exp: undefined,
  nbf: undefined,
  iat: undefined,
  jti: undefined,
  iss: undefined,
  aud: undefined,
  expire_at: undefined,
  info: undefined,
  b64info: undefined,
  channels: undefined,
  subs: undefined,
  channel: undefined,
};

/** Names that a rule has anyway, or may have one day, so that no pattern may use them. */
const reservedNames: readonly string[] = ['auth', 'now', 'channel', 'data', 'tags', 'publisher', 'row', '__proto__'];

class RulesetCompiler {
  readonly #config: Pick<Config, 'rules' | 'channels'>;
  readonly #problems: RulesetProblem[] = [];
  readonly #warnings: RulesetWarning[] = [];
  readonly #schemas = new Map<string, MessageSchema>();
  readonly #relations = new Map<string, RelationSignature>();
  #auth: RecordType = types.record('auth', { uid: types.string });

  constructor(config: Pick<Config, 'rules' | 'channels'>) {
    this.#config = config;
  }

  compile(): CompiledRuleset {
    const { rules } = this.#config;
    this.#auth = types.record('auth', { uid: types.string, ...this.#claims() });
    for (const [name, options] of Object.entries(rules.relations)) {
      const { signature, problems } = declareRelation(name, options);
      this.#relations.set(name, signature);
      for (const problem of problems) this.#report({ ...problem, path: ['rules', 'relations', name, ...problem.path] });
    }
    for (const [name, fields] of Object.entries(rules.schemas)) {
      const { schema, problems } = compileSchema(name, fields);
      this.#schemas.set(name, schema);
      for (const problem of problems) this.#report({ ...problem, path: ['rules', 'schemas', name, ...problem.path] });
    }
    this.#checkTests();
    const channels = new Map<string, ChannelRules>();
    for (const [pattern, options] of Object.entries(this.#config.channels)) {
      const compiled = this.#channel(pattern, options);
      if (compiled) channels.set(pattern, compiled);
    }
    return {
      ruleset: {
        auth: this.#auth,
        relations: [...this.#relations.values()],
        channel: (pattern) => channels.get(pattern),
      },
      problems: this.#problems,
      warnings: this.#warnings,
    };
  }

  #report(problem: RulesetProblem): void {
    this.#problems.push(problem);
  }

  #claims(): Record<string, RuleType> {
    const claims: Record<string, RuleType> = {};
    for (const [name, text] of Object.entries(this.#config.rules.auth)) {
      const path = ['rules', 'auth', name];
      const problem = jsonTypeProblem(text);
      if (name === 'uid') {
        this.#report({
          path,
          found: 'uid',
          valid: 'nothing: auth.uid is always there, a string, empty for anonymous users',
        });
      } else if (name === '__proto__') {
        this.#report({ path, found: 'a claim called __proto__', valid: 'another name' });
      } else if (Object.hasOwn(usedClaims, name)) {
        const found = `the claim ${name}, which rules never see`;
        this.#report({ path, found, valid: usedClaims[name] ?? 'a claim of your own, by another name' });
      } else if (problem) {
        this.#report({ path, ...problem });
      } else {
        claims[name] = parseType(text) ?? types.dyn;
      }
    }
    return claims;
  }

  /** Facts that tests give; what they expect is for those who run them. */
  #checkTests(): void {
    const names = [...this.#relations.keys()];
    for (const [i, { given }] of this.#config.rules.tests.entries()) {
      for (const [name, facts] of Object.entries(given)) {
        const path = ['rules', 'tests', i, 'given', name];
        const signature = this.#relations.get(name);
        if (!signature) {
          const found = `an unknown relation ${JSON.stringify(name)}`;
          this.#report({ path, found, valid: oneOf(name, names, 'relations') });
          continue;
        }
        const reader = new Facts(signature, false);
        for (const [j, fact] of facts.entries()) {
          const read = reader.read(fact);
          const valid = `[${signature.parameters.map((each) => each.name).join(', ')}]`;
          if (typeof read === 'string') this.#report({ path: [...path, j], found: read, valid });
        }
      }
    }
  }

  #channel(pattern: string, options: Channel): ChannelRules | undefined {
    const hasRules =
      actions.some((action) => !isWord(options.allow[action])) ||
      options.publish.schema !== undefined ||
      Object.keys(options.publish.set).length > 0;
    this.#checkWords(pattern, options);
    if (!hasRules) return undefined;
    const compiler = this.#compilerFor(pattern);
    if (!compiler) return undefined;
    const schema = this.#schema(pattern, options);
    const data = schema?.type ?? types.dyn;
    const rules: Partial<Record<RuleAction, Rule>> = {};
    for (const action of actions) {
      const source = options.allow[action];
      if (isWord(source)) continue;
      const more = action === 'publish' ? { data } : action === 'receive' ? { data, ...publicationParts } : {};
      const rule = compiler.compile(['allow', action], source, more, types.bool);
      if (rule) rules[action] = rule;
    }
    const set = this.#set(pattern, options, compiler, schema);
    const written = new Set(set.map(({ field }) => field));
    return { ...rules, ...(schema && { schema: schema.except(written) }), set };
  }

  /** Who subscribes, or is shown and given something as a subscriber, is one: the word would say nothing. */
  #checkWords(pattern: string, { allow }: Channel): void {
    for (const action of ['subscribe', 'announce', 'receive'] as const) {
      if (allow[action] !== 'subscribers') continue;
      this.#report({
        path: ['channels', pattern, 'allow', action],
        found: 'subscribers',
        valid: `${accessWords.filter((word) => word !== 'subscribers').join(', ')}, or a rule`,
      });
    }
  }

  /** Undefined for a pattern that is none, which `config/check.ts` reports. */
  #compilerFor(pattern: string): RuleCompiler | undefined {
    let variables: readonly string[];
    let open: boolean;
    try {
      ({ variables, open } = compilePattern(pattern));
    } catch {
      return undefined;
    }
    for (const name of variables) {
      if (!reservedNames.includes(name)) continue;
      this.#report({
        path: ['channels', pattern],
        found: `the variable {${name}}, whose name rules have for something else`,
        valid: `another name; taken are ${reservedNames.filter((taken) => taken !== '__proto__').join(', ')}`,
      });
    }
    return new RuleCompiler({
      pattern,
      open,
      variables: {
        ...Object.fromEntries(variables.map((name) => [name, types.string])),
        auth: this.#auth,
        channel: types.string,
        now: types.timestamp,
      },
      relations: Object.fromEntries(this.#relations),
      isFunction: (name) => this.#config.rules.relations[name]?.from === 'function',
      report: (problem) => this.#report(problem),
      warn: (warning) => void this.#warnings.push(warning),
    });
  }

  #schema(pattern: string, { publish, payload }: Channel): MessageSchema | undefined {
    const name = publish.schema;
    if (name === undefined) return undefined;
    const path = ['channels', pattern, 'publish', 'schema'];
    if (payload === 'binary') {
      this.#report({ path, found: `${name}, though payload is binary`, valid: 'payload: json, or no schema' });
    }
    const schema = this.#schemas.get(name);
    if (!schema) {
      const found = `an unknown schema ${JSON.stringify(name)}`;
      this.#report({ path, found, valid: oneOf(name, [...this.#schemas.keys()], 'schemas') });
    }
    return schema;
  }

  #set(
    pattern: string,
    { publish, payload }: Channel,
    compiler: RuleCompiler,
    schema: MessageSchema | undefined,
  ): ChannelRules['set'] {
    const names = Object.keys(publish.set);
    if (names.length > 0 && payload === 'binary') {
      const path = ['channels', pattern, 'publish', 'set'];
      this.#report({ path, found: 'fields to set, though payload is binary', valid: 'payload: json, or no set' });
    }
    return names.flatMap((field) => {
      const path = ['channels', pattern, 'publish', 'set', field];
      const fields = schema?.type.fields;
      if (field === '__proto__' || (fields && !Object.hasOwn(fields, field))) {
        const found = `a field ${JSON.stringify(field)} that ${schema?.name ?? 'a message'} does not have`;
        this.#report({ path, found, valid: oneOf(field, Object.keys(fields ?? {}), 'fields') });
        return [];
      }
      const data = schema?.type ?? types.dyn;
      const rule = compiler.compile(['publish', 'set', field], publish.set[field] ?? '', { data }, fields?.[field]);
      return rule ? [{ field, rule }] : [];
    });
  }
}

const publicationParts = { tags: types.map(types.string), publisher: types.string };

function isWord(access: string): boolean {
  return (accessWords as readonly string[]).includes(access);
}

function oneOf(name: string, all: readonly string[], what: string): string {
  if (all.length === 0) return `there are no ${what}`;
  const meant = nearest(name, all);
  return `${meant === undefined ? '' : `perhaps ${meant}; `}the ${what} are ${all.join(', ')}`;
}
