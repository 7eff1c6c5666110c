import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonTextOf, stampFields } from './stamp.ts';
import { Duration, Failure, Timestamp } from './value.ts';

describe('stampFields', () => {
  test('numbers, order and spelling of the rest survive', () => {
    const text = '{ "id": 12345678901234567890, "x": 1.50, "from": "mallory", "é": {"a" : [1e400]} }';
    const stamped = stampFields(
      text,
      new Map([
        ['from', '"u1"'],
        ['at', '5'],
      ]),
    );
    expect(stamped).toBe('{"id":12345678901234567890,"x":1.50,"from":"u1","é":{"a" : [1e400]},"at":5}');
  });

  test.each([
    ['twice', '{"from":"a","from":"b"}'],
    ['in another spelling', '{"fr\\u006fm":"a","\\u0066rom":"b"}'],
  ])('a field that the client wrote %s is the server’s, once', (_how, text) => {
    expect(stampFields(text, new Map([['from', '"u1"']]))).toBe('{"from":"u1"}');
  });

  test('__proto__ is a field like others', () => {
    const stamped = stampFields('{"__proto__":{"admin":true}}', new Map([['from', '"u1"']]));
    expect(stamped).toBe('{"__proto__":{"admin":true},"from":"u1"}');
    expect(stampFields('{}', new Map([['__proto__', '1']]))).toBe('{"__proto__":1}');
  });

  test('whatever the message, every reader finds the server’s value', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string(), fc.jsonValue(), (message, name, value) => {
        const stamped = stampFields(JSON.stringify(message), new Map([[name, JSON.stringify(value)]]));
        const expected = new Map(Object.entries(JSON.parse(JSON.stringify(message)) as object)).set(
          name,
          JSON.parse(JSON.stringify(value)),
        );
        expect(new Map(Object.entries(JSON.parse(stamped) as object))).toEqual(expected);
      }),
    );
  });
});

describe('jsonTextOf', () => {
  test.each([
    [null, 'null'],
    ['a"b', '"a\\"b"'],
    [9223372036854775807n, '9223372036854775807'],
    [1.5, '1.5'],
    [[1n, [true]], '[1,[true]]'],
    [{ a: 1n, b: [] }, '{"a":1,"b":[]}'],
    [Timestamp.ofMs(1_700_000_000_000), '"2023-11-14T22:13:20Z"'],
    [new Duration(1_500_000_000n), '"1.5s"'],
  ])('%o', (value, text) => {
    expect(jsonTextOf(value)).toBe(text);
  });

  test('what JSON cannot hold is a failure', () => {
    expect(jsonTextOf(Number.NaN)).toBeInstanceOf(Failure);
    expect(jsonTextOf([Number.POSITIVE_INFINITY])).toBeInstanceOf(Failure);
  });
});
