/**
 * Random well-typed rules and environments. A macro's variable takes the name of a declared variable of the same type,
 * so every body uses it, and shadowing is tried all the time.
 */
import fc, { type Arbitrary } from 'fast-check';
import { types } from '../../packages/server/src/rules/types.ts';
import { Duration, Timestamp, type Value } from '../../packages/server/src/rules/value.ts';
import type { Variables } from './both-forms.ts';

export const variables: Variables = {
  b: types.bool,
  i: types.int,
  j: types.int,
  x: types.double,
  y: types.double,
  s: types.string,
  t: types.string,
  at: types.timestamp,
  since: types.timestamp,
  wait: types.duration,
  ints: types.list(types.int),
  words: types.list(types.string),
  scores: types.map(types.int),
  maybe: types.nullable(types.int),
  json: types.dyn,
};

const minInt = -(2n ** 63n);
const maxInt = 2n ** 63n - 1n;
const intEdges = [
  0n,
  1n,
  -1n,
  2n,
  3n,
  7n,
  -7n,
  10n,
  minInt,
  minInt + 1n,
  maxInt,
  maxInt - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
];
const doubleEdges = [
  0,
  -0,
  1,
  -1,
  0.1,
  0.5,
  -2.5,
  3,
  1e308,
  -1e308,
  5e-324,
  2 ** 53,
  2 ** 63,
  -(2 ** 63),
  1e21,
  123456789.25,
];
const notNumbers = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const texts = [
  '',
  'a',
  'b',
  'ab',
  'abc',
  'A',
  'Ab',
  ' a ',
  'ä',
  'ß',
  'e\u0301',
  '日本',
  '😀',
  'a😀b',
  '\uffee',
  '7',
  '-1',
  '1.5',
  'true',
  'room:1',
  'a,b,,c',
];
const keys = ['a', 'b', 'id', 'name', 'tags'];
const patterns = ['', 'a', '^a', 'b$', '^[a-z]+$', 'a|b', '(a|b)+', '\\\\d+', '.', '^.$', '(?i)ab', '[^a]'];
const zones = ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', '+05:45', '-09:30', '02:00'];
const instants = [
  '1970-01-01T00:00:00Z',
  '2009-02-13T23:31:30Z',
  '2024-02-29T12:00:00.5Z',
  '1969-12-31T23:59:59.999Z',
  '2026-03-29T01:00:00+02:00',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999Z',
  '2024-12-31T23:59:59.123456789Z',
];
const spans = ['0s', '1s', '-1s', '1h30m', '90m', '0.5s', '-1.5h', '24h', '1ms', '100000h', '1us', '3ns'];

const oneOf = <T>(...values: readonly T[]) => fc.constantFrom(...values);
const anInt = fc.oneof(oneOf(...intEdges), fc.bigInt({ min: -20n, max: 20n }), fc.bigInt({ min: minInt, max: maxInt }));
const aDouble = fc.oneof(
  oneOf(...doubleEdges),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -20, max: 20 }),
);
const aText = fc.oneof(oneOf(...texts), fc.string({ maxLength: 6, unit: 'grapheme' }));

const aJson: Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.oneof(fc.constant(null), fc.boolean(), aDouble, aText),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(oneOf(...keys), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;

const aTimestamp = fc
  .oneof(
    fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }).map((ms) => BigInt(ms) * 1_000_000n),
    fc.integer({ min: -100_000, max: 2_000_000_000 }).map((seconds) => BigInt(seconds) * 1_000_000_000n),
    fc.integer({ min: 0, max: 999_999_999 }).map((nanos) => 1_700_000_000_000_000_000n + BigInt(nanos)),
  )
  .map((nanos) => new Timestamp(nanos));
const aDuration = fc
  .oneof(
    fc.integer({ min: -1_000_000_000, max: 1_000_000_000 }).map((ms) => BigInt(ms) * 1_000_000n),
    fc.integer().map(BigInt),
  )
  .map((nanos) => new Duration(nanos));

export const anEnvironment: Arbitrary<Readonly<Record<string, Value>>> = fc.record({
  b: fc.boolean(),
  i: anInt,
  j: anInt,
  x: fc.oneof({ weight: 5, arbitrary: aDouble }, oneOf(...notNumbers)),
  y: fc.oneof({ weight: 5, arbitrary: aDouble }, oneOf(...notNumbers)),
  s: aText,
  t: aText,
  at: aTimestamp,
  since: aTimestamp,
  wait: aDuration,
  ints: fc.array(anInt, { maxLength: 4 }),
  words: fc.array(aText, { maxLength: 4 }),
  scores: fc.dictionary(oneOf(...keys), anInt, { maxKeys: 4, noNullPrototype: true }),
  maybe: fc.option(anInt, { nil: null }),
  json: aJson,
});

type Kind = 'bool' | 'int' | 'double' | 'string' | 'timestamp' | 'duration' | 'ints' | 'words' | 'map' | 'dyn';
type Texts = Record<Kind, string>;

/** CEL takes every escape that JSON writes. */
const quoted = (text: string) => JSON.stringify(text);

export function doubleText(value: number): string {
  const text = String(value);
  const literal = /[.e]/.test(text) ? text : `${text}.0`;
  return Object.is(value, -0) ? '(-0.0)' : value < 0 ? `(${literal})` : literal;
}

const intText = (value: bigint) => (value < 0n ? `(${value})` : String(value));

/** Puts parts into a pattern: `$` stands for one. */
function form(pattern: string, ...parts: readonly Arbitrary<string>[]): Arbitrary<string> {
  const pieces = pattern.split('$');
  if (pieces.length !== parts.length + 1) throw new Error(`${pattern} has other parts`);
  return fc.tuple(...parts).map((chosen) => pieces.map((piece, at) => piece + (chosen[at] ?? '')).join(''));
}

/** @param macros how deep macros may stand in one another. */
function expressions(macros: number): { [K in Kind]: Arbitrary<string> } {
  const inner = macros > 0 ? expressions(macros - 1) : undefined;
  // One depth for all kinds: without it each kind would start anew, and rules would grow without end.
  const depthIdentifier = fc.createDepthIdentifier();
  return fc.letrec<Texts>((tie) => {
    const [bool, int, double, string] = [tie('bool'), tie('int'), tie('double'), tie('string')];
    const [timestamp, duration, ints, words] = [tie('timestamp'), tie('duration'), tie('ints'), tie('words')];
    const [map, dyn] = [tie('map'), tie('dyn')];
    const compare = oneOf('==', '!=', '<', '<=', '>', '>=');
    const equal = oneOf('==', '!=');
    const index = oneOf('0', '1', '2', '(-1)', 'i', 'size(words)');
    const choose = (of: Arbitrary<string>) => form('($ ? $ : $)', bool, of, of);
    const kind = (leaf: Arbitrary<string>, ...branches: readonly Arbitrary<string>[]) =>
      fc.oneof({ maxDepth: 5, depthSize: 'small', depthIdentifier, withCrossShrink: true }, leaf, ...branches);
    /** Macros of either range, with the variable that the body has by that name. */
    const over = (pattern: string, body: Kind) =>
      inner
        ? [
            form(`$.${pattern.replace('v', 'i')}`, ints, inner[body]),
            form(`$.${pattern.replace('v', 's')}`, words, inner[body]),
            form(`$.${pattern.replace('v', 's')}`, map, inner[body]),
          ]
        : [];
    return {
      bool: kind(
        oneOf('true', 'false', 'b'),
        form('!$', bool),
        form('($ && $)', bool, bool),
        form('($ || $)', bool, bool),
        choose(bool),
        form('($ $ $)', int, compare, int),
        form('($ $ $)', double, compare, double),
        form('($ $ $)', string, compare, string),
        form('($ $ $)', timestamp, compare, timestamp),
        form('($ $ $)', duration, compare, duration),
        form('($ $ $)', bool, compare, bool),
        form('($ $ $)', ints, equal, ints),
        form('($ $ $)', words, equal, words),
        form('($ $ $)', map, equal, map),
        form('($ $ $)', dyn, compare, dyn),
        form('(maybe $ $)', equal, fc.oneof(int, fc.constant('null'))),
        form('($ in $)', int, ints),
        form('($ in $)', string, words),
        form('($ in $)', string, map),
        form('($ in $)', dyn, fc.oneof(ints, words)),
        form('$.$($)', string, oneOf('startsWith', 'endsWith', 'contains'), string),
        form(
          '$.matches($)',
          string,
          oneOf(...patterns).map((pattern) => `"${pattern}"`),
        ),
        form('has(json.$)', oneOf(...keys)),
        form('has(scores.$)', oneOf(...keys)),
        form('has(json.$.$)', oneOf(...keys), oneOf(...keys)),
        form('bool($)', fc.oneof(string, bool)),
        ...over('all(v, $)', 'bool'),
        ...over('exists(v, $)', 'bool'),
        ...over('exists_one(v, $)', 'bool'),
      ),
      int: kind(
        fc.oneof(oneOf('i', 'j'), anInt.map(intText)),
        form('($ $ $)', int, oneOf('+', '-', '*', '/', '%'), int),
        // @bufbuild/cel takes -(-x) for x, even where -x is an error, so no sign stands right before another.
        form('(-$)', fc.oneof(oneOf('i', 'j'), form('($ * $)', int, int))),
        form('size($)', fc.oneof(string, ints, words, map)),
        form('$.size()', fc.oneof(string, words)),
        form('int($)', fc.oneof(double, timestamp, int)),
        form(
          'int($)',
          oneOf('"7"', '"-9223372036854775808"', '"9223372036854775808"', '"x"', '""', '" 1"', '"1.0"', 's'),
        ),
        form('$[$]', ints, index),
        form('scores.$', oneOf(...keys)),
        form('$[$]', map, string),
        form(
          '$.$()',
          timestamp,
          oneOf(
            'getFullYear',
            'getMonth',
            'getDate',
            'getDayOfMonth',
            'getDayOfWeek',
            'getDayOfYear',
            'getHours',
            'getMinutes',
            'getSeconds',
            'getMilliseconds',
          ),
        ),
        form(
          '$.$($)',
          timestamp,
          oneOf('getFullYear', 'getMonth', 'getDate', 'getDayOfYear', 'getHours', 'getMinutes'),
          oneOf(...zones).map(quoted),
        ),
        form('$.$()', duration, oneOf('getHours', 'getMinutes', 'getSeconds', 'getMilliseconds')),
        form('$.indexOf($)', string, string),
        form('(maybe + $)', int),
        choose(int),
      ),
      double: kind(
        fc.oneof(oneOf('x', 'y'), aDouble.map(doubleText)),
        form('($ $ $)', double, oneOf('+', '-', '*', '/'), double),
        form('(-$)', fc.oneof(oneOf('x', 'y'), form('($ * $)', double, double))),
        form('double($)', fc.oneof(int, double)),
        form('double($)', oneOf('"1.5"', '"-0.25"', '"1e3"', '"7"', '"x"', '"NaN"')),
        choose(double),
      ),
      string: kind(
        fc.oneof(oneOf('s', 't'), aText.map(quoted)),
        form('($ + $)', string, string),
        form('string($)', fc.oneof(int, bool, string)),
        form('string($)', fc.oneof(timestamp, duration)),
        form('$.$()', string, oneOf('lowerAscii', 'upperAscii', 'trim')),
        form('$.substring($)', string, index),
        form('$.substring($, $)', string, index, index),
        form('$.charAt($)', string, index),
        form('$.replace($, $)', string, string, string),
        form('$.join($)', words, string),
        form('$[$]', words, index),
        choose(string),
      ),
      timestamp: kind(
        fc.oneof(
          oneOf('at', 'since'),
          oneOf(...instants).map((text) => `timestamp("${text}")`),
        ),
        form('($ $ $)', timestamp, oneOf('+', '-'), duration),
        form('timestamp($)', oneOf('0', '1700000000', '(-1)', 'i')),
        choose(timestamp),
      ),
      duration: kind(
        fc.oneof(
          oneOf('wait'),
          oneOf(...spans).map((text) => `duration("${text}")`),
        ),
        form('($ $ $)', duration, oneOf('+', '-'), duration),
        form('($ - $)', timestamp, timestamp),
        choose(duration),
      ),
      ints: kind(
        oneOf('ints', '(b ? [] : ints)', '[1, 2, 3]'),
        form('[$, $]', int, int),
        form('($ + $)', ints, ints),
        ...(inner
          ? [
              form('$.filter(i, $)', ints, inner.bool),
              form('$.map(i, $)', ints, inner.int),
              form('$.map(i, $, $)', ints, inner.bool, inner.int),
            ]
          : []),
        choose(ints),
      ),
      words: kind(
        oneOf('words', '["a", "b"]'),
        form('[$, $]', string, string),
        form('($ + $)', words, words),
        form('$.split($)', string, oneOf('","', '""', '"a"')),
        ...(inner ? [form('$.filter(s, $)', words, inner.bool), form('$.map(s, $)', map, inner.string)] : []),
        choose(words),
      ),
      map: kind(
        oneOf('scores', '(b ? {} : scores)', '{"a": 1}'),
        form('{"a": $, "b": $}', int, int),
        form('{$: $, $: $}', oneOf('s', '"a"', '"\u00e9"', 'words[0]'), int, oneOf('t', '"b"', 'string(b)'), int),
        choose(map),
      ),
      dyn: kind(
        oneOf('json', 'json.a', 'json["b"]', 'json[0]', 'json.a.b', 'json.tags[1]', 'dyn(maybe)'),
        form('dyn($)', fc.oneof(int, double, string, bool, ints, words, map, timestamp)),
        form('[$, $][$]', fc.oneof(int, dyn), fc.oneof(string, dyn), oneOf('0', '1')),
        form('dyn((dyn($) $ $))', int, oneOf('+', '-', '*', '/'), fc.oneof(dyn, int)),
      ),
    };
  });
}

/** Rules whose verdict may be anything; most are bool. */
const all = expressions(2);
export const aRule: Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: all.bool },
  ...([all.int, all.double, all.string, all.timestamp, all.duration, all.ints, all.words, all.map, all.dyn] as const),
);
export const aBoolRule: Arbitrary<string> = all.bool;
