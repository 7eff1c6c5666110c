/**
 * Runs the tests that stand in a configuration (`rules.tests`): who asks, on which facts, for what, and what must come
 * of it. `tidings rules test` prints what comes out; programs that embed the engine call it in their own tests.
 */
import { isDeepStrictEqual } from 'node:util';
import { formatKey } from '../config/config-error.ts';
import type { Config } from '../config/schema.ts';
import { nearest } from '../lib/nearest.ts';
import { authRecord } from './auth-record.ts';
import { compileClosure } from './compile-closure.ts';
import { RuleCoverage, type SeenRule } from './coverage.ts';
import { explain, type Explanation } from './explain.ts';
import { GivenFacts } from './given-facts.ts';
import { parseRuleTime, Rehearsal, ruleActions, type RuleAction, type RuleAnswer } from './rehearsal.ts';
import type { Rule, Ruleset, RulesetProblem } from './ruleset.ts';
import { formatType } from './types.ts';
import type { Evaluate } from './value.ts';

type RuleTest = Config['rules']['tests'][number];
type Expectation = RuleTest['expect'][number];

export interface ExpectationResult {
  /** Where it stands in the configuration. */
  readonly path: readonly PropertyKey[];
  /** The same as people read it: `rules.tests[0].expect[2]`. */
  readonly key: string;
  readonly action: RuleAction;
  readonly channel: string;
  readonly expected: Expectation['is'];
  readonly answer: RuleAnswer;
  /** What did not hold, in words; undefined if all did. */
  readonly failure: string | undefined;
  /** Every part of the rule with its value, if the expectation failed and a rule decided. */
  readonly explanation: Explanation | undefined;
}

export interface RuleTestResult {
  readonly name: string;
  readonly expectations: readonly ExpectationResult[];
}

/** A rule and where it stands. */
export interface ListedRule {
  readonly rule: Rule;
  readonly pattern: string;
  /** `subscribe`, `set from`. */
  readonly place: string;
}

/** What the tests have seen of a rule. */
export interface RuleCoverageResult extends ListedRule, SeenRule {}

export interface RuleTestReport {
  readonly tests: readonly RuleTestResult[];
  /** Every rule of the configuration, in its order. */
  readonly coverage: readonly RuleCoverageResult[];
}

/**
 * Runs every test. Nothing is asked of a store, a table or a function: `given` stands for them.
 * @param ruleset of `config`, without problems; nor may `ruleTestProblems` have found any.
 * @param nowMs Unix milliseconds, for tests that say no `now`.
 */
export function runRuleTests(
  config: Pick<Config, 'rules' | 'channels'>,
  ruleset: Ruleset,
  { nowMs }: { readonly nowMs: number },
): RuleTestReport {
  const watched = new Map<Rule, { readonly evaluate: Evaluate; readonly coverage: RuleCoverage }>();
  const listed = rulesOf(config, ruleset);
  for (const { rule } of listed) {
    const coverage = new RuleCoverage(rule.expr);
    watched.set(rule, { coverage, evaluate: compileClosure(rule.expr, coverage.observe) });
  }
  const rehearsal = new Rehearsal(config, ruleset, (rule) => watched.get(rule)?.evaluate ?? rule.evaluate);
  const tests = config.rules.tests.map((test, i) => runTest(test, i, config, ruleset, rehearsal, nowMs));
  const coverage = listed.map((each): RuleCoverageResult => {
    const seen = watched.get(each.rule)?.coverage.seen ?? { evaluations: 0, conditions: [] };
    return { ...each, ...seen };
  });
  return { tests, coverage };
}

/** Every rule of a configuration, in its order. */
export function rulesOf({ channels }: Pick<Config, 'channels'>, ruleset: Ruleset): ListedRule[] {
  return Object.keys(channels).flatMap((pattern) => {
    const rules = ruleset.channel(pattern);
    if (rules === undefined) return [];
    const decide = ruleActions.flatMap((action) => {
      const rule = rules[action];
      return rule ? [{ rule, pattern, place: action }] : [];
    });
    return [...decide, ...rules.set.map(({ field, rule }) => ({ rule, pattern, place: `set ${field}` }))];
  });
}

function runTest(
  test: RuleTest,
  index: number,
  { rules }: Pick<Config, 'rules'>,
  ruleset: Ruleset,
  rehearsal: Rehearsal,
  nowMs: number,
): RuleTestResult {
  const relations = new GivenFacts(rules, ruleset.relations, test.given);
  const { uid = '', ...claims } = test.as;
  const auth = authRecord(ruleset.auth, String(uid), claims).record;
  const expectations = test.expect.map((expectation, i): ExpectationResult => {
    const path = ['rules', 'tests', index, 'expect', i];
    const { subscribed = false, data, tags, publisher } = expectation;
    const [action, channel] = questionOf(expectation);
    const answer = rehearsal.ask({
      action,
      channel,
      auth,
      relations,
      nowMs: (test.now === undefined ? undefined : parseRuleTime(test.now)) ?? nowMs,
      subscribed,
      ...(data !== undefined && { data }),
      ...(tags && { tags }),
      ...(publisher !== undefined && { publisher }),
    });
    const failure = failureOf(expectation, answer);
    const { decided } = answer;
    return {
      path,
      key: formatKey(path),
      action,
      channel,
      expected: expectation.is,
      answer,
      failure,
      explanation:
        failure !== undefined && decided ? explain(decided.rule.expr, decided.environment, relations) : undefined,
    };
  });
  return { name: test.name ?? describe(test), expectations };
}

/** The first action that is named; that there is exactly one, `ruleTestProblems` sees. */
function questionOf(expectation: Expectation): [RuleAction, string] {
  const action = ruleActions.find((name) => expectation[name] !== undefined) ?? 'subscribe';
  return [action, expectation[action] ?? ''];
}

function failureOf({ is, because, at, becomes }: Expectation, answer: RuleAnswer): string | undefined {
  const reason = answer.because === '' ? '' : `: ${answer.because}`;
  if (answer.is !== is) return `expected ${is}, got ${answer.is}${reason}`;
  if (because !== undefined && !answer.because.includes(because)) {
    return `expected ${is} because of ${JSON.stringify(because)}, got ${answer.is}${reason}`;
  }
  if (at !== undefined && answer.at !== at) {
    return `expected invalid at ${JSON.stringify(at)}, got at ${JSON.stringify(answer.at)}${reason}`;
  }
  if (becomes !== undefined && !isDeepStrictEqual(plain(answer.becomes), plain(becomes))) {
    return `expected that it becomes ${JSON.stringify(becomes)}, got ${JSON.stringify(answer.becomes)}`;
  }
  return undefined;
}

/** As it comes out of JSON: without prototypes and undefined. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}

/** A name for a test that has none: who, and on which facts. */
function describe({ as, given }: RuleTest): string {
  const { uid, ...claims } = as;
  const who = typeof uid === 'string' && uid !== '' ? uid : 'anonymous';
  const details = [
    ...Object.entries(claims).map(([name, value]) => `${name}: ${JSON.stringify(value)}`),
    ...Object.entries(given).flatMap(([name, facts]) => facts.map((fact) => `${name}(${fact.join(', ')})`)),
  ];
  return details.length === 0 ? who : `${who}, ${details.join(', ')}`;
}

/**
 * What is wrong with tests: claims that are not declared, and fields of an expectation that do not go together. The facts
 * they give, `compileRuleset` looks at.
 */
export function ruleTestProblems({ rules }: Pick<Config, 'rules'>, ruleset: Ruleset): RulesetProblem[] {
  return rules.tests.flatMap((test, i) => {
    const path = ['rules', 'tests', i];
    return [
      ...claimProblems(test.as, [...path, 'as'], ruleset),
      ...(test.now === undefined || parseRuleTime(test.now) !== undefined
        ? []
        : [{ path: [...path, 'now'], found: JSON.stringify(test.now), valid: 'a time such as 2026-01-31T12:00:00Z' }]),
      ...test.expect.flatMap((expectation, j) => expectationProblems(expectation, [...path, 'expect', j])),
    ];
  });
}

function claimProblems(as: RuleTest['as'], path: readonly PropertyKey[], { auth }: Ruleset): RulesetProblem[] {
  const problems: RulesetProblem[] = [];
  for (const [name, value] of Object.entries(as)) {
    const type = Object.hasOwn(auth.fields, name) ? auth.fields[name] : undefined;
    if (type === undefined) {
      problems.push({ path: [...path, name], found: 'a claim that is not declared', valid: meant(name, auth.fields) });
    } else if (name === 'uid' ? typeof value !== 'string' : !fits(auth, name, value)) {
      problems.push({
        path: [...path, name],
        found: JSON.stringify(value),
        valid: `a value of type ${formatType(type)}`,
      });
    }
  }
  return problems;
}

function fits(auth: Ruleset['auth'], name: string, value: unknown): boolean {
  return authRecord(auth, '', { [name]: value }).problems.length === 0;
}

/** Which fields of an expectation go with which action and outcome. */
const companions: readonly {
  readonly field: 'data' | 'tags' | 'publisher' | 'subscribed' | 'because' | 'at' | 'becomes';
  readonly goes: (action: RuleAction, is: Expectation['is']) => boolean;
  readonly valid: string;
}[] = [
  { field: 'data', goes: (action) => action === 'publish' || action === 'receive', valid: 'only for publish, receive' },
  { field: 'tags', goes: (action) => action === 'receive', valid: 'only for receive' },
  { field: 'publisher', goes: (action) => action === 'receive', valid: 'only for receive' },
  { field: 'subscribed', goes: (action) => action !== 'subscribe', valid: 'not for subscribe' },
  { field: 'because', goes: (_, is) => is !== 'allow', valid: 'only for is: deny, is: invalid' },
  { field: 'at', goes: (_, is) => is === 'invalid', valid: 'only for is: invalid' },
  {
    field: 'becomes',
    goes: (action, is) => action === 'publish' && is === 'allow',
    valid: 'only for publish with is: allow',
  },
];

function expectationProblems(expectation: Expectation, path: readonly PropertyKey[]): RulesetProblem[] {
  const named = ruleActions.filter((action) => expectation[action] !== undefined);
  const [action] = named;
  if (action === undefined || named.length > 1) {
    const found = action === undefined ? 'an expectation without an action' : named.join(' and ');
    return [{ path, found, valid: `exactly one of ${ruleActions.join(', ')}` }];
  }
  const { is } = expectation;
  if (is === 'invalid' && action !== 'publish') {
    return [
      { path: [...path, 'is'], found: `invalid for ${action}`, valid: 'allow or deny; only a publish is invalid' },
    ];
  }
  return companions
    .filter(({ field, goes }) => expectation[field] !== undefined && !goes(action, is))
    .map(({ field, valid }) => ({ path: [...path, field], found: `${field} for ${action} with is: ${is}`, valid }));
}

function meant(name: string, valid: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(valid);
  const near = nearest(name, names);
  if (near !== undefined) return `${near} (did you mean that?)`;
  return names.length === 0 ? 'none: nothing is declared' : names.join(', ');
}
