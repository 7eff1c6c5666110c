import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeJson, jsonPayload, payloadText } from './json-payload.ts';

test('jsonPayload makes JSON text, and refuses what JSON cannot hold', () => {
  expect(payloadText(jsonPayload({ a: [1, 'é'] }))).toBe('{"a":[1,"é"]}');
  expect(() => jsonPayload(undefined)).toThrow(TypeError);
  expect(() => jsonPayload(1n)).toThrow(TypeError);
});

test('encodeJson is JSON.stringify for values without payloads', () => {
  const property = fc.property(fc.jsonValue(), (value) => {
    expect(encodeJson(value)).toBe(JSON.stringify(value));
  });
  fc.assert(property);
});

test('payloads stand as they are, other bytes as base64 beside', () => {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const value = {
    data: text('{"n":12345678901234567890}'),
    lines: text('[1,\n2]'),
    bytes: new Uint8Array([0xff, 0x00]),
    broken: text('{"a"'),
    empty: new Uint8Array(),
    none: undefined,
  };
  expect(encodeJson({ list: [value] })).toBe(
    '{"list":[{"data":{"n":12345678901234567890},"lines":[1,2],"b64bytes":"/wA=","b64broken":"eyJhIg=="}]}',
  );
});
