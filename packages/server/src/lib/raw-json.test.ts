import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arrayItems, objectFields, oneLine } from './raw-json.ts';

/** JSON text of any value, with any layout. */
const jsonText = fc
  .tuple(fc.jsonValue(), fc.constantFrom(0, 1, '\t', ' \r\n'.slice(0, 1)))
  .map(([value, indent]) => JSON.stringify(value, undefined, indent));

describe('objectFields', () => {
  test('keeps the text of every value', () => {
    const text =
      ' {"big": 12345678901234567890 , "float":1.0e2,"s":"a\\"}\\\\","o":{"x":[1, 2 ]},"a":[ ],"t":true,"n":null} ';
    expect(Object.fromEntries(objectFields(text))).toEqual({
      big: '12345678901234567890',
      float: '1.0e2',
      s: '"a\\"}\\\\"',
      o: '{"x":[1, 2 ]}',
      a: '[ ]',
      t: 'true',
      n: 'null',
    });
  });

  test('reads escaped names, and of a repeated one the last', () => {
    expect([...objectFields('{"d\\u0061ta":1,"data":2,"":3}')]).toEqual([
      ['data', '2'],
      ['', '3'],
    ]);
    expect(objectFields('{}').size).toBe(0);
    expect(objectFields(' { } ').size).toBe(0);
  });

  test('cuts out exactly what was put in', () => {
    const property = fc.property(fc.array(fc.tuple(fc.string(), jsonText)), (entries) => {
      const text = `{${entries.map(([name, value]) => `${JSON.stringify(name)} :\n${value}`).join(' ,')}}`;
      expect(objectFields(text)).toEqual(new Map(entries));
    });
    fc.assert(property);
  });

  test('deep nesting and long texts take no stack', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    expect(objectFields(`{"deep":${deep}}`).get('deep')).toBe(deep);
    const quotes = JSON.stringify('\\"'.repeat(200_000));
    expect(objectFields(`{"quotes":${quotes}}`).get('quotes')).toBe(quotes);
  });
});

test('arrayItems cuts out exactly what was put in', () => {
  const property = fc.property(fc.array(jsonText), (items) => {
    expect(arrayItems(`[ ${items.join(' , ')} ]`)).toEqual(items);
    expect(arrayItems(`[${items.join(',')}]`)).toEqual(items);
  });
  fc.assert(property);
});

test('oneLine changes the layout only', () => {
  const property = fc.property(fc.jsonValue(), (value) => {
    const line = oneLine(JSON.stringify(value, undefined, 2).replaceAll('\n', '\r\n'));
    expect(line).not.toMatch(/[\r\n]/);
    expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(value)));
  });
  fc.assert(property);
});
