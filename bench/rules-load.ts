/**
 * The measurement of `rules` as a process of its own, on a processor of its own: how often a second each engine
 * evaluates a rule. Options as JSON in, the result as JSON out.
 *
 * Every engine is given what suits it: the rule prepared beforehand, the variables in the shape it wants, declared where
 * it takes declarations. All go through the same loop, over many environments, so that no call is folded away.
 */
import { celEnv, celFunc, CelScalar, parse as parseBufbuild, plan, type CelInput } from '@bufbuild/cel';
import { Environment as CelJs } from '@marcbachmann/cel-js';
import { checkRule } from '../packages/server/src/rules/check.ts';
import { compileClosure } from '../packages/server/src/rules/compile-closure.ts';
import { compileJs } from '../packages/server/src/rules/compile-js.ts';
import { parseRule } from '../packages/server/src/rules/parse.ts';
import { types } from '../packages/server/src/rules/types.ts';
import type { Evaluate } from '../packages/server/src/rules/value.ts';
import type { RulesLoad, RulesResult } from './rules.ts';

/** A power of two, large enough that results cannot be learnt, small enough for the cache. */
const environmentCount = 256;

const doc = types.record('doc', {
  owner: types.string,
  public: types.bool,
  room: types.string,
  path: types.string,
});
const user = types.record('user', { id: types.string, role: types.string });
const fields = { doc: Object.keys(doc.fields), user: Object.keys(user.fields) };

const environments = Array.from({ length: environmentCount }, (_, at) => ({
  doc: { owner: `u${at % 7}`, public: at % 3 === 0, room: `r${at % 11}`, path: `/${at % 2 ? 'team' : 'home'}/${at}` },
  user: { id: `u${at % 5}`, role: ['member', 'guest', 'admin', 'bot'][at % 4] as string },
}));
type Variables = (typeof environments)[number];

const members = new Set(['r1 u1', 'r2 u2', 'r3 u3', 'r4 u4', 'r5 u0', 'r6 u1']);
const isMember = (room: string, id: string) => members.has(`${room} ${id}`);

/** @returns a function that counts for how many of `count` evaluations the rule held. */
type Engine = (source: string) => (count: number) => number;

function loop<T>(evaluate: (variables: T) => unknown, variables: readonly T[]): (count: number) => number {
  return (count) => {
    let held = 0;
    for (let at = 0; at < count; at++) {
      if (evaluate(variables[at & (environmentCount - 1)] as T) === true) held++;
    }
    return held;
  };
}

const ours =
  (compile: (typed: ReturnType<typeof checkRule>['expr']) => Evaluate): Engine =>
  (source) => {
    const member = { name: 'member', parameters: ['room', 'user'].map((name) => ({ name, type: types.string })) };
    const { expr, problems } = checkRule(parseRule(source), { variables: { doc, user }, relations: { member } });
    if (problems[0]) throw new Error(`${source}: ${problems[0].found}; valid: ${problems[0].valid}`);
    const evaluate = compile(expr);
    const relations = {
      related: (_relation: string, [room, id]: readonly unknown[]) => isMember(room as string, id as string),
    };
    return loop((variables: Variables) => evaluate(variables, relations), environments);
  };

const celJs: Engine = (source) => {
  // As maps it is faster than with a schema, which makes a new object of every value.
  const environment = new CelJs()
    .registerVariable('doc', 'map')
    .registerVariable('user', 'map')
    .registerFunction('member(string, string): bool', isMember);
  const evaluate = environment.parse(source);
  return loop((variables: Variables) => evaluate(variables), environments);
};

const bufbuild: Engine = (source) => {
  const { STRING, BOOL } = CelScalar;
  const environment = celEnv({ funcs: [celFunc('member', [STRING, STRING], BOOL, isMember)] });
  const evaluate = plan(environment, parseBufbuild(source));
  const maps = environments.map((variables) => ({ doc: mapOf(variables, 'doc'), user: mapOf(variables, 'user') }));
  return loop((variables: Record<string, CelInput>) => evaluate(variables), maps);
};

function mapOf(variables: Variables, name: 'doc' | 'user'): Map<string, CelInput> {
  const record = variables[name] as Record<string, CelInput>;
  return new Map(fields[name].map((field) => [field, record[field] as CelInput]));
}

const engines: Record<string, Engine> = {
  generated: ours(compileJs),
  closures: ours(compileClosure),
  'cel-js': celJs,
  bufbuild,
};

/** Evaluations per second over about `ms` milliseconds. */
function rate(run: (count: number) => number, ms: number): { perSecond: number; held: number } {
  let count = environmentCount;
  for (;;) {
    const startedAt = performance.now();
    const held = run(count);
    const elapsedMs = performance.now() - startedAt;
    if (elapsedMs >= ms) return { perSecond: (count / elapsedMs) * 1000, held: held / count };
    count *= elapsedMs < ms / 8 ? 4 : 2;
  }
}

const { rules, rounds, roundMs } = JSON.parse(process.argv[2] ?? '') as RulesLoad;
const results: RulesResult[] = rules.map((source) => {
  const runs = Object.entries(engines).map(([name, engine]) => ({
    name,
    run: engine(source),
    perSecond: [] as number[],
  }));
  const held = runs.map(({ run }) => run(environmentCount));
  if (new Set(held).size > 1) throw new Error(`${source}: the engines do not agree: ${held.join(', ')}`);
  for (const { run } of runs) rate(run, roundMs);
  for (let round = 0; round < rounds; round++) {
    for (const each of runs) each.perSecond.push(rate(each.run, roundMs).perSecond);
  }
  return { source, perSecond: Object.fromEntries(runs.map(({ name, perSecond }) => [name, perSecond])) };
});
process.stdout.write(`${JSON.stringify(results)}\n`);
