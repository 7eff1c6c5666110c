/** `tidings rules explain`: whether somebody may, by which rule, and the value of every part of it. */
import {
  authRecord,
  explain,
  factProblem,
  formatType,
  GivenFacts,
  nearest,
  parseRuleTime,
  Rehearsal,
  ruleActions,
  type RuleAction,
  type RuleAnswer,
  type RuleQuestion,
  type Ruleset,
} from '@tidings/server';
import { flag, text, UsageError, type CommandInput, type OptionValues } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { loadRules } from './load-rules.ts';
import { explanationJson, printExplanation } from './print-explanation.ts';

/** @returns 0 if they may, else 1. */
export async function explainRule(input: CommandInput): Promise<number> {
  const { positionals, values, terminal } = input;
  const [name, channel] = positionals;
  if (name === undefined || channel === undefined || positionals.length > 2) {
    throw new UsageError(`give an action and a channel: tidings rules explain --as u1 subscribe room:7`);
  }
  const action = ruleActions.find((each) => each === name);
  if (action === undefined) {
    const meant = nearest(name, ruleActions);
    throw new UsageError(
      `${JSON.stringify(name)} is no action; ${meant === undefined ? `valid: ${ruleActions.join(', ')}` : `did you mean ${meant}?`}`,
    );
  }
  const { config, ruleset } = await loadRules({ ...input, positionals: [] });
  const question: RuleQuestion = {
    action,
    channel,
    auth: authOf(values, ruleset),
    relations: new GivenFacts(config.rules, ruleset.relations, factsOf(values, ruleset)),
    nowMs: timeOf(values) ?? Date.now(),
    subscribed: flag(values, 'subscribed'),
    ...messageOf(values, action),
  };
  const answer = new Rehearsal(config, ruleset).ask(question);
  if (flag(values, 'json')) terminal.print(JSON.stringify(asJson(question, answer), null, 2));
  else printAnswer(question, answer, terminal);
  return answer.is === 'allow' ? 0 : 1;
}

function authOf(values: OptionValues, { auth }: Ruleset): Readonly<Record<string, unknown>> {
  const claims: Record<string, unknown> = {};
  for (const [name, written] of pairs(values, 'claim', 'name=value')) {
    const type = name !== 'uid' && Object.hasOwn(auth.fields, name) ? auth.fields[name] : undefined;
    if (type === undefined) {
      const declared = Object.keys(auth.fields).filter((field) => field !== 'uid');
      const meant = nearest(name, declared);
      const hint =
        name === 'uid'
          ? 'use --as'
          : meant === undefined
            ? `declared: ${declared.join(', ') || 'none'}`
            : `did you mean ${meant}?`;
      throw new UsageError(`--claim ${name}: rules.auth declares no such claim; ${hint}`);
    }
    const isText = (type.kind === 'nullable' ? type.of : type).kind === 'string';
    claims[name] = isText && written !== 'null' ? written : json(written, '--claim', `${name}=${written}`);
    const { problems } = authRecord(auth, '', { [name]: claims[name] });
    if (problems.length > 0)
      throw new UsageError(`--claim ${name}=${written}: valid is a value of type ${formatType(type)}`);
  }
  return authRecord(auth, text(values, 'as') ?? '', claims).record;
}

function factsOf(values: OptionValues, { relations }: Ruleset): Record<string, (string | number | boolean)[][]> {
  const facts = new Map<string, (string | number | boolean)[][]>();
  for (const [name, written] of pairs(values, 'given', 'relation=a,b')) {
    const signature = relations.find((relation) => relation.name === name);
    if (signature === undefined) {
      const names = relations.map((relation) => relation.name);
      const meant = nearest(name, names);
      throw new UsageError(
        `--given ${name}: there is no such relation; ${meant === undefined ? `declared: ${names.join(', ') || 'none'}` : `did you mean ${meant}?`}`,
      );
    }
    const fact = written.split(',').map((part, i) => {
      const value = part.trim();
      const kind = signature.parameters[i]?.type.kind;
      if (kind === 'int' && /^-?\d+$/.test(value)) return Number(value);
      return kind === 'bool' && /^(true|false)$/.test(value) ? value === 'true' : value;
    });
    const problem = factProblem(signature, fact);
    if (problem) throw new UsageError(`--given ${name}=${written}: found ${problem.found}; valid: ${problem.valid}`);
    facts.set(name, [...(facts.get(name) ?? []), fact]);
  }
  return Object.fromEntries(facts);
}

function timeOf(values: OptionValues): number | undefined {
  const now = text(values, 'now');
  if (now === undefined) return undefined;
  const unixMs = parseRuleTime(now);
  if (unixMs === undefined) {
    throw new UsageError(`--now is ${JSON.stringify(now)}; valid is a time such as 2026-01-31T12:00:00Z`);
  }
  return unixMs;
}

function messageOf(values: OptionValues, action: RuleAction): Pick<RuleQuestion, 'data' | 'tags' | 'publisher'> {
  const data = text(values, 'data');
  const publisher = text(values, 'publisher');
  const tags = pairs(values, 'tag', 'name=value');
  if (data !== undefined && action !== 'publish' && action !== 'receive') {
    throw new UsageError(`--data is for publish and receive, not for ${action}`);
  }
  if ((publisher !== undefined || tags.length > 0) && action !== 'receive') {
    throw new UsageError(`--tag and --publisher are for receive, not for ${action}`);
  }
  return {
    ...(data !== undefined && { data: json(data, '--data', data) }),
    ...(publisher !== undefined && { publisher }),
    tags: Object.fromEntries(tags),
  };
}

/** Values of an option that is written `name=value`. */
function pairs(values: OptionValues, option: string, shape: string): [string, string][] {
  const given = values[option];
  return (Array.isArray(given) ? given : []).map((pair) => {
    const at = String(pair).indexOf('=');
    if (at < 1) throw new UsageError(`--${option} is ${JSON.stringify(pair)}; valid is ${shape}`);
    return [String(pair).slice(0, at).trim(), String(pair).slice(at + 1)];
  });
}

function json(source: string, option: string, shown: string): unknown {
  try {
    return JSON.parse(source) as unknown;
  } catch {
    throw new UsageError(`${option} is ${JSON.stringify(shown)}; valid is JSON`);
  }
}

const styles = { allow: 'green', deny: 'red', invalid: 'yellow' } as const;

function printAnswer(question: RuleQuestion, answer: RuleAnswer, terminal: Terminal): void {
  const { action, channel, auth, relations } = question;
  const { resolved, decided, because, becomes } = answer;
  const who = auth['uid'] === '' ? 'an anonymous client' : String(auth['uid']);
  terminal.print(`${terminal.style(['bold', styles[answer.is]], answer.is)}  ${action} ${channel} as ${who}\n`);

  const rows: [string, string][] = [];
  if (resolved) {
    const variables = Object.entries(resolved.variables).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
    rows.push(['pattern', [resolved.pattern, ...variables].join(', ')]);
    rows.push(['decided', `by ${answer.by}`]);
  }
  if (because !== '') rows.push(['because', because]);
  if (becomes !== undefined) rows.push(['becomes', JSON.stringify(becomes)]);
  for (const [name, value] of rows) terminal.print(`  ${terminal.style('dim', name.padEnd(7))}  ${value}`);
  if (decided) {
    terminal.print();
    printExplanation(explain(decided.rule.expr, decided.environment, relations), decided.rule.source, terminal, 2);
  }
}

function asJson(question: RuleQuestion, { resolved, decided, ...answer }: RuleAnswer): object {
  const { action, channel, auth, relations } = question;
  const explained = decided && explain(decided.rule.expr, decided.environment, relations);
  return {
    action,
    channel,
    as: auth,
    ...answer,
    pattern: resolved?.pattern,
    variables: resolved && { ...resolved.variables },
    rule: decided && { key: decided.rule.key, text: decided.rule.source },
    explanation: explained && explanationJson(explained, decided.rule.source),
  };
}
