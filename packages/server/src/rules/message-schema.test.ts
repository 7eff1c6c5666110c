import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExactJson } from '../auth/exact-json.ts';
import { authRecord } from './auth-record.ts';
import { compileSchema } from './message-schema.ts';
import { types } from './types.ts';

function schemaOf(fields: Record<string, unknown>) {
  const { schema, problems } = compileSchema('Msg', fields);
  expect(problems).toEqual([]);
  return schema;
}

/** What is said of a message, in one line; undefined if it is valid. */
function said(fields: Record<string, unknown>, message: unknown): string | undefined {
  const problem = schemaOf(fields).check(message);
  return problem && `${problem.at} ${problem.problem}`;
}

describe('fields that the server writes', () => {
  const schema = schemaOf({ text: 'string', from: { type: 'string', maxLength: 3 }, n: 'int', any: 'dyn?' });
  const own = schema.except(new Set(['from', 'n', 'any']));

  test('need not be there, and may be anything', () => {
    expect(schema.check({ text: 'x' })?.at).toBe('/from');
    for (const more of [{}, { from: 5 }, { from: 'too long' }, { from: null, n: 'x' }]) {
      expect(own.check({ text: 'x', ...more })).toBeUndefined();
    }
    expect(own.check({ text: 5, from: 'x' })?.at).toBe('/text');
    expect(own.check({ from: 'x' })?.at).toBe('/text');
    expect(own.check({ text: 'x', form: 'x' })?.at).toBe('/form');
    expect(own.type).toBe(schema.type);
  });

  test('are for rules as if they were not there if they are wrong', () => {
    const message = { text: 'x', from: 'ann', n: 1 };
    expect(own.read(message)).toBe(message);
    expect(own.read({ text: 'x', from: ['ann'], n: 1 })).toEqual({ text: 'x', n: 1 });
    expect(own.read(parseExactJson('{"text":"x","from":"ann","n":9007199254740993}'))).toEqual({
      text: 'x',
      from: 'ann',
      n: 9_007_199_254_740_993n,
    });
    expect(own.read(parseExactJson('{"text":"x","from":9007199254740993,"n":1e400}'))).toEqual({ text: 'x' });
    const deep = JSON.parse(`{"text":"x","any":${'['.repeat(50_000)}${']'.repeat(50_000)}}`) as unknown;
    expect(own.read(deep)).toEqual({ text: 'x' });
  });
});

describe('a message that keeps its schema is valid', () => {
  test.each<[Record<string, unknown>, unknown]>([
    [{ text: 'string' }, { text: '' }],
    [
      { n: 'int', m: 'int' },
      { n: 1, m: 1e17 },
    ],
    [{ n: 'double' }, { n: -1.5 }],
    [{ on: 'bool' }, { on: false }],
    [{ tags: 'list(string)' }, { tags: ['a'] }],
    [{ by: 'map(int)' }, { by: { a: 1 } }],
    [{ any: 'dyn' }, { any: null }],
    [{ any: 'dyn' }, { any: [{ a: 1 }] }],
    [{ text: 'string?' }, {}],
    [{ text: 'string?' }, { text: null }],
    [{ text: { type: 'string', optional: true } }, { text: null }],
    [{ text: { type: 'string', minLength: 1, maxLength: 2 } }, { text: '😀😀' }],
    [{ n: { type: 'int', min: 0, max: 5 } }, { n: 5 }],
    [{ kind: { type: 'string', enum: ['a', 'b'] } }, { kind: 'b' }],
    [{ n: { type: 'int', enum: [1, 2] } }, { n: 2 }],
    [{ tags: { type: 'list(string)', maxItems: 1 } }, { tags: ['a'] }],
    [{ at: { fields: { x: 'double', y: { type: 'double', min: 0 } } } }, { at: { x: 1, y: 0 } }],
    [{ at: { fields: { x: 'double' }, optional: true } }, {}],
  ])('%j takes %j', (fields, message) => {
    expect(said(fields, message)).toBeUndefined();
  });
});

describe('what is wrong is said, with its place', () => {
  test.each<[Record<string, unknown>, unknown, string]>([
    [{ text: 'string' }, { text: 5 }, '/text must be a string, not a number'],
    [{ text: 'string' }, { text: null }, '/text must be a string, not null'],
    [{ text: 'string' }, {}, '/text is missing; it must be a string'],
    [{ text: 'string' }, { text: 'a', txt: 'b' }, '/txt is no field of Msg; its fields: text'],
    [{ text: 'string' }, 'hello', ' must be an object, not a string'],
    [{ text: 'string' }, ['a'], ' must be an object, not a list'],
    [{ text: 'string' }, null, ' must be an object, not null'],
    [{ text: { type: 'string', maxLength: 3 } }, { text: '😀'.repeat(4) }, '/text has 4 characters; at most 3'],
    [{ text: { type: 'string', minLength: 2 } }, { text: '😀' }, '/text has 1 character; at least 2'],
    [{ n: 'int' }, { n: 1.5 }, '/n must be a whole number of 64 bits'],
    [{ n: 'int' }, { n: 1e300 }, '/n must be a whole number of 64 bits'],
    [{ n: 'int' }, { n: '1' }, '/n must be a whole number, not a string'],
    [{ n: 'double' }, { n: true }, '/n must be a number, not a boolean'],
    [{ n: { type: 'int', min: 1 } }, { n: 0 }, '/n is 0; at least 1'],
    [{ n: { type: 'double', max: 1 } }, { n: 1.5 }, '/n is 1.5; at most 1'],
    [{ n: { type: 'int', enum: [1, 2] } }, { n: 3 }, '/n must be one of 1, 2'],
    [{ kind: { type: 'string', enum: ['a'] } }, { kind: 'b' }, '/kind must be one of "a"'],
    [{ tags: 'list(string)' }, { tags: ['a', 1] }, '/tags/1 must be a string, not a number'],
    [{ tags: { type: 'list(int)', maxItems: 1 } }, { tags: [1, 2] }, '/tags has 2 items; at most 1'],
    [{ by: 'map(int)' }, { by: { 'a/b~c': 'x' } }, '/by/a~1b~0c must be a whole number, not a string'],
    [{ at: { fields: { x: 'double' } } }, { at: { x: 1, y: 2 } }, '/at/y is no field of Msg.at; its fields: x'],
    [{ at: { fields: { x: 'double' } } }, { at: [] }, '/at must be an object, not a list'],
  ])('%j on %j', (fields, message, expected) => {
    expect(said(fields, message)).toBe(expected);
  });

  test('__proto__ is a field like any other: unknown', () => {
    expect(said({ text: 'string' }, JSON.parse('{"text":"a","__proto__":{}}'))).toContain('/__proto__ is no field');
    expect(said({ constructor: 'string?' }, {})).toBeUndefined();
    expect(said({ toString: 'string' }, {})).toContain('is missing');
  });

  test('a value of any kind may nest to a bound, and a long name is cut', () => {
    const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
    expect(said({ any: 'dyn' }, { any: nested(32) })).toBeUndefined();
    expect(said({ any: 'dyn' }, { any: nested(33) })).toBe('/any nests deeper than 32 levels');
    expect(said({ any: 'dyn' }, { any: nested(5_000) })).toBe('/any nests deeper than 32 levels');
    expect(said({ any: 'dyn' }, { any: 1, ['x'.repeat(1_000)]: 1 })?.length).toBeLessThan(150);
  });

  test('checking never throws, whatever the message', () => {
    const schema = schemaOf({
      a: { type: 'string', maxLength: 3 },
      b: 'int?',
      c: { fields: { d: 'list(map(double))' } },
      e: 'dyn?',
    });
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.record({ a: fc.jsonValue(), c: fc.jsonValue() })), (value) => {
        const problem = schema.check(value);
        if (problem === undefined) schema.read(value);
        expect(problem === undefined || problem.problem !== '').toBe(true);
      }),
    );
  });
});

describe('whole numbers beyond 2^53', () => {
  const schema = schemaOf({ n: { type: 'int', min: 0 }, list: 'list(int)?', any: 'dyn?', d: 'double?' });

  test('are exact, in the check and for rules', () => {
    const message = parseExactJson('{"n":9007199254740993,"list":[1,9223372036854775807]}');
    expect(schema.check(message)).toBeUndefined();
    expect(schema.read(message)).toEqual({ n: 9_007_199_254_740_993n, list: [1, 9_223_372_036_854_775_807n] });
    // What is passed on is as it was.
    expect(JSON.stringify(message)).toBe('{"n":9007199254740993,"list":[1,9223372036854775807]}');
  });

  test.each(['9223372036854775808', '-9223372036854775809', '9007199254740993.5', '1e400', '1e30'])(
    '%s is none of 64 bits',
    (digits) => {
      expect(schema.check(parseExactJson(`{"n":${digits}}`))).toBeDefined();
    },
  );

  test('limits hold for them', () => {
    expect(schema.check(parseExactJson('{"n":-9007199254740993}'))).toEqual({
      at: '/n',
      problem: 'is -9007199254740993; at least 0',
    });
  });

  test('elsewhere they are doubles, as numbers of JSON are to rules', () => {
    const message = parseExactJson('{"n":1,"any":[9007199254740993],"d":9007199254740993}');
    expect(schema.check(message)).toBeUndefined();
    expect(schema.read(message)).toEqual({ n: 1, any: [9_007_199_254_740_992], d: 9_007_199_254_740_992 });
  });

  test('a message without any is read as the same object', () => {
    const message = { n: 1, any: { a: [1.5] } };
    expect(schema.read(message)).toBe(message);
  });
});

describe('a schema that is none', () => {
  test.each<[Record<string, unknown>, string]>([
    [{}, ': no fields'],
    [{ a: 'strin' }, 'a: "strin"'],
    [{ a: 'timestamp' }, 'a: timestamp, which JSON has not'],
    [{ a: 'list(duration)' }, 'a: duration, which JSON has not'],
    [{ a: { maxLength: 1 } }, 'a.type: nothing'],
    [{ a: { type: 'int', maxLength: 1 } }, 'a.maxLength: maxLength of int'],
    [{ a: { type: 'string', min: 1 } }, 'a.min: min of string'],
    [{ a: { type: 'string', minLength: 2, maxLength: 1 } }, 'a.minLength: 2, but maxLength is 1'],
    [{ a: { type: 'int', enum: [1, 'b'] } }, 'a.enum.1: a string'],
    [{ a: { type: 'string', fields: { b: 'int' } } }, 'a.type: type beside fields'],
    [{ a: { fields: {} } }, 'a.fields: no fields'],
    [{ a: { fields: { b: 5 } } }, 'a.fields.b: a number'],
    [{ a: { fields: { b: { type: 'int', mx: 5 } } } }, 'a.fields.b.mx: an unknown key'],
    [{ a: { fields: { b: { type: 'string', maxLength: 'x' } } } }, 'a.fields.b.maxLength: a string'],
    [{ a: { fields: { b: { type: 'string', optional: 1 } } } }, 'a.fields.b.optional: a number'],
    [{ a: { fields: [] } }, 'a.fields: a list'],
    [Object.fromEntries([['__proto__', 'string']]), '__proto__: a field called __proto__'],
  ])('%j', (fields, expected) => {
    const found = compileSchema('Msg', fields).problems.map(({ path, found: what }) => `${path.join('.')}: ${what}`);
    expect(found).toContain(expected);
  });

  test('objects nest to a bound', () => {
    const nested = (depth: number): Record<string, unknown> =>
      depth === 1 ? { a: 'int' } : { a: { fields: nested(depth - 1) } };
    expect(compileSchema('Msg', nested(8)).problems).toEqual([]);
    expect(compileSchema('Msg', nested(9)).problems).toHaveLength(1);
  });
});

describe('authRecord', () => {
  const type = types.record('auth', {
    uid: types.string,
    role: types.string,
    level: types.nullable(types.int),
    groups: types.list(types.string),
  });

  test('has the user and the declared claims, and no others', () => {
    const claims = { role: 'admin', level: 3, groups: ['a'], email: 'x', uid: 'forged' };
    expect(authRecord(type, 'u1', claims)).toEqual({
      record: { uid: 'u1', role: 'admin', level: 3, groups: ['a'] },
      problems: [],
    });
  });

  test('leaves out what has another type, and says so without the value', () => {
    const { record, problems } = authRecord(type, 'u1', { role: 7, level: 'hunter2', groups: ['a', 1] });
    expect(record).toEqual({ uid: 'u1' });
    expect(problems).toEqual([
      'auth.role must be a string, not a number',
      'auth.level must be a whole number, not a string',
      'auth.groups/1 must be a string, not a number',
    ]);
  });

  test('takes own properties only, and anything for claims', () => {
    expect(authRecord(type, '', Object.create({ role: 'admin' })).record).toEqual({ uid: '' });
    for (const claims of [undefined, null, 'x', 5, ['role']]) {
      expect(authRecord(type, 'u1', claims)).toEqual({ record: { uid: 'u1' }, problems: [] });
    }
  });

  test('keeps numbers beyond 2^53', () => {
    expect(authRecord(type, 'u1', parseExactJson('{"level":9007199254740993}')).record['level']).toBe(
      9_007_199_254_740_993n,
    );
  });
});
