import { describe, expect, test } from 'vitest';
import { hasField, readAs, readField, readKey, readVariable, readWhole } from './fields.ts';
import { types } from './types.ts';
import { Duration, Failure, Timestamp } from './value.ts';

const reason = (value: unknown): string => (value instanceof Failure ? value.reason : `no failure: ${String(value)}`);
const auth = types.record('auth', { uid: types.string, level: types.nullable(types.int) });

describe('readField', () => {
  test('takes numbers of JSON for ints if they are whole and safe', () => {
    expect(readField({ n: 7 }, 'n', types.int)).toBe(7n);
    expect(readField({ n: -0 }, 'n', types.int)).toBe(0n);
    expect(readField({ n: 7n }, 'n', types.int)).toBe(7n);
    for (const n of [1.5, 2 ** 53, '7', true, Number.NaN, 2n ** 63n]) {
      expect(readField({ n }, 'n', types.int)).toBeInstanceOf(Failure);
    }
  });

  test('takes text and seconds since 1970 for timestamps', () => {
    const time = new Timestamp(1_600_000_000_250_000_000n);
    expect(readField({ t: '2020-09-13T12:26:40.25Z' }, 't', types.timestamp)).toEqual(time);
    expect(readField({ t: 1_600_000_000.25 }, 't', types.timestamp)).toEqual(time);
    expect(readField({ t: -1 }, 't', types.timestamp)).toEqual(new Timestamp(-1_000_000_000n));
    expect(readField({ t: time }, 't', types.timestamp)).toBe(time);
    for (const t of ['yesterday', 1e300, Infinity, new Date(0), {}]) {
      expect(readField({ t }, 't', types.timestamp)).toBeInstanceOf(Failure);
    }
    expect(readField({ d: '1.5s' }, 'd', types.duration)).toEqual(new Duration(1_500_000_000n));
    expect(readField({ d: 1.5 }, 'd', types.duration)).toBeInstanceOf(Failure);
  });

  test('a field that is missing, null or of another type is a failure that says so, without the value', () => {
    expect(reason(readField({}, 'role', types.string, 'auth.role'))).toBe('auth has no field role');
    expect(reason(readField({ role: undefined }, 'role', types.string, 'auth.role'))).toBe('auth has no field role');
    expect(reason(readField({ role: null }, 'role', types.string, 'auth.role'))).toBe('auth.role is null, not string');
    expect(reason(readField({ role: 12345 }, 'role', types.string, 'auth.role'))).toBe(
      'auth.role is double, not string',
    );
    expect(reason(readField([1], 'length', types.double, 'auth.length'))).toBe('auth is list, not a record');
  });

  test('a nullable field that is absent or null reads as null; one of another type fails', () => {
    const type = types.nullable(types.int);
    expect(readField({}, 'level', type)).toBeNull();
    expect(readField({ level: null }, 'level', type)).toBeNull();
    expect(readField({ level: 3 }, 'level', type)).toBe(3n);
    expect(readField({ level: 'x' }, 'level', type)).toBeInstanceOf(Failure);
  });

  test('only own fields of plain objects are read', () => {
    class Person {
      uid = 'u1';
    }
    expect(readField(new Person(), 'uid', types.string)).toBeInstanceOf(Failure);
    expect(readField(Object.create({ uid: 'u1' }), 'uid', types.string)).toBeInstanceOf(Failure);
    expect(readField(new Timestamp(1n), 'nanos', types.dyn)).toBeInstanceOf(Failure);
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      expect(readField({}, name, types.dyn)).toBeInstanceOf(Failure);
      expect(hasField({}, name, types.dyn)).toBe(false);
    }
    const bare = Object.assign(Object.create(null) as object, { uid: 'u1' });
    expect(readField(bare, 'uid', types.string)).toBe('u1');
    expect(readField(JSON.parse('{"__proto__":"x"}'), '__proto__', types.string)).toBe('x');
  });
});

test('a key of a map must be there, even if values may be null', () => {
  const type = types.nullable(types.string);
  expect(readKey({}, 'a', type)).toBeInstanceOf(Failure);
  expect(readKey({ a: null }, 'a', type)).toBeNull();
});

test('has() is true for a key with null, and false for a nullable field with null', () => {
  expect(hasField({ level: null }, 'level', auth)).toBe(false);
  expect(hasField({ level: 0 }, 'level', auth)).toBe(true);
  expect(hasField({ level: null }, 'level', types.dyn)).toBe(true);
  expect(hasField('text', 'length', types.dyn)).toBeInstanceOf(Failure);
});

test('a variable is an own property of the environment', () => {
  expect(readVariable({ uid: 'u1' }, 'uid', types.string)).toBe('u1');
  expect(readVariable({}, 'constructor', types.dyn)).toBeInstanceOf(Failure);
  expect(readVariable(Object.create({ uid: 'u1' }) as object, 'uid', types.string)).toBeInstanceOf(Failure);
});

describe('readAs and readWhole', () => {
  test('a list is looked into only as a whole', () => {
    const list = [1, 'x'];
    expect(readAs(list, types.list(types.int), 'it')).toBe(list);
    expect(readWhole(list, types.list(types.int), 'it')).toBeInstanceOf(Failure);
    expect(readWhole([1, 2], types.list(types.int), 'it')).toEqual([1n, 2n]);
  });

  test('what is as declared is not copied', () => {
    const list = ['a', 'b'];
    expect(readWhole(list, types.list(types.string), 'it')).toBe(list);
  });

  test('of a record what is declared is left, without nulls', () => {
    const value = { uid: 'u1', level: null, password: 'x' };
    expect(readWhole(value, auth, 'auth')).toEqual({ uid: 'u1' });
    expect(readWhole({ uid: 'u1', level: 3 }, auth, 'auth')).toEqual({ uid: 'u1', level: 3n });
    expect(readWhole({ level: 3 }, auth, 'auth')).toBeInstanceOf(Failure);
  });

  test('a map keeps a key __proto__ as a key', () => {
    const read = readWhole(JSON.parse('{"__proto__":5}'), types.map(types.int), 'it') as object;
    expect(Object.getOwnPropertyDescriptor(read, '__proto__')?.value).toBe(5n);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });

  test('a dyn takes what a rule can work with, and nothing else', () => {
    for (const value of [null, true, 1, 1n, 'a', [], {}]) expect(readAs(value, types.dyn, 'it')).toBe(value);
    for (const value of [undefined, () => 1, Symbol('x'), new Date(0), new Map(), 2n ** 64n]) {
      expect(readAs(value, types.dyn, 'it')).toBeInstanceOf(Failure);
    }
  });
});
