/** What is written is read: integers, text, bytes, conditions. */
import fc from 'fast-check';
import { CompiledQuery, sql } from 'kysely';
import { expect } from 'vitest';
import { isUniqueViolation } from '../stores/store.ts';
import type { SkippableTests } from './conformance.ts';
import { type FixtureTables, rejection, type StoreFactory, StoreFixture } from './store-fixture.ts';

type Sample = Partial<FixtureTables['samples']>;

const noValues = { whole: null, real: null, words: null, bytes: null };

/** Compares by code points, as UTF-8 bytes do. */
function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export function declareValueTests(tests: SkippableTests, factory: StoreFactory): void {
  const write = async (fixture: StoreFixture, id: string, sample: Sample): Promise<void> => {
    await fixture.db
      .insertInto('samples')
      .values({ ...noValues, ...sample, id })
      .execute();
  };
  const read = (fixture: StoreFixture, id: string) =>
    fixture.db.selectFrom('samples').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

  tests.test('integers up to 2^53 come back as they are, as numbers', async () => {
    await using fixture = await StoreFixture.start(factory);
    for (const whole of [0, 1, -1, 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 12n]) {
      await write(fixture, String(whole), { whole });
      expect((await read(fixture, String(whole))).whole).toBe(Number(whole));
    }
  });

  tests.test('an integer beyond 2^53 is written exactly, and reading it is an error, not a rounded value', async () => {
    await using fixture = await StoreFixture.start(factory);
    const big = 2n ** 53n + 1n;
    await write(fixture, 'big', { whole: big });
    await write(fixture, 'small', { whole: 1 });
    expect(await rejection(read(fixture, 'big'))).toBeInstanceOf(RangeError);
    const { text } = await fixture.db
      .selectFrom('samples')
      .select(sql<string>`cast(whole as text)`.as('text'))
      .where('whole', '=', big)
      .executeTakeFirstOrThrow();
    expect(text).toBe(String(big));
    expect(
      await fixture.db
        .selectFrom('samples')
        .select('id')
        .where('whole', '=', big - 1n)
        .execute(),
    ).toEqual([]);
    expect((await read(fixture, 'small')).whole).toBe(1);
  });

  tests.test('counts and sums are numbers', async () => {
    await using fixture = await StoreFixture.start(factory);
    await write(fixture, 'a', { whole: 2 });
    await write(fixture, 'b', { whole: 3 });
    const row = await fixture.db
      .selectFrom('samples')
      .select(({ fn }) => [fn.countAll().as('count'), fn.sum('whole').as('sum'), fn.max('whole').as('max')])
      .executeTakeFirstOrThrow();
    expect(row).toEqual({ count: 2, sum: 5, max: 3 });
  });

  tests.test('booleans are 1 and 0, and so is a condition that is selected', async () => {
    await using fixture = await StoreFixture.start(factory);
    await write(fixture, 'yes', { whole: true });
    await write(fixture, 'no', { whole: false });
    const rows = await sql`select id, whole, whole = 1 as is_one from samples order by id`.execute(fixture.db);
    expect(rows.rows).toEqual([
      { id: 'no', whole: 0, is_one: 0 },
      { id: 'yes', whole: 1, is_one: 1 },
    ]);
  });

  tests.test('floating point numbers come back as they are', async () => {
    await using fixture = await StoreFixture.start(factory);
    for (const real of [0.1, -2.5, 1e300, 5e-324, 3]) {
      await write(fixture, String(real), { real });
      expect((await read(fixture, String(real))).real).toBe(real);
    }
  });

  tests.test('any text without NUL comes back as it is', async () => {
    await using fixture = await StoreFixture.start(factory);
    await write(fixture, 'x', {});
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom(
        '',
        '👩‍👩‍👧‍👦',
        'e\u0301',
        '\u{10ffff}',
        '\ufffe',
        '\ufeffx',
        "'; drop table samples; --",
        '$1 ? :x',
        '\r\n\t\\',
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        text.filter((it) => !it.includes('\0')),
        async (words) => {
          await fixture.db.updateTable('samples').set({ words }).execute();
          const found = await fixture.db.selectFrom('samples').select('words').where('words', '=', words).execute();
          expect(found).toEqual([{ words }]);
        },
      ),
      { numRuns: 150 },
    );
  });

  tests.test('half of a surrogate pair becomes the replacement character', async () => {
    await using fixture = await StoreFixture.start(factory);
    await write(fixture, 'x', { words: 'a\ud83db' });
    expect((await read(fixture, 'x')).words).toBe('a\ufffdb');
  });

  tests.test('empty text is not null', async () => {
    await using fixture = await StoreFixture.start(factory);
    await write(fixture, 'empty', { words: '' });
    await write(fixture, 'null', {});
    expect(await fixture.db.selectFrom('samples').select('id').where('words', 'is', null).execute()).toEqual([
      { id: 'null' },
    ]);
  });

  tests.test('a whole number in a column of text is text without a point', async () => {
    await using fixture = await StoreFixture.start(factory);
    await write(fixture, 'x', { words: 7 });
    expect((await read(fixture, 'x')).words).toBe('7');
  });

  tests.test('bytes come back as they are', async () => {
    await using fixture = await StoreFixture.start(factory);
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    await write(fixture, 'x', { bytes });
    expect([...((await read(fixture, 'x')).bytes ?? [])]).toEqual([...bytes]);
  });

  tests.test('a parameter that is none is refused by its place, and nothing is written', async () => {
    await using fixture = await StoreFixture.start(factory);
    const strange: unknown[] = ['a\0b', NaN, Infinity, 2n ** 63n, undefined, new Date(0), {}, () => {}, Symbol('s')];
    const [one, two] = fixture.store.dialect === 'postgres' ? ['$1', '$2'] : ['?', '?'];
    const insert = `insert into samples (id, words) values (${one}, ${two})`;
    for (const value of strange) {
      const error = await rejection(fixture.db.executeQuery(CompiledQuery.raw(insert, ['x', value])));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toMatch(/^parameter 2 is /);
      expect(error.message).not.toContain('\0');
    }
    expect(await fixture.db.selectFrom('samples').select('id').execute()).toEqual([]);
  });

  tests.test('text is ordered and compared by code points', async () => {
    await using fixture = await StoreFixture.start(factory);
    const words = [
      'b',
      'a',
      'B',
      'A',
      '_',
      'ä',
      'z',
      'Z',
      'ﬀ',
      '\uffee',
      '😀',
      'e\u0301',
      'é',
      'a b',
      'ab',
      'a-b',
      '10',
      '9',
      '',
    ];
    for (const [i, word] of words.entries()) await write(fixture, String(i), { words: word });
    const rows = await fixture.db.selectFrom('samples').select('words').orderBy('words').execute();
    expect(rows.map((row) => row.words)).toEqual(words.toSorted(byCodePoints));
    const above = await fixture.db.selectFrom('samples').select('words').where('words', '>', 'a').execute();
    expect(above.map((row) => String(row.words)).toSorted(byCodePoints)).toEqual(
      words.filter((word) => byCodePoints(word, 'a') > 0).toSorted(byCodePoints),
    );
  });

  tests.test('LIKE tells A from a', async () => {
    await using fixture = await StoreFixture.start(factory);
    await write(fixture, 'x', { words: 'Anna' });
    const found = (pattern: string) =>
      fixture.db.selectFrom('samples').select('id').where('words', 'like', pattern).execute();
    expect(await found('A%')).toEqual([{ id: 'x' }]);
    expect(await found('a%')).toEqual([]);
  });

  tests.test('a violated key is known as such: primary, unique, and unique for some rows', async () => {
    await using fixture = await StoreFixture.start(factory);
    await write(fixture, 'x', { words: 'w', whole: 1 });
    await write(fixture, 'other', { words: 'w', whole: 2 });
    expect(isUniqueViolation(await rejection(write(fixture, 'x', {})))).toBe(true);
    expect(isUniqueViolation(await rejection(write(fixture, 'y', { words: 'w', whole: 1 })))).toBe(true);
    const notNull = await rejection(sql`insert into counters (name) values ('n')`.execute(fixture.db));
    expect(isUniqueViolation(notNull)).toBe(false);
    expect(isUniqueViolation(new Error('23505'))).toBe(false);
    expect(isUniqueViolation(undefined)).toBe(false);
  });

  tests.test('ON CONFLICT and RETURNING say what came of an insert', async () => {
    await using fixture = await StoreFixture.start(factory);
    const insert = () =>
      fixture.db
        .insertInto('counters')
        .values({ name: 'a', value: 1 })
        .onConflict((conflict) => conflict.doNothing())
        .returning('name')
        .execute();
    expect([await insert(), await insert()]).toEqual([[{ name: 'a' }], []]);
    const upsert = await fixture.db
      .insertInto('counters')
      .values({ name: 'a', value: 5 })
      .onConflict((conflict) =>
        conflict.column('name').doUpdateSet((column) => ({ value: column.ref('excluded.value') })),
      )
      .returning('value')
      .execute();
    expect(upsert).toEqual([{ value: 5 }]);
  });

  tests.test('one statement many times, and many statements once, are all answered right', async () => {
    await using fixture = await StoreFixture.start(factory);
    for (let i = 0; i < 20; i++) {
      const rows = await sql<{ n: number }>`select cast(${i} as bigint) as n`.execute(fixture.db);
      expect(rows.rows).toEqual([{ n: i }]);
    }
    for (let i = 0; i < 700; i++) {
      const rows = await sql.raw<{ n: number }>(`select ${i} as n`).execute(fixture.db);
      expect(rows.rows).toEqual([{ n: i }]);
    }
  });

  tests.test('a statement goes on working when its table gets another column', async () => {
    await using fixture = await StoreFixture.start(factory);
    await fixture.addCounter('a', 1);
    for (let i = 0; i < 10; i++) expect(await fixture.counters()).toEqual({ a: 1 });
    const all = () => fixture.db.selectFrom('counters').selectAll().execute();
    for (let i = 0; i < 10; i++) await all();
    await sql`alter table counters add column extra bigint`.execute(fixture.db);
    for (let i = 0; i < 10; i++) expect(await all()).toEqual([{ name: 'a', value: 1, extra: null }]);
    const within = () =>
      fixture.store.transaction<FixtureTables, unknown>(async (tx) => tx.selectFrom('counters').selectAll().execute());
    for (let i = 0; i < 10; i++) await within();
    await sql`alter table counters add column more bigint`.execute(fixture.db);
    expect(await within()).toEqual([{ name: 'a', value: 1, extra: null, more: null }]);
  });
}
