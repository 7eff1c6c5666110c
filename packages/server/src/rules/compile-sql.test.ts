import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { checkRule } from './check.ts';
import { checkSql, compileSql, rowTypeOf, type SqlTable } from './compile-sql.ts';
import { parseRule } from './parse.ts';
import { bindRule } from './partial.ts';
import type { TypedExpr } from './syntax.ts';
import { types } from './types.ts';
import type { RelationReader } from './value.ts';

const table: SqlTable = {
  variable: 'row',
  columns: {
    owner: { column: 'owner_id', type: types.string },
    title: { column: 'the "title"', type: types.nullable(types.string) },
    level: { column: 'level', type: types.int },
    price: { column: 'price', type: types.double },
    open: { column: 'open', type: types.bool },
    at: { column: 'at', type: types.timestamp },
    seen: { column: 'seen', type: types.timestamp, encoding: 'unix-ms' },
    tags: { column: 'tags', type: types.list(types.string) },
  },
};
const strings = (...names: readonly string[]): { name: string; type: typeof types.string }[] =>
  names.map((name) => ({ name, type: types.string }));
const declarations = {
  variables: {
    row: rowTypeOf(table),
    auth: types.record('auth', {
      uid: types.string,
      groups: types.list(types.string),
      scores: types.list(types.double),
    }),
  },
  relations: {
    member: { name: 'member', parameters: strings('group', 'user') },
    banned: { name: 'banned', parameters: strings('user') },
  },
};
const auth = { uid: "u'1", groups: ['a', 'b'], scores: [1.5] };
const nobody: RelationReader = { related: () => false };

function read(text: string): TypedExpr {
  const { expr, problems } = checkRule(parseRule(text), declarations, types.bool);
  expect(problems, text).toEqual([]);
  return expr;
}

const bind = (text: string, user: object = auth): TypedExpr => bindRule(read(text), { auth: user }, nobody);

describe('the condition', () => {
  test('has values as parameters, with their types in PostgreSQL', () => {
    const bound = bind('row.owner == auth.uid && row.level < 5 && row.at > timestamp(0)');
    const inPostgres = compileSql(bound, table, 'postgres');
    expect(inPostgres.text).toBe(
      '(("owner_id" COLLATE "C" = $1::text) AND ("level" < $2::bigint) AND ("at" > $3::timestamptz))',
    );
    expect(inPostgres.parameters).toEqual(["u'1", 5n, '1970-01-01T00:00:00.000000Z']);
    expect(compileSql(bound, table, 'sqlite')).toMatchObject({
      text: '(("owner_id" COLLATE BINARY = ?) AND ("level" < ?) AND ("at" > ?))',
      parameters: ["u'1", 5n, 0n],
    });
  });

  test('comes in fragments too, to go into a larger query', () => {
    const { text, fragments, parameters } = compileSql(bind('row.level in [1, 2] || row.open'), table, 'postgres');
    expect(fragments).toHaveLength(parameters.length + 1);
    expect(fragments.join('$1')).toBe(text);
  });

  test('quotes names', () => {
    expect(compileSql(bind('has(row.title)'), table, 'postgres').text).toBe('("the ""title""" IS NOT NULL)');
    const strange = { ...table, columns: { open: { column: 'a\0b', type: types.bool } } };
    expect(() => compileSql(bind('row.open'), strange, 'sqlite')).toThrow(TypeError);
  });

  test('has one parameter for a list, however long', () => {
    const groups = Array.from({ length: 100_000 }, (_, index) => `g${index}`);
    const bound = bind('row.owner in auth.groups', { ...auth, groups });
    expect(compileSql(bound, table, 'postgres').parameters).toEqual([groups]);
    const { text, parameters } = compileSql(bound, table, 'sqlite');
    const db = new DatabaseSync(':memory:');
    db.exec(`CREATE TABLE t (owner_id TEXT); INSERT INTO t VALUES ('g99999'), ('g100000')`);
    expect(db.prepare(`SELECT * FROM t WHERE ${text}`).all(...(parameters as string[]))).toEqual([
      { owner_id: 'g99999' },
    ]);
  });

  test('with more parameters than a database takes is a RangeError', () => {
    const scores = Array.from({ length: 40_000 }, (_, index) => index + 0.5);
    const bound = bind('row.price in auth.scores', { ...auth, scores });
    expect(() => compileSql(bound, table, 'sqlite')).toThrow(RangeError);
    expect(compileSql(bound, table, 'postgres').parameters).toHaveLength(1);
  });

  test('of the longest and the deepest rule is one that SQLite takes', () => {
    const db = new DatabaseSync(':memory:');
    db.exec(`CREATE TABLE t (level INTEGER, open INTEGER); INSERT INTO t VALUES (7, 0)`);
    const deep = Array.from({ length: 18 }).reduce<string>((inner) => `!(row.open||${inner})`, 'row.level==7');
    const wide = Array.from({ length: 60 }, (_, index) => `row.level==${index}`).join('||');
    for (const rule of [deep, wide, 'row.open?row.open:'.repeat(40) + 'row.level==7']) {
      const { text, parameters } = compileSql(bind(rule), table, 'sqlite');
      expect(db.prepare(`SELECT * FROM t WHERE ${text}`).all(...(parameters as bigint[])), rule).toHaveLength(1);
    }
  });

  test('of a rule that is not bound is a TypeError', () => {
    expect(() => compileSql(read('row.owner == auth.uid'), table, 'sqlite')).toThrow('not bound');
    expect(() => compileSql(bindRule(read('banned(auth.uid)'), { auth }), table, 'sqlite')).toThrow(TypeError);
    expect(() => compileSql(bind('size(row.owner) == 1'), table, 'sqlite')).toThrow('size');
  });
});

describe('relations', () => {
  const withFacts: SqlTable = {
    ...table,
    alias: 'd',
    relations: {
      member: {
        schema: 'app',
        table: 'members',
        columns: [
          { column: 'owner_id', type: types.string },
          { column: 'uid', type: types.string },
        ],
      },
    },
  };

  test('about columns are looked up in their table, whose columns are not taken for those of the row', () => {
    expect(checkSql(read('member(row.owner, auth.uid)'), withFacts)).toEqual([]);
    expect(compileSql(bind('member(row.owner, auth.uid)'), withFacts, 'postgres').text).toBe(
      '(CASE WHEN "d"."owner_id" IS NOT NULL THEN EXISTS (SELECT 1 FROM "app"."members" AS "fact#1" WHERE ' +
        '(("fact#1"."owner_id" COLLATE "C" = "d"."owner_id" COLLATE "C") AND ("fact#1"."uid" COLLATE "C" = $1::text))) END)',
    );
  });

  test('about columns of a table without an alias are a TypeError', () => {
    const { alias: _alias, ...unnamed } = withFacts;
    expect(() => checkSql(read('member(row.owner, auth.uid)'), unnamed)).toThrow('alias');
  });

  test('that have no table are refused, unless they are about what needs no row', () => {
    expect(checkSql(read('banned(auth.uid)'), withFacts)).toEqual([]);
    expect(checkSql(read('banned(row.owner)'), withFacts)).toEqual([
      {
        span: { start: 0, end: 17 },
        found: 'the relation banned asked about a column',
        valid: 'member(…), whose facts are in tables',
      },
    ]);
  });
});

describe('a rule is refused, where it stands,', () => {
  test.each([
    ['size(row.owner) > 2', 'size(row.owner)', 'the function size as an operand', 'a column as it is'],
    ['row.open && row.level + 1 == 2', 'row.level + 1', 'the operator +', 'what needs no row'],
    ['row.level < row.price', 'row.level < row.price', 'int with double', 'the same type'],
    ['row.at == row.seen', 'row.at == row.seen', 'native with unix-ms', 'the same type and encoding'],
    ['"a" in row.tags', 'row.tags', 'the column tags after in', 'a list that needs no row'],
    ['row.tags == []', 'row.tags', 'list(string)', 'a column of type bool'],
    ['row.owner.startsWith(row.title)', 'row.title', 'the column title in startsWith', 'a text that needs no row'],
    ['row.owner.matches("a")', 'row.owner.matches("a")', 'the function matches', 'startsWith'],
    ['auth.groups.exists(g, g == row.owner)', 'auth.groups.exists(g, g == row.owner)', 'the macro exists', 'in'],
    ['row == row', 'row', 'the whole of row', 'a column'],
    ['row.tags.size() == 0 || row.open', 'row.tags.size()', 'the function size', 'a column'],
  ])('for %s', (text, part, found, valid) => {
    const [problem] = checkSql(read(text), table);
    expect(text.slice(problem?.span.start, problem?.span.end)).toBe(part);
    expect(problem?.found).toContain(found);
    expect(problem?.valid).toContain(valid);
  });

  test('with all its problems at once', () => {
    expect(checkSql(read('size(row.owner) > 2 || row.level + 1 == 2 || row.open'), table)).toHaveLength(2);
  });

  test('for a field that has no column', () => {
    const { title, ...others } = table.columns;
    expect(title).toBeDefined();
    const [problem] = checkSql(read('has(row.title)'), { ...table, columns: others });
    expect(problem?.found).toBe('row.title, which has no column');
    expect(problem?.valid).toContain('owner, level');
  });
});
