/**
 * A table with a column of every kind, relations with and without tables, and what else rules over its rows may name: for
 * tests that hold SQL and JavaScript together.
 */
import { checkRule } from '../../packages/server/src/rules/check.ts';
import { checkSql, rowTypeOf, type SqlTable } from '../../packages/server/src/rules/compile-sql.ts';
import { parseRule } from '../../packages/server/src/rules/parse.ts';
import { bindRule } from '../../packages/server/src/rules/partial.ts';
import { factKey, type RelationSignature } from '../../packages/server/src/rules/relation.ts';
import type { RuleProblem, TypedExpr } from '../../packages/server/src/rules/syntax.ts';
import { types } from '../../packages/server/src/rules/types.ts';
import { Failure, type Environment, type RelationReader, type Value } from '../../packages/server/src/rules/value.ts';

const { bool, int, double, string, timestamp, dyn, list, nullable } = types;

/** A column by its kind: two that may not be null, and one that may. In the database all of them may. */
const columns = {
  s: { column: 's', type: string },
  s2: { column: 'S "2"', type: string },
  sn: { column: 'sn', type: nullable(string) },
  n: { column: 'n', type: int },
  n2: { column: 'n2', type: int },
  nn: { column: 'nn', type: nullable(int) },
  nm: { column: 'nm', type: nullable(int) },
  d: { column: 'd', type: double },
  d2: { column: 'd2', type: double },
  dn: { column: 'dn', type: nullable(double) },
  dm: { column: 'dm', type: nullable(double) },
  b: { column: 'b', type: bool },
  bn: { column: 'bn', type: nullable(bool) },
  z: { column: 'z', type: bool, encoding: 'zero-one' },
  t: { column: 't', type: timestamp },
  tn: { column: 'tn', type: nullable(timestamp) },
  m: { column: 'm', type: timestamp, encoding: 'unix-ms' },
  mn: { column: 'mn', type: nullable(timestamp), encoding: 'unix-ms' },
} as const satisfies SqlTable['columns'];

export type ColumnName = keyof typeof columns;
/** Timestamps as such. */
export type Row = Readonly<Record<ColumnName, Value>>;
export const columnNames = Object.keys(columns) as ColumnName[];

const relationSignatures: Readonly<Record<string, RelationSignature>> = {
  member: {
    name: 'member',
    parameters: [
      { name: 'group', type: string },
      { name: 'level', type: int },
    ],
  },
  friend: {
    name: 'friend',
    parameters: [
      { name: 'one', type: string },
      { name: 'other', type: string },
    ],
  },
  /** Its facts are in no table. */
  online: { name: 'online', parameters: [{ name: 'user', type: string }] },
};

const memberColumns = {
  group: { column: 's', type: string },
  level: { column: 'n', type: int },
  left: { column: 'left', type: nullable(int) },
};

export const rowTable: SqlTable = {
  variable: 'row',
  alias: 'the row',
  columns,
  relations: {
    member: {
      table: 'members',
      // Named as columns of the row are, which they must not be taken for.
      columns: [memberColumns.group, memberColumns.level],
      where: { rule: ruleOver(memberColumns, 'row.left == null'), table: { variable: 'row', columns: memberColumns } },
    },
    friend: {
      table: 'friends',
      columns: [
        { column: 'one', type: string },
        { column: 'other', type: string },
      ],
      symmetric: true,
    },
  },
};

/** Facts in the tables; a member with a third value has left. */
export const memberFacts: readonly (readonly [string | null, bigint | null, bigint | null])[] = [
  ['a', 1n, null],
  ['a', 2n, 5n],
  ['😀', 2n ** 53n + 1n, null],
  ['', 0n, null],
  ['A', 3n, null],
  [null, 1n, null],
  ['a', null, null],
];
export const friendFacts: readonly (readonly [string, string])[] = [
  ['a', 'A'],
  ['ä', 'a'],
  ['', 'a'],
  ['😀', '\uff01'],
];

/** The same facts for rules in JavaScript. */
export const relations: RelationReader = {
  related(relation, args) {
    const { parameters } = relationSignatures[relation] as RelationSignature;
    const fits = parameters.every(
      ({ type }, index) => typeof args[index] === (type.kind === 'int' ? 'bigint' : 'string'),
    );
    if (!fits) return new Failure('wrong arguments');
    const key = factKey(args);
    if (relation === 'member')
      return memberFacts.some(([a, b, left]) => left === null && a !== null && b !== null && factKey([a, b]) === key);
    if (relation === 'friend') return friendFacts.some(([a, b]) => factKey([a, b]) === key || factKey([b, a]) === key);
    return args[0] === 'a';
  },
};

const authType = types.record('auth', {
  uid: string,
  role: nullable(string),
  level: int,
  quota: nullable(int),
  score: double,
  admin: bool,
  since: timestamp,
  groups: list(string),
  levels: list(int),
  scores: list(double),
  times: list(timestamp),
  roles: list(nullable(string)),
  perms: types.map(int),
  any: dyn,
  anys: list(dyn),
});

export const declarations = {
  variables: { row: rowTypeOf(rowTable), auth: authType, gid: string, now: timestamp },
  relations: relationSignatures,
};

function ruleOver(over: SqlTable['columns'], text: string): TypedExpr {
  const row = rowTypeOf({ variable: 'row', columns: over });
  return checkRule(parseRule(text), { variables: { row }, relations: {} }, bool).expr;
}

export interface CheckedRule {
  readonly expr: TypedExpr;
  readonly problems: readonly RuleProblem[];
}

/** @throws Error if the rule itself is wrong: the generator then is. */
export function readRule(text: string): CheckedRule {
  const { expr, problems } = checkRule(parseRule(text), declarations, bool);
  if (problems[0]) throw new Error(`${text}: ${problems[0].found}; valid: ${problems[0].valid}`);
  return { expr, problems: checkSql(expr, rowTable) };
}

/** Everything but the row. */
export function bindUser(expr: TypedExpr, user: Environment): TypedExpr {
  return bindRule(expr, user, relations);
}
