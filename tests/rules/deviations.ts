/**
 * Where the two other libraries leave the specification. Each entry has a witness: a rule and what CEL says of it. The
 * test proves that the library says something else, so that no entry outlives its reason.
 */
import {
  celEnv,
  celFunc,
  celMethod,
  CelScalar,
  listType,
  mapType,
  objectType,
  parse,
  plan,
  type CelFunc,
  type CelValue,
} from '@bufbuild/cel';
import { create, toJson } from '@bufbuild/protobuf';
import { DurationSchema, TimestampSchema, type Timestamp as TimestampMessage } from '@bufbuild/protobuf/wkt';
import { Duration, Failure, Timestamp, type Value } from '../../packages/server/src/rules/value.ts';
import { bufbuildWith, type Oracle } from './oracles.ts';

interface Witness {
  readonly why: string;
  /** Uses no variables. */
  readonly rule: string;
  readonly says: Value | Failure;
}

/** With these functions instead of its own, or asked with other words, the library agrees with CEL. */
export interface Correction extends Witness {
  readonly functions?: readonly CelFunc[];
  readonly inOtherWords?: (source: string) => string;
}

type Bindings = Readonly<Record<string, Value>>;

/** Rules, and variables they name, that the library is not asked about. */
export interface Gap extends Witness {
  readonly holds: (source: string, bindings: Bindings) => boolean;
}

const { BOOL, DOUBLE, DYN, INT, STRING } = CelScalar;
const failure = new Failure('as CEL says');
const minInt = -(2n ** 63n);
const year101 = -58_979_836_800n;

/** By code points; JavaScript compares code units, and so puts U+FFEE behind U+1F600. */
function compareText(a: string, b: string): number {
  const [one, other] = [Array.from(a), Array.from(b)];
  for (let at = 0; at < one.length && at < other.length; at++) {
    const difference = (one[at]?.codePointAt(0) ?? 0) - (other[at]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

/** CEL: `has(e.f)` says whether a map has a key, whatever its value; of all else it is an error. */
export function hasKey(source: string): string {
  return source.replace(/\bhas\(([\w.]+|dyn\(1\))\.(\w+)\)/g, '(type($1) == map ? "$2" in $1 : [true][1])');
}

const shortFraction = (text: string) =>
  text.replace(/\.(\d*?)0+(?=\D*$)/, (_all, digits: string) => digits && `.${digits}`);

/** The code points of a string. @throws Error if one of the positions is not in it. */
function points(text: string, ...positions: readonly bigint[]): string[] {
  const all = Array.from(text);
  if (positions.some((at) => at < 0n || at > BigInt(all.length))) throw new Error('out of range');
  return all;
}

/** Compares numbers of different kinds as doubles; asks the library for all else. */
const libraryEquals = plan(celEnv(), parse('a == b'));
function equals(a: CelValue, b: CelValue): boolean {
  const numbers = [typeof a, typeof b].toSorted().join();
  return numbers === 'bigint,number' ? Number(a) === Number(b) : libraryEquals({ a, b } as never) === true;
}

const timestampParts = [
  'FullYear',
  'Month',
  'Date',
  'DayOfMonth',
  'DayOfWeek',
  'DayOfYear',
  'Hours',
  'Minutes',
  'Seconds',
  'Milliseconds',
] as const;

/** Asks the library about whole milliseconds, and for the first centuries about the same day 400 years later. */
function takeApart(part: (typeof timestampParts)[number]): CelFunc[] {
  const secondsIn400Years = 12_622_780_800n;
  const [inUtc, inZone] = ['', 'zone'].map((zone) => plan(celEnv(), parse(`at.get${part}(${zone})`)));
  const ask = (of: typeof inUtc, { seconds, nanos }: TimestampMessage, zone?: string): bigint => {
    // A zone may be behind.
    const isEarly = seconds < year101 + 86_400n;
    const at = create(TimestampSchema, {
      seconds: isEarly ? seconds + secondsIn400Years : seconds,
      nanos: nanos - (nanos % 1_000_000),
    });
    const result: unknown = of?.(zone === undefined ? { at } : { at, zone });
    if (typeof result !== 'bigint') throw new Error('the library has no answer', { cause: result });
    return isEarly && part === 'FullYear' ? result - 400n : result;
  };
  const timestamp = objectType(TimestampSchema);
  return [
    celMethod(`get${part}`, timestamp, [], INT, function () {
      return ask(inUtc, this.message);
    }),
    celMethod(`get${part}`, timestamp, [STRING], INT, function (zone) {
      return ask(inZone, this.message, zone);
    }),
  ];
}

export const bufbuildCorrections: readonly Correction[] = [
  {
    why: 'says false to has(e.f) where e is no map, and where the value is null',
    rule: 'has(dyn(1).a)',
    says: failure,
    inOtherWords: hasKey,
  },
  {
    why: 'does not find a key whose value is null',
    rule: '"a" in {"a": null}',
    says: true,
    functions: [celFunc('@in', [STRING, mapType(DYN, DYN)], BOOL, (key, map) => map.get(key) !== undefined)],
  },
  {
    why: 'does not round an int before it says whether it equals a double, though it does for <',
    rule: 'dyn(9223372036854775807) == 9223372036854775808.0',
    says: true,
    functions: [
      celFunc('_==_', [DYN, DYN], BOOL, equals),
      celFunc('_!=_', [DYN, DYN], BOOL, (a, b) => !equals(a, b)),
      celFunc('@in', [DYN, listType(DYN)], BOOL, (element, list) => [...list].some((each) => equals(each, element))),
    ],
  },
  {
    why: 'takes the seconds of timestamp(int) for milliseconds',
    rule: 'timestamp(1700000000)',
    says: new Timestamp(1_700_000_000_000_000_000n),
    functions: [
      celFunc('timestamp', [INT], objectType(TimestampSchema), (seconds) => {
        if (seconds < -62_135_596_800n || seconds > 253_402_300_799n) throw new Error('out of range');
        return create(TimestampSchema, { seconds, nanos: 0 });
      }),
    ],
  },
  {
    why: 'makes NaN of text that is no number',
    rule: 'double("x")',
    says: failure,
    functions: [
      celFunc('double', [STRING], DOUBLE, (text) => {
        if (text === 'NaN') return Number.NaN;
        if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) throw new Error('no number');
        return Number(text);
      }),
    ],
  },
  {
    why: 'does not take T and F for a bool, as the CEL implementation in Go does',
    rule: 'bool("T") && !bool("F")',
    says: true,
    functions: [
      celFunc('bool', [STRING], BOOL, (text) => {
        if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
        if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
        throw new Error('no bool');
      }),
    ],
  },
  {
    why: 'gives 0 for the smallest int modulo -1, which overflows in the CEL implementation in Go',
    rule: 'int("-9223372036854775808") % -1',
    says: failure,
    functions: [
      celFunc('_%_', [INT, INT], INT, (a, b) => {
        if (b === 0n || (a === minInt && b === -1n)) throw new Error('no int');
        return a % b;
      }),
    ],
  },
  {
    why: 'takes spaces around an int, and no text for 0',
    rule: 'int(" 1")',
    says: failure,
    functions: [
      celFunc('int', [STRING], INT, (text) => {
        if (!/^[+-]?\d+$/.test(text)) throw new Error('no int');
        const value = BigInt(text);
        if (BigInt.asIntN(64, value) !== value) throw new Error('out of range');
        return value;
      }),
    ],
  },
  {
    why: 'writes fractions of a second with 3, 6 or 9 digits, where the CEL implementation in Go writes those that matter',
    rule: 'string(timestamp("2024-01-01T00:00:00.5Z")) + string(duration("1.5s"))',
    says: '2024-01-01T00:00:00.5Z1.5s',
    functions: [
      celFunc('string', [objectType(TimestampSchema)], STRING, (at) =>
        shortFraction(toJson(TimestampSchema, at.message)),
      ),
      celFunc('string', [objectType(DurationSchema)], STRING, (span) =>
        shortFraction(toJson(DurationSchema, span.message)),
      ),
    ],
  },
  {
    why: 'rounds a timestamp to milliseconds before it takes it apart, up where that is nearer',
    rule: 'timestamp("2024-12-31T23:59:59.9999Z").getFullYear()',
    says: 2024n,
    functions: timestampParts.flatMap(takeApart),
  },
  {
    why: 'takes the years before 100 for those of the last century',
    rule: 'timestamp("0099-05-05T00:00:00Z").getFullYear()',
    says: 99n,
    functions: timestampParts.flatMap(takeApart),
  },
  {
    why: 'orders strings by UTF-16 code units',
    rule: '"\\uffee" < "\\U0001f600"',
    says: true,
    functions: [
      celFunc('_<_', [STRING, STRING], BOOL, (a, b) => compareText(a, b) < 0),
      celFunc('_<=_', [STRING, STRING], BOOL, (a, b) => compareText(a, b) <= 0),
      celFunc('_>_', [STRING, STRING], BOOL, (a, b) => compareText(a, b) > 0),
      celFunc('_>=_', [STRING, STRING], BOOL, (a, b) => compareText(a, b) >= 0),
    ],
  },
  {
    why: 'counts UTF-16 code units in strings',
    rule: '"\\U0001f600a".charAt(1)',
    says: 'a',
    functions: [
      celMethod('charAt', STRING, [INT], STRING, function (at) {
        return points(this, at)
          .slice(Number(at), Number(at) + 1)
          .join('');
      }),
      celMethod('substring', STRING, [INT], STRING, function (start) {
        return points(this, start).slice(Number(start)).join('');
      }),
      celMethod('substring', STRING, [INT, INT], STRING, function (start, end) {
        if (start > end) throw new Error('start behind end');
        return points(this, start, end).slice(Number(start), Number(end)).join('');
      }),
      celMethod('indexOf', STRING, [STRING], INT, function (part) {
        const at = this.indexOf(part);
        return BigInt(at < 0 ? at : points(this.slice(0, at)).length);
      }),
      celMethod('split', STRING, [STRING], listType(STRING), function (separator) {
        return separator === '' ? points(this) : this.split(separator);
      }),
    ],
  },
  {
    why: 'replaces no text only in some places',
    rule: '"ab".replace("", "-")',
    says: '-a-b-',
    functions: [
      celMethod('replace', STRING, [STRING, STRING], STRING, function (part, by) {
        return part === '' ? ['', ...points(this), ''].join(by) : this.replaceAll(part, () => by);
      }),
    ],
  },
];

const corrected = bufbuildWith(bufbuildCorrections.flatMap(({ functions = [] }) => functions));

/** The library as CEL would have it. */
export const bufbuild: Oracle = (source, bindings) => {
  const asked = bufbuildCorrections.reduce((text, { inOtherWords }) => inOtherWords?.(text) ?? text, source);
  return corrected(asked, bindings);
};

const inSource = (pattern: RegExp) => (source: string) => pattern.test(source);

function someValue(bindings: Bindings, holds: (value: Value) => boolean): boolean {
  const within = (value: Value): boolean =>
    holds(value) ||
    (Array.isArray(value) && (value as readonly Value[]).some(within)) ||
    (value?.constructor === Object && Object.values(value).some((part) => within(part as Value)));
  return Object.values(bindings).some(within);
}

const surrogate = /[\ud800-\udfff]/;
const notAscii = /[^\0-\x7f]/;

export const celJsGaps: readonly Gap[] = [
  {
    why: 'counts and compares UTF-16 code units in strings',
    rule: 'size("😀".split(""))',
    says: 1n,
    holds: (source, bindings) =>
      surrogate.test(source) || someValue(bindings, (value) => typeof value === 'string' && surrogate.test(value)),
  },
  {
    why: 'changes the case of letters outside of ASCII',
    rule: '"ä".upperAscii()',
    says: 'ä',
    holds: (source, bindings) =>
      /(lower|upper)Ascii/.test(source) &&
      (notAscii.test(source) || someValue(bindings, (value) => typeof value === 'string' && notAscii.test(value))),
  },
  {
    why: 'does not take T and F for a bool',
    rule: 'bool("T")',
    says: true,
    holds: inSource(/\bbool\(/),
  },
  {
    why: 'takes no text for 0',
    rule: 'int("")',
    says: failure,
    holds: inSource(/\bint\((""|s)\)/),
  },
  {
    why: 'does not see when an int that was a double is too large',
    rule: 'int(1e30)',
    says: failure,
    holds: inSource(/\bint\((?!"|timestamp)/),
  },
  {
    why: 'negates the smallest int',
    rule: '(-int("-9223372036854775808"))',
    says: failure,
    holds: (source, bindings) =>
      /\(-\D/.test(source) && (source.includes(String(minInt)) || someValue(bindings, (value) => value === minInt)),
  },
  {
    why: 'keeps only milliseconds of timestamps',
    rule: 'timestamp("2024-01-01T00:00:00.0001Z") == timestamp("2024-01-01T00:00:00Z")',
    says: false,
    holds: (source, bindings) =>
      /\.\d{4,}Z|[un]s"/.test(source) ||
      someValue(
        bindings,
        (value) => (value instanceof Timestamp || value instanceof Duration) && value.nanos % 1_000_000n !== 0n,
      ),
  },
  {
    why: 'gives all milliseconds of a duration, not those beside its seconds, and rounds seconds down',
    rule: 'duration("1.5s").getMilliseconds()',
    says: 500n,
    holds: (source) => /get(Hours|Minutes|Seconds|Milliseconds)\(\)/.test(source) && /duration|wait|-/.test(source),
  },
  {
    why: 'loses the sign of a fraction when it adds durations, and does not see when a sum is too large',
    rule: 'duration("-26ms") + duration("-26ms") + duration("0s") == duration("-52ms")',
    says: true,
    holds: (source) => / [+-] /.test(source) && /\b(duration|wait|timestamp|at|since)\b/.test(source),
  },
  {
    why: 'takes the years before 100 for those of the last century, in a time zone',
    rule: 'timestamp("0001-05-05T00:00:00Z").getFullYear("UTC")',
    says: 1n,
    holds: (source, bindings) =>
      /get\w+\("/.test(source) &&
      (source.includes('"0001-') ||
        someValue(
          bindings,
          (value) => value instanceof Timestamp && value.nanos < (year101 + 86_400n) * 1_000_000_000n,
        )),
  },
  {
    why: 'gives 0 for the smallest int modulo -1',
    rule: 'int("-9223372036854775808") % -1',
    says: failure,
    holds: (source, bindings) =>
      source.includes(' % ') && (source.includes(String(minInt)) || someValue(bindings, (value) => value === minInt)),
  },
  {
    why: 'takes regular expressions of JavaScript, not of RE2',
    rule: '"AB".matches("(?i)ab")',
    says: true,
    holds: inSource(/\(\?i\)/),
  },
  {
    why: 'takes the last of two entries with the same key',
    rule: '{"b": 1, string("b"): 2}',
    says: failure,
    holds: inSource(/(s|words\[0\]): |, (t|string\((b|"b")\)): /),
  },
  {
    why: 'does not know a time zone without a sign',
    rule: 'timestamp(0).getHours("02:00")',
    says: 2n,
    holds: inSource(/"02:00"/),
  },
];
