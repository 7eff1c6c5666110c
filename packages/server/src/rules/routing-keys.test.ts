import { describe, expect, test } from 'vitest';
import { checkRule } from './check.ts';
import { parseRule } from './parse.ts';
import { bindRule } from './partial.ts';
import { maxRoutingKeys, routingKeys, routingText, type RoutingKeys } from './routing-keys.ts';
import { types } from './types.ts';
import { Duration, Timestamp } from './value.ts';

const variables = {
  row: types.record('row', {
    owner: types.nullable(types.string),
    team: types.string,
    level: types.int,
    open: types.bool,
    at: types.timestamp,
    tags: types.list(types.string),
  }),
  auth: types.record('auth', {
    uid: types.string,
    admin: types.bool,
    teams: types.list(types.string),
    times: types.list(types.timestamp),
    any: types.dyn,
  }),
};
const auth = { uid: 'u1', admin: false, teams: ['a', 'b', 'a'], times: ['1970-01-01T00:00:01Z'], any: 5 };

function keysOf(text: string, given: object = auth): RoutingKeys {
  const { expr, problems } = checkRule(parseRule(text), { variables, relations: {} }, types.bool);
  expect(problems, text).toEqual([]);
  return routingKeys(bindRule(expr, { auth: given }), 'row');
}

const all: RoutingKeys = { kind: 'all' };
const none: RoutingKeys = { kind: 'none' };
const keys = (...anyOf: readonly (readonly [string, RoutingKeysValue])[]): RoutingKeys => ({
  kind: 'keys',
  anyOf: anyOf.map(([field, value]) => ({ field, value })),
});
type RoutingKeysValue = Parameters<typeof routingText>[0];

describe('routing keys', () => {
  test.each<[string, RoutingKeys]>([
    ['row.owner == auth.uid', keys(['owner', 'u1'])],
    ['auth.uid == row.owner || row.open', keys(['owner', 'u1'], ['open', true])],
    ['!row.open', keys(['open', false])],
    ['row.owner == null', keys(['owner', null])],
    ['row.team in auth.teams', keys(['team', 'a'], ['team', 'b'])],
    ['row.at in auth.times', keys(['at', new Timestamp(1_000_000_000n)])],
    ['row.level == auth.any', keys(['level', 5])],
    ['row.team in auth.teams && row.owner == auth.uid', keys(['owner', 'u1'])],
    ['row.level > 3 && row.owner == auth.uid', keys(['owner', 'u1'])],
    ['row.level > 3 || row.owner == auth.uid', all],
    ['row.open ? row.owner == auth.uid : row.team == "a"', keys(['open', true], ['team', 'a'])],
    ['row.owner != auth.uid', all],
    ['"a" in row.tags', all],
    ['row.tags == ["a"]', all],
    ['auth.admin && row.open', none],
    ['row.team in auth.teams && row.team in []', none],
    ['1 / 0 == 1', none],
    ['1 / 0 == 1 || row.open', keys(['open', true])],
    ['auth.uid == "u1"', all],
  ])('of %s', (text, expected) => {
    expect(keysOf(text)).toEqual(expected);
  });

  test('more than a row can be looked up by are none at all', () => {
    const teams = (count: number): object => ({
      ...auth,
      teams: Array.from({ length: count }, (_, index) => `t${index}`),
    });
    expect(keysOf('row.team in auth.teams', teams(maxRoutingKeys)).kind).toBe('keys');
    expect(keysOf('row.team in auth.teams', teams(maxRoutingKeys + 1))).toEqual(all);
  });

  test('values have the same text exactly if they are equal', () => {
    expect(routingText(5n)).toBe(routingText(5));
    expect(routingText(0n)).toBe(routingText(-0));
    expect(routingText(Number.NaN)).toBeUndefined();
    expect(routingText(['a'])).toBeUndefined();
    const different = [
      null,
      true,
      false,
      1n,
      1.5,
      Infinity,
      '1',
      'true',
      'null',
      '',
      new Timestamp(1n),
      new Duration(1n),
    ];
    expect(new Set(different.map(routingText)).size).toBe(different.length);
  });
});
