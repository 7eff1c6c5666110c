import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { loopingBinder, rowBinder } from './row-binder.ts';
import type { BoundColumn } from './store.ts';

const columns: readonly BoundColumn[] = [
  { name: 'a', kind: 'text' },
  { name: 'n', kind: 'int' },
];

function create() {
  const db = new DatabaseSync(':memory:');
  db.exec('create table t (a text, n integer); create index t_n on t (n)');
  const insert = db.prepare('insert into t (a, n) values (?, ?)');
  const read = db.prepare('select a, n, typeof(a) ta, typeof(n) tn from t');
  read.setReadBigInts(true);
  return { insert, rows: () => read.all().map((row) => ({ ...row })) };
}

describe.each([
  ['rowBinder', rowBinder],
  ['loopingBinder', loopingBinder],
])('%s', (_name, make) => {
  test('whole numbers stay whole in columns of either kind', () => {
    const { insert, rows } = create();
    const bind = make(columns);
    const numbers = [0, -0, 7, -1_023, 2 ** 31, 1_800_000_000_000, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
    for (const n of numbers) bind(insert, { n, a: n });
    expect(rows()).toEqual(numbers.map((n) => ({ a: String(BigInt(n)), n: BigInt(n), ta: 'text', tn: 'integer' })));
  });

  test('everything else is as in any statement', () => {
    const { insert, rows } = create();
    const bind = make(columns);
    bind(insert, { a: null, n: null });
    bind(insert, { a: 'ü', n: 0.5 });
    bind(insert, { a: '', n: 2n ** 62n });
    bind(insert, { a: 'x', n: true });
    expect(rows()).toEqual([
      { a: null, n: null, ta: 'null', tn: 'null' },
      { a: 'ü', n: 0.5, ta: 'text', tn: 'real' },
      { a: '', n: 2n ** 62n, ta: 'text', tn: 'integer' },
      { a: 'x', n: 1n, ta: 'text', tn: 'integer' },
    ]);
  });

  test('what is no value is named by its place, and nothing is written', () => {
    const { insert, rows } = create();
    const bind = make(columns);
    expect(() => bind(insert, { a: 'a\0b', n: 1 })).toThrow('parameter 1 is text with a NUL character');
    expect(() => bind(insert, { a: 'a' })).toThrow('parameter 2 is undefined');
    expect(() => bind(insert, { a: 'a', n: Number.NaN })).toThrow('parameter 2 is NaN');
    expect(() => bind(insert, { a: 'a', n: 2n ** 64n })).toThrow('parameter 2 is a bigint of more than 64 bits');
    expect(rows()).toEqual([]);
  });

  test('a name is a name, whatever stands in it', () => {
    const db = new DatabaseSync(':memory:');
    const names = ['__proto__x', 'a"], 0); process.exit(1); (["b', 'c\n\\', '\u2028', ''];
    db.exec('create table t (a, b, c, d, e)');
    const row = Object.fromEntries(names.map((name, at) => [name, `v${at}`]));
    const bind = make(names.map((name) => ({ name, kind: 'text' })));
    bind(db.prepare('insert into t values (?, ?, ?, ?, ?)'), row);
    expect({ ...db.prepare('select * from t').get() }).toEqual({ a: 'v0', b: 'v1', c: 'v2', d: 'v3', e: 'v4' });
  });
});
