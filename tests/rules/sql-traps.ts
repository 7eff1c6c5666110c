/** What SQL does otherwise if one is not careful, one by one, with the verdict that a rule gives. */
import { Timestamp, type Environment } from '../../packages/server/src/rules/value.ts';
import type { Verdict } from './row-databases.ts';
import { columnNames, type Row } from './row-table.ts';

export interface Trap {
  readonly rule: string;
  /** All others are null. */
  readonly row: Partial<Row>;
  readonly auth?: Readonly<Record<string, unknown>>;
  readonly verdict: Verdict;
  /** SQLite cannot hold the value. */
  readonly onlyPostgres?: boolean;
}

const big = 2n ** 53n + 1n;
const second = new Timestamp(1_000_000_000n);

export const traps: readonly Trap[] = [
  // NULL is an error, and errors are absorbed or not as CEL says.
  { rule: 'row.nn < 5', row: {}, verdict: null },
  { rule: '!(row.nn < 5)', row: {}, verdict: null },
  { rule: 'row.nn < 5 || row.b', row: { b: true }, verdict: true },
  { rule: 'row.nn < 5 || row.b', row: { b: false }, verdict: null },
  { rule: 'row.nn < 5 && row.b', row: { b: false }, verdict: false },
  { rule: 'row.b && row.nn < 5', row: { b: true }, verdict: null },
  { rule: 'row.nn < 5 ? true : true', row: {}, verdict: null },
  { rule: 'row.bn ? false : true', row: {}, verdict: null },
  { rule: '!row.z', row: { z: false }, verdict: true },
  // But for `==`, `in` and `has` it is a value of nullable columns.
  { rule: 'row.nn == null', row: {}, verdict: true },
  { rule: 'row.nn != 1', row: {}, verdict: true },
  { rule: 'row.nn == row.nm', row: {}, verdict: true },
  { rule: 'row.nn != row.nm', row: { nn: 1n }, verdict: true },
  { rule: 'row.n == row.nn', row: { n: 1n }, verdict: false },
  { rule: 'row.n == row.nn', row: { nn: 1n }, verdict: null },
  { rule: 'row.n == row.n', row: {}, verdict: null },
  { rule: 'row.n == auth.any', row: {}, auth: { any: null }, verdict: null },
  { rule: 'row.n == auth.any', row: { n: 1n }, auth: { any: null }, verdict: false },
  { rule: 'has(row.n) || has(row.sn)', row: {}, verdict: false },
  { rule: 'row.sn in auth.roles', row: {}, auth: { roles: ['a', null] }, verdict: true },
  { rule: 'row.sn in auth.roles', row: {}, auth: { roles: ['a'] }, verdict: false },
  { rule: '!(row.sn in auth.groups)', row: {}, auth: { groups: [] }, verdict: true },
  { rule: 'row.s in auth.groups', row: {}, auth: { groups: [] }, verdict: null },
  { rule: 'row.s in auth.groups', row: { s: '' }, auth: { groups: [] }, verdict: false },
  { rule: 'row.s in auth.groups', row: { s: '' }, auth: { groups: [''] }, verdict: true },
  { rule: '1 in [row.n, row.nn]', row: { nn: 1n }, verdict: null },
  // Text is compared by code points, whatever the collation, and nothing in it means anything else.
  { rule: 'row.s < "a"', row: { s: 'B' }, verdict: true },
  { rule: 'row.s2 == "a"', row: { s2: 'A' }, verdict: false },
  { rule: 'row.s2 in ["a"]', row: { s2: 'A' }, verdict: false },
  { rule: 'row.s2.startsWith("a")', row: { s2: 'AB' }, verdict: false },
  { rule: 'row.s == row.s2', row: { s: 'a', s2: 'A' }, verdict: false },
  { rule: 'row.s > "z"', row: { s: 'ä' }, verdict: true },
  { rule: 'row.s == "\\u00e4"', row: { s: 'a\u0308' }, verdict: false },
  { rule: 'row.s < "\\U0001f600"', row: { s: '\uff01' }, verdict: true },
  { rule: 'row.s.endsWith("\\U0001f600")', row: { s: 'a😀' }, verdict: true },
  { rule: 'row.s.startsWith("%")', row: { s: 'abc' }, verdict: false },
  { rule: 'row.s.contains("_")', row: { s: 'abc' }, verdict: false },
  { rule: 'row.s.endsWith("")', row: { s: '' }, verdict: true },
  { rule: 'row.s.endsWith("a")', row: { s: '' }, verdict: false },
  { rule: 'row.s.contains("\\\\")', row: { s: '\\' }, verdict: true },
  { rule: 'row.s == "1"', row: { s: '1.0' }, verdict: false },
  { rule: 'row.s == auth.any', row: { s: '1' }, auth: { any: 1n }, verdict: false },
  { rule: 'row.s < auth.any', row: { s: '1' }, auth: { any: 2n }, verdict: null },
  // What databases cannot take as a parameter.
  { rule: 'row.s < "a\\u0000"', row: { s: 'a' }, verdict: true },
  { rule: 'row.s >= "a\\u0000"', row: { s: 'a\u0001' }, verdict: true },
  { rule: 'row.s != "a\\u0000"', row: { s: 'a' }, verdict: true },
  { rule: 'row.s.contains("\\u0000")', row: { s: 'a' }, verdict: false },
  { rule: 'row.s in ["\\u0000", "a"]', row: { s: 'a' }, verdict: true },
  { rule: 'row.s == auth.uid', row: { s: '\ufffd' }, auth: { uid: '\ud83d' }, verdict: false },
  { rule: 'row.s in auth.groups', row: { s: '\ufffd' }, auth: { groups: ['\ud83d'] }, verdict: false },
  { rule: 'row.s < auth.uid', row: { s: '\uffff' }, auth: { uid: '\ud83d' }, verdict: true },
  { rule: 'row.s < auth.uid', row: { s: '😀' }, auth: { uid: '\ud83d' }, verdict: false },
  // Numbers.
  { rule: 'row.n == 9007199254740992', row: { n: big }, verdict: false },
  { rule: 'row.n in [9007199254740992]', row: { n: big }, verdict: false },
  { rule: 'row.n == dyn(9007199254740992.0)', row: { n: big }, verdict: true },
  { rule: 'row.n <= 9007199254740992.0', row: { n: big }, verdict: true },
  { rule: 'row.n > 1.5', row: { n: 1n }, verdict: false },
  { rule: 'row.n == dyn(1.0)', row: { n: 1n }, verdict: true },
  { rule: 'row.n < auth.score', row: { n: 2n ** 63n - 1n }, auth: { score: Infinity }, verdict: true },
  { rule: 'row.n < auth.score', row: { n: 1n }, auth: { score: Number.NaN }, verdict: false },
  { rule: 'row.d < 9007199254740993', row: { d: 2 ** 53 }, verdict: false },
  { rule: 'row.d == 0.0', row: { d: -0 }, verdict: true },
  {
    rule: 'row.d == auth.score',
    row: { d: Number.NaN },
    auth: { score: Number.NaN },
    verdict: false,
    onlyPostgres: true,
  },
  { rule: 'row.d == row.d', row: { d: Number.NaN }, verdict: false, onlyPostgres: true },
  { rule: 'row.d > 1.0', row: { d: Number.NaN }, verdict: false, onlyPostgres: true },
  { rule: 'row.d >= row.d2', row: { d: Number.NaN, d2: 1 }, verdict: false, onlyPostgres: true },
  { rule: 'row.d > row.dn', row: { d: Number.NaN }, verdict: null, onlyPostgres: true },
  {
    rule: 'row.d in auth.scores',
    row: { d: Number.NaN },
    auth: { scores: [Number.NaN, 1] },
    verdict: false,
    onlyPostgres: true,
  },
  { rule: 'row.d > 1e308', row: { d: Infinity }, verdict: true },
  // Times.
  { rule: 'row.t < timestamp("1970-01-01T00:00:01.000000001Z")', row: { t: second }, verdict: true },
  { rule: 'row.t == timestamp("1970-01-01T00:00:01.000000001Z")', row: { t: second }, verdict: false },
  { rule: 'row.t >= timestamp("1970-01-01T00:00:00.999999999Z")', row: { t: second }, verdict: true },
  { rule: 'row.m > timestamp("1970-01-01T00:00:00.999999999Z")', row: { m: second }, verdict: true },
  { rule: 'row.m <= timestamp("1969-12-31T23:59:59.999999999Z")', row: { m: new Timestamp(0n) }, verdict: false },
  { rule: 'row.t > timestamp("0001-01-01T00:00:00Z")', row: { t: second }, verdict: true },
  { rule: 'row.t < timestamp("9999-12-31T23:59:59.999999999Z")', row: { t: second }, verdict: true },
  // Facts.
  { rule: 'member(row.s, row.n)', row: { s: 'a', n: 1n }, verdict: true },
  { rule: 'member(row.s, row.n)', row: { s: 'A', n: 1n }, verdict: false },
  { rule: 'member(row.s, 2)', row: { s: 'a' }, verdict: false },
  { rule: 'member(row.s, row.n)', row: { s: 'a' }, verdict: null },
  { rule: 'member(row.s, auth.any)', row: { s: 'a' }, auth: { any: 1 }, verdict: null },
  { rule: 'friend(row.s, "a") && friend("a", row.s)', row: { s: 'ä' }, verdict: true },
];

export function trapRow({ row }: Trap): Row {
  return { ...(Object.fromEntries(columnNames.map((name) => [name, null])) as Row), ...row };
}

export function trapUser({ auth }: Trap): Environment {
  const usual = {
    uid: 'u1',
    admin: false,
    groups: [],
    levels: [],
    scores: [],
    times: [],
    roles: [],
    perms: {},
    any: 1,
    anys: [],
  };
  return { auth: { ...usual, ...auth }, gid: 'g1', now: second };
}
