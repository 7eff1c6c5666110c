import { describe, expect, test } from 'vitest';
import { checkRule } from './check.ts';
import { explain, reasonOf } from './explain.ts';
import { parseRule } from './parse.ts';
import { types } from './types.ts';
import { Failure, Timestamp, type Environment } from './value.ts';

const declarations = {
  variables: {
    auth: types.record('auth', { uid: types.string, role: types.string, groups: types.list(types.string) }),
    gid: types.string,
    data: types.dyn,
    now: types.timestamp,
  },
  relations: {
    member: {
      name: 'member',
      parameters: [
        { name: 'gid', type: types.string },
        { name: 'uid', type: types.string },
      ],
    },
  },
};
const environment: Environment = {
  auth: { uid: 'u1', groups: ['a', 'b'] },
  gid: 'g2',
  data: { n: 5, items: [1, 2, 3], long: 'x'.repeat(500) },
  now: new Timestamp(0n),
};

function explained(text: string) {
  const { expr, problems } = checkRule(parseRule(text), declarations);
  expect(problems).toEqual([]);
  return explain(expr, environment, { related: () => false });
}
const reason = (text: string): string => reasonOf(explained(text));

test('every part that was evaluated has its value; what was passed over is not there', () => {
  const { value, children } = explained('gid == "g1" && auth.role == "x"');
  expect(value).toBe(false);
  expect(children.map((child) => child.value)).toEqual([false]);
  expect(children[0]?.children.map((child) => child.value)).toEqual(['g2', 'g1']);
});

test('of a long loop the first turns are kept, the first that failed, and the last', () => {
  const list = Array.from({ length: 60 }, (_, i) => (i === 30 ? 0 : i + 1)).join(', ');
  const { value, children } = explained(`[${list}].all(x, 60 / x >= 1)`);
  expect(value).toBeInstanceOf(Failure);
  const turns = children.filter((child) => child.expr.kind === 'call');
  expect(turns.length).toBe(10);
  expect(turns.filter((turn) => turn.value instanceof Failure).length).toBe(1);
});

describe('reasonOf', () => {
  test.each([
    ['member(gid, auth.uid)', 'member(gid, auth.uid) is false, with gid = "g2", auth.uid = "u1"'],
    ['gid == "g2" && member(gid, "u9")', 'member(gid, "u9") is false, with gid = "g2"'],
    ['auth.role == "admin"', 'auth.role failed: auth has no field role'],
    ['auth.role == "admin" && gid == "g1"', 'gid == "g1" is false, with gid = "g2"'],
    ['auth.role == "admin" || gid == "g1"', 'auth.role failed: auth has no field role'],
    [
      'gid == "g1" || auth.uid == "u2" || data.n > 7',
      'gid == "g1" is false, with gid = "g2" and auth.uid == "u2" is false, with auth.uid = "u1" and data.n > 7 is false, with data.n = 5.0',
    ],
    ['!(gid == "g2")', '!(gid == "g2") is false, with gid = "g2"'],
    ['"c" in auth.groups', '"c" in auth.groups is false, with auth.groups = ["a", "b"]'],
    ['data.items.all(x, x < 2)', 'x < 2 is false, with x = 2.0'],
    ['data.items.exists(x, x > 5)', 'data.items.exists(x, x > 5) is false, with data.items = [1.0, 2.0, 3.0]'],
    ['gid == "g2" ? auth.uid == "u3" : true', 'auth.uid == "u3" is false, with auth.uid = "u1"'],
    ['now.getFullYear() == 2000', 'now.getFullYear() == 2000 is false, with now = 1970-01-01T00:00:00Z'],
    ['false', 'false is false'],
    ['gid == "g2"', 'gid == "g2" is true, with gid = "g2"'],
    ['1 / 0 == 1', '1 / 0 failed: division by zero'],
  ])('%s', (text, expected) => {
    expect(reason(text)).toBe(expected);
  });

  test('shortens long values', () => {
    const text = reason('data.long == "y"');
    expect(text).toMatch(/with data\.long = "x{62}…$/);
  });

  test('names the whole where the sides of || are too many', () => {
    const sides = Array.from({ length: 40 }, (_, i) => `gid == "other${i}"`).join(' || ');
    expect(reason(sides).length).toBeLessThan(300);
  });
});
