/**
 * Random users and random rows, full of what databases and JavaScript see differently: NULL, NaN, integers beyond 2^53, text
 * beyond the BMP, NUL and halves of pairs.
 */
import fc, { type Arbitrary } from 'fast-check';
import { Timestamp, type Environment } from '../../packages/server/src/rules/value.ts';
import type { Row } from './row-table.ts';

export const texts = [
  '',
  'a',
  'A',
  'b',
  'ab',
  'aB',
  'a b',
  'a ',
  ' a',
  'ä',
  'a\u0308',
  'z',
  'Z',
  'é',
  'ß',
  'ss',
  'I',
  'ı',
  'i̇',
  '%',
  'a%',
  'a_b',
  '\\',
  "'",
  '"',
  '$1',
  '?',
  '{a,b}',
  'NULL',
  'null',
  '1',
  '1.0',
  '01',
  'true',
  'NaN',
  '\u0001',
  '\ud7ff',
  '\ue000',
  '\uff01',
  '\ufffd',
  '\uffff',
  '😀',
  '😁',
  'a😀',
  '\u{10000}',
  '\u{10ffff}',
  '\u{10ffff}a',
];
export const textsWithNul = ['\0', 'a\0', 'a\0b', '\0a', '😀\0'];
const brokenTexts = [
  '\ud83d',
  '\ude00',
  'a\ud83d',
  'a\ude00',
  '\ude00a',
  '\ud83da',
  '\u{10ffff}\ude00',
  'b\ud83d\0',
  'a\0\ud83d',
  '\udbff',
  '\ud800',
  '\ud7ff\udc00',
];
const maxInt = 2n ** 63n - 1n;
export const ints = [
  0n,
  1n,
  -1n,
  2n,
  3n,
  5n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 53n) - 1n,
  maxInt,
  maxInt - 1n,
  -maxInt - 1n,
  -maxInt,
];
export const doubles = [
  0,
  -0,
  1,
  -1,
  1.5,
  -1.5,
  2,
  3,
  0.1,
  0.30000000000000004,
  0.3,
  5e-324,
  1e308,
  -1e308,
  2 ** 53,
  2 ** 53 + 2,
  2 ** 63,
  -(2 ** 63),
  1.7976931348623157e308,
  123456.789,
  NaN,
  Infinity,
  -Infinity,
];
const seconds = 1_700_000_000n;
const nanosOf = [
  0n,
  1n,
  -1n,
  999n,
  1_000n,
  -1_000n,
  -999_999n,
  -1_000_000n,
  seconds * 1_000_000_000n,
  seconds * 1_000_000_000n + 1n,
  seconds * 1_000_000_000n + 1_000n,
  seconds * 1_000_000_000n + 1_500n,
  seconds * 1_000_000_000n + 1_000_000n,
  seconds * 1_000_000_000n + 1_999_999n,
  seconds * 1_000_000_000n - 1_000n,
  -62_135_596_800n * 1_000_000_000n,
  -62_135_596_800n * 1_000_000_000n + 123_456_000n,
  253_402_300_799n * 1_000_000_000n + 999_999_999n,
  253_402_300_799n * 1_000_000_000n + 999_999_000n,
];

const textValue = (pool: readonly string[]): Arbitrary<string> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...pool) },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 4 }).filter((text) => !text.includes('\0')) },
  );
const userText = textValue([...texts, ...texts, ...textsWithNul, ...brokenTexts]);
const intValue = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...ints) },
  { weight: 1, arbitrary: fc.bigInt({ min: -maxInt - 1n, max: maxInt }) },
);
const doubleValue = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...doubles) },
  { weight: 1, arbitrary: fc.double() },
  { weight: 1, arbitrary: fc.integer({ min: -3, max: 3 }) },
);
const timeValue = fc
  .oneof(
    { weight: 6, arbitrary: fc.constantFrom(...nanosOf) },
    {
      weight: 1,
      arbitrary: fc.bigInt({ min: seconds * 1_000_000_000n - 3_000_000n, max: seconds * 1_000_000_000n + 3_000_000n }),
    },
  )
  .map((nanos) => new Timestamp(nanos));
const listOf = <T>(element: Arbitrary<T>): Arbitrary<T[]> => fc.array(element, { maxLength: 6 });
const maybe = <T>(value: Arbitrary<T>): Arbitrary<T | null> => fc.option(value, { freq: 5 });
const anyScalar = fc.oneof(userText, intValue, doubleValue, fc.boolean(), timeValue, fc.constant(null));
const anyValue = fc.oneof(
  { weight: 6, arbitrary: anyScalar },
  { weight: 1, arbitrary: listOf(anyScalar) },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom(...texts.slice(0, 6)), anyScalar, { maxKeys: 3 }) },
);

/** All variables but the row. Some claims are absent or of a wrong type. */
export const users: Arbitrary<Environment> = fc.record({
  auth: fc.record(
    {
      uid: userText,
      role: maybe(userText),
      level: fc.oneof(intValue, fc.integer({ min: -2, max: 5 })),
      quota: maybe(intValue),
      score: doubleValue,
      admin: fc.boolean(),
      since: timeValue,
      groups: fc.oneof(
        { weight: 5, arbitrary: listOf(userText) },
        { weight: 1, arbitrary: listOf(anyScalar.filter((each) => each !== null)) },
      ),
      levels: listOf(
        fc.oneof<Arbitrary<unknown>[]>(intValue, fc.integer({ min: 0, max: 3 }), fc.constantFrom(1.5, 'a')),
      ),
      scores: listOf(doubleValue),
      times: listOf(timeValue),
      roles: listOf(maybe(userText)),
      perms: fc.dictionary(fc.constantFrom(...texts), fc.bigInt({ min: 0n, max: 3n }), { maxKeys: 4 }),
      any: anyValue,
      anys: listOf(anyScalar),
    },
    { requiredKeys: ['uid', 'admin', 'groups', 'levels', 'scores', 'times', 'roles', 'perms', 'any', 'anys'] },
  ),
  gid: userText,
  now: timeValue,
});

/** Times are of whole microseconds. `withNul`: text may have NUL in it, which PostgreSQL cannot store. */
function rows(withNul: boolean): Arbitrary<Row> {
  const text = maybe(textValue(withNul ? [...texts, ...textsWithNul, ...textsWithNul] : texts));
  const whole = maybe(intValue);
  const number = maybe(doubleValue);
  const flag = maybe(fc.boolean());
  const micros = maybe(timeValue.map(({ nanos }) => new Timestamp(floorTo(nanos, 1_000n))));
  const ms = maybe(timeValue.map(({ nanos }) => new Timestamp(floorTo(nanos, 1_000_000n))));
  return fc.record<Row>({
    s: text,
    s2: text,
    sn: text,
    n: whole,
    n2: whole,
    nn: whole,
    nm: whole,
    d: number,
    d2: number,
    dn: number,
    dm: number,
    b: flag,
    bn: flag,
    z: flag,
    t: micros,
    tn: micros,
    m: ms,
    mn: ms,
  });
}

/** Sixty rows, the same for the same seed: to shrink them, too, would take long and show little. */
export function rowsOf(seed: number, withNul: boolean): Row[] {
  return fc.sample(rows(withNul), { seed, numRuns: 60 });
}

export function floorTo(nanos: bigint, unit: bigint): bigint {
  const rest = nanos % unit;
  return nanos - (rest < 0n ? rest + unit : rest);
}
