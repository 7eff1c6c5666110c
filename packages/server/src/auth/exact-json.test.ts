import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonText, parseExactJson, toJsonBytes } from './exact-json.ts';

const text = (value: unknown): string => new TextDecoder().decode(toJsonBytes(value));

describe('exact JSON', () => {
  test('numbers that do not fit a double come out as they went in', () => {
    for (const source of [
      '{"id":12345678901234567890}',
      '[9007199254740993,-9007199254740993]',
      '[0.1234567890123456789]',
      '{"deep":[{"id":18446744073709551615}]}',
      '[1e400]',
      '-0.00000000000000000000000000000000000',
    ]) {
      expect(text(parseExactJson(source))).toBe(source);
    }
  });

  test('numbers that fit stay numbers', () => {
    expect(parseExactJson('{"a":1234567890123456,"b":1.50,"c":1e100,"d":[100000000000000000000]}')).toEqual({
      a: 1234567890123456,
      b: 1.5,
      c: 1e100,
      d: [1e20],
    });
  });

  test('is JSON.parse for everything that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const source = JSON.stringify(value);
        expect(parseExactJson(source)).toEqual(JSON.parse(source));
      }),
    );
  });

  test('integers of any size survive', () => {
    fc.assert(
      fc.property(fc.bigInt(), (n) => text(parseExactJson(`[${n}]`)) === `[${n}]` || Number.isSafeInteger(Number(n))),
    );
  });

  test('jsonText takes one JSON value and nothing else', () => {
    const encode = (source: string): Uint8Array => new TextEncoder().encode(source);
    expect(jsonText(encode('{"a": 1}'))).toBe('{"a": 1}');
    for (const bad of ['', '{', '1,"user":"admin"', '{}{}', 'undefined']) expect(jsonText(encode(bad))).toBeUndefined();
    expect(jsonText(Uint8Array.of(0x22, 0xff, 0x22))).toBeUndefined();
  });
});
