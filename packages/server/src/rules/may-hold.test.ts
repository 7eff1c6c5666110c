import { describe, expect, test } from 'vitest';
import { checkRule } from './check.ts';
import { compile } from './compile-js.ts';
import { formatRule } from './format.ts';
import { mayHold } from './may-hold.ts';
import { parseRule } from './parse.ts';
import { bindRule } from './partial.ts';
import { Unavailable, Unprepared } from './relation.ts';
import { types } from './types.ts';
import { Failure, type RelationReader } from './value.ts';

const declarations = {
  variables: { x: types.string, n: types.int, list: types.list(types.string) },
  relations: Object.fromEntries(
    ['yes', 'no', 'lost', 'late', 'broken'].map((name) => [
      name,
      { name, parameters: [{ name: 'a', type: types.string }] },
    ]),
  ),
};
/** `lost` and `late` cannot answer; `broken` fails for good. */
const relations: RelationReader = {
  related: (relation) => {
    if (relation === 'lost') return new Unavailable('the store is gone');
    if (relation === 'late') return new Unprepared('late');
    return relation === 'broken' ? new Failure('broken') : relation === 'yes';
  },
};
const list = Array.from({ length: 20 }, (_, i) => `e${i}`);
const environment = { x: 'x', n: 1, list };

const exprOf = (source: string) => {
  const { expr, problems } = checkRule(parseRule(source), declarations, types.bool);
  expect(problems).toEqual([]);
  return expr;
};

describe('mayHold', () => {
  test.each([
    ['lost(x)', true],
    ['!lost(x)', true],
    ['late(x)', true],
    ['lost(x) && yes(x)', true],
    ['lost(x) && !late(x)', true],
    ['lost("a") != lost("b")', true],
    ['lost(x) == (n / 0 == 0)', false],
    ['broken(x)', false],
    ['n / 0 == 0', false],
    // One side fails for good: && is lost with it, || is not.
    ['lost(x) && broken(x)', false],
    ['broken(x) && lost(x)', false],
    ['lost(x) || broken(x)', true],
    ['broken(x) || lost(x)', true],
    // The same fact is the same answer.
    ['lost(x) && !lost(x)', false],
    ['lost(x) ? broken(x) : no(x)', false],
    ['lost(x) ? broken(x) : yes(x)', true],
    ['lost(x) ? late(x) : no(x)', true],
    ['list.exists(e, lost(e) && e == "e3")', true],
    ['list.exists(e, lost(e) && e == "none")', false],
    // Too many facts to try.
    ['list.exists_one(e, lost(e)) && broken(x)', true],
  ])('%s: %s', (source, expected) => {
    const evaluate = compile(exprOf(source));
    const value = evaluate(environment, relations);
    if (value instanceof Failure) expect(mayHold(evaluate, environment, relations)).toBe(expected);
    else expect([value, expected]).toEqual([false, false]);
  });

  test('a rule that fails as ever is evaluated once more, and no rule more often than 64 times', () => {
    let evaluations = 0;
    const counting = (source: string) => {
      const evaluate = compile(exprOf(source));
      evaluations = 0;
      mayHold((...args) => (evaluations++, evaluate(...args)), environment, relations);
      return evaluations;
    };
    expect(counting('broken(x)')).toBe(1);
    expect(counting('lost(x) && broken(x)')).toBe(3);
    expect(counting('list.exists_one(e, lost(e)) && broken(x)')).toBe(64);
  });

  test('of a long list of facts that are missing nobody can say, without asking for all of them again and again', () => {
    let questions = 0;
    const counting: RelationReader = {
      related: (relation, args) => {
        questions++;
        return relations.related(relation, args);
      },
    };
    const long = Array.from({ length: 10_000 }, (_, i) => `e${i}`);
    const evaluate = compile(exprOf('list.all(e, lost(e))'));
    expect(mayHold(evaluate, { ...environment, list: long }, counting)).toBe(true);
    expect(questions).toBeLessThan(15_000);
  });
});

test('facts that nobody can tell stay in what partial evaluation leaves', () => {
  const rest = (source: string) => formatRule(bindRule(exprOf(source), { x: 'x', list: ['a'] }, relations));
  expect(rest('lost(x) || n == 1')).toBe('lost("x") || n == 1');
  expect(rest('lost(x) && no(x)')).toBe('false');
  expect(rest('lost(x) || yes(x)')).toBe('true');
  expect(rest('broken(x) || n == 1')).toBe('<error "broken"> || n == 1');
  expect(rest('list.exists(e, lost(e)) && n == 1')).toBe('["a"].exists(e, lost(e)) && n == 1');
  expect(rest('list.exists(e, broken(e)) && n == 1')).toBe('<error "broken"> && n == 1');
});
