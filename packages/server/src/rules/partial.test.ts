import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkRule, type Declarations } from './check.ts';
import { compileClosure } from './compile-closure.ts';
import { formatRule } from './format.ts';
import { parseRule } from './parse.ts';
import { bindRule } from './partial.ts';
import type { TypedExpr } from './syntax.ts';
import { randomEnvironment, randomExpr, randomRelations, randomVariables } from './testing/random-expr.ts';
import { types } from './types.ts';
import { Failure, type RelationReader } from './value.ts';

const declarations: Declarations = {
  variables: {
    auth: types.record('auth', {
      uid: types.string,
      admin: types.bool,
      groups: types.list(types.string),
      any: types.dyn,
    }),
    row: types.record('row', {
      owner: types.string,
      level: types.int,
      open: types.bool,
      tags: types.list(types.string),
    }),
    gid: types.string,
  },
  relations: {
    member: {
      name: 'member',
      parameters: [
        { name: 'group', type: types.string },
        { name: 'user', type: types.string },
      ],
    },
  },
};

function read(text: string): TypedExpr {
  const { expr, problems } = checkRule(parseRule(text), declarations);
  expect(problems, text).toEqual([]);
  return expr;
}

const user = { auth: { uid: 'u1', admin: false, groups: ['a', 'b'], any: 5 }, gid: 'g1' };
const members: RelationReader = { related: (_name, [group, id]) => group === 'g1' && id === 'u1' };

function left(text: string, relations?: RelationReader, known: object = user): string {
  const bound = bindRule(read(text), { ...known }, relations);
  return bound.kind === 'failure' ? 'failure' : formatRule(bound);
}

describe('what is left of a rule', () => {
  test.each([
    ['auth.uid + "x" == "u1x"', 'true'],
    ['row.owner == auth.uid || auth.admin', 'row.owner == "u1"'],
    ['row.owner == auth.uid || !auth.admin', 'true'],
    ['auth.admin && row.open', 'false'],
    ['auth.admin ? row.open : row.level > size(auth.groups)', 'row.level > 2'],
    ['row.owner in auth.groups', 'row.owner in ["a", "b"]'],
    ['auth.groups.exists(g, g == "b") && row.open', 'row.open'],
    ['auth.groups.exists(g, g == row.owner)', '["a", "b"].exists(g, g == row.owner)'],
    ['row.tags.exists(t, t == auth.uid)', 'row.tags.exists(t, t == "u1")'],
    ['[row.owner, auth.uid]', '[row.owner, "u1"]'],
    ['row.open', 'row.open'],
  ])('of %s is %s', (text, expected) => {
    expect(left(text)).toBe(expected);
  });

  test('an error stays as long as something may absorb it', () => {
    expect(left('1 / 0 == 1 || row.open')).not.toBe('row.open');
    expect(left('1 / 0 == 1 || !auth.admin')).toBe('true');
    expect(left('auth.admin && 1 / 0 == 1')).toBe('false');
    expect(left('1 / 0 == 1 && !auth.admin')).toBe('failure');
    expect(left('1 / 0 == 1 ? row.open : true')).toBe('failure');
    expect(left('row.level + 1 / 0 == 1')).toBe('failure');
  });

  test('of what is no boolean, nothing passes for one', () => {
    expect(left('auth.any && row.open')).not.toBe('row.open');
    expect(left('!auth.admin && auth.any')).toBe('failure');
    expect(bindRule(read('gid == "g1" && auth.any'), { gid: 'g1' }).kind).toBe('logical');
  });

  test('elements of a wrong type fail only where the others do not decide', () => {
    const known = { auth: { ...user.auth, groups: [1, 'b'] } };
    expect(left('"b" in auth.groups', undefined, known)).toBe('true');
    expect(left('"c" in auth.groups', undefined, known)).toBe('failure');
    const bound = bindRule(read('row.owner in auth.groups'), known);
    const verdict = (owner: string): unknown => compileClosure(bound)({ row: { owner } }, members);
    expect(verdict('b')).toBe(true);
    expect(verdict('c')).toBeInstanceOf(Failure);
  });

  test('facts are asked only if relations are given and their arguments are known', () => {
    expect(left('member(gid, auth.uid) && row.open')).toBe('member("g1", "u1") && row.open');
    expect(left('member(gid, auth.uid) && row.open', members)).toBe('row.open');
    expect(left('member(row.owner, auth.uid)', members)).toBe('member(row.owner, "u1")');
    expect(left('auth.groups.exists(g, member(g, auth.uid))', members)).toBe('false');
  });

  test('names that objects inherit are not known', () => {
    const expr: TypedExpr = { kind: 'variable', span: { start: 0, end: 1 }, type: types.dyn, name: 'constructor' };
    expect(bindRule(expr, {})).toBe(expr);
  });

  test('a rule of which nothing is known is the same object', () => {
    const expr = read('row.open && (row.level < 5 ? row.owner in row.tags : has(row.owner))');
    expect(bindRule(expr, {})).toBe(expr);
  });
});

describe('random rules', () => {
  const parts = fc.tuple(
    fc.oneof({ weight: 3, arbitrary: randomExpr() }, { weight: 1, arbitrary: randomExpr(types.dyn, 3) }),
    randomEnvironment,
    fc.subarray(Object.keys(randomVariables)),
    fc.boolean(),
  );
  const numRuns = Math.round(1000 * Number(process.env['TIDINGS_RULES_RUNS'] ?? 1));

  test('what is left gives on the other variables what the rule gives on all', () => {
    fc.assert(
      fc.property(parts, ([expr, environment, names, asks]) => {
        const known = Object.entries(environment).filter(([name]) => names.includes(name));
        const rest = Object.entries(environment).filter(([name]) => !names.includes(name));
        const bound = bindRule(expr, Object.fromEntries(known), asks ? randomRelations : undefined);
        const expected = compileClosure(expr)(environment, randomRelations);
        const found = compileClosure(bound)(Object.fromEntries(rest), randomRelations);
        if (expected instanceof Failure) expect(found).toBeInstanceOf(Failure);
        else expect(isDeepStrictEqual(found, expected)).toBe(true);
      }),
      { numRuns },
    );
  });

  test('a rule of which everything is known is a constant or a failure', () => {
    fc.assert(
      fc.property(parts, ([expr, environment]) => {
        const missing = Object.fromEntries(Object.keys(randomVariables).map((name) => [name, undefined]));
        expect(['constant', 'failure']).toContain(bindRule(expr, { ...missing, ...environment }, randomRelations).kind);
      }),
      { numRuns },
    );
  });
});
