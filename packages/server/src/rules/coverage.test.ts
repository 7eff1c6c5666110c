import { describe, expect, test } from 'vitest';
import { checkRule } from './check.ts';
import { compileClosure } from './compile-closure.ts';
import { countCoverage, coveragePercent, RuleCoverage } from './coverage.ts';
import { parseRule } from './parse.ts';
import { types } from './types.ts';
import type { Environment, RelationReader } from './value.ts';

const variables = { a: types.bool, b: types.bool, n: types.int, names: types.list(types.string), data: types.dyn };
const noRelations: RelationReader = { related: () => false };

/** What is seen of a rule after evaluating it on these, each condition as `text: outcomes`. */
function seen(source: string, ...environments: Environment[]) {
  const { expr, problems } = checkRule(parseRule(source), { variables, relations: {} });
  expect(problems).toEqual([]);
  const coverage = new RuleCoverage(expr);
  const evaluate = compileClosure(expr, coverage.observe);
  for (const environment of environments) evaluate(environment, noRelations);
  const rule = coverage.seen;
  return {
    ...countCoverage([rule]),
    evaluations: rule.evaluations,
    texts: rule.conditions.map(({ span, seenTrue, seenFalse }) => {
      const outcomes = [...(seenTrue ? ['true'] : []), ...(seenFalse ? ['false'] : [])].join(' ');
      return `${source.slice(span.start, span.end)}: ${outcomes}`.trim();
    }),
  };
}

describe('coverage of a rule', () => {
  test('is of every part that is true or false, and of the whole', () => {
    expect(seen('a && n > 3', { a: true, b: false, n: 1n }, { a: true, b: false, n: 5n })).toMatchObject({
      texts: ['a && n > 3: true false', 'a: true', 'n > 3: true false'],
      seen: 5,
      total: 6,
      evaluations: 2,
    });
  });

  test('a part that was not reached was not seen', () => {
    expect(seen('a && b', { a: false, b: true }).texts).toEqual(['a && b: false', 'a: false', 'b:']);
    expect(seen('a ? b : n > 3', { a: false, b: true, n: 4n }).texts).toEqual([
      'a ? b : n > 3: true',
      'a: false',
      'b:',
      'n > 3: true',
    ]);
  });

  test('a part that fails was neither true nor false', () => {
    expect(seen('n / 0 > 3 || a', { a: true, n: 4n }).texts).toEqual(['n / 0 > 3 || a: true', 'n / 0 > 3:', 'a: true']);
  });

  test('what may be anything counts where it decides', () => {
    expect(seen('!data.muted && data.open', { data: { muted: false, open: true } }).texts).toEqual([
      '!data.muted && data.open: true',
      '!data.muted: true',
      'data.muted: false',
      'data.open: true',
    ]);
  });

  test('the test of a macro counts by its elements', () => {
    expect(seen('names.exists(n, n == "x")', { names: ['y', 'x'] }).texts).toEqual([
      'names.exists(n, n == "x"): true',
      'n == "x": true false',
    ]);
  });

  test('constants say nothing', () => {
    expect(seen('a || true', { a: false }).texts).toEqual(['a || true: true', 'a: false']);
  });

  test('of a rule without conditions, that it was evaluated', () => {
    expect(seen('n + 1')).toMatchObject({ texts: [], seen: 0, total: 1 });
    expect(seen('n + 1', { n: 1n }, { n: 2n })).toMatchObject({ texts: [], seen: 1, total: 1 });
  });
});

test('percents are rounded down, so that 100 is all', () => {
  expect(coveragePercent({ seen: 999, total: 1000 })).toBe(99);
  expect(coveragePercent({ seen: 4, total: 4 })).toBe(100);
  expect(coveragePercent({ seen: 0, total: 0 })).toBe(100);
});
