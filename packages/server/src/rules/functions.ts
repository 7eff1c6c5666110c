/**
 * What the functions and operators of the rule language do, under CEL's names of them. `signatures.ts` has the types that
 * the checker lets them take; here the values decide, since those of a `dyn` are known only now. Strict: they are called
 * with values only, and an argument that failed is passed on by who calls.
 *
 * Source: https://github.com/google/cel-spec/blob/master/doc/langdef.md#standard-definitions
 */
import { add, divide, modulo, multiply, negate, subtract } from './arithmetic.ts';
import { toBool, toDouble, toDuration, toInt, toText, toTimestamp } from './conversions.ts';
import { equals } from './equality.ts';
import { maxPrepared } from './evaluation-limits.ts';
import { readAs } from './fields.ts';
import { order } from './order.ts';
import { compilePattern, type Pattern } from './pattern.ts';
import {
  charAt,
  countCodePoints,
  indexOf,
  join,
  lastIndexOf,
  lowerAscii,
  replace,
  split,
  substring,
  trim,
  upperAscii,
} from './strings.ts';
import { openTimeZone, type TimeZone } from './time-zone.ts';
import { durationPartOf, timestampPart, type TimestampPart } from './timestamp.ts';
import { isMap, keysOf, noOverload, ownValue } from './value-kind.ts';
import { Duration, Failure, Timestamp, type Value } from './value.ts';

export type RuleFunction = (...args: Value[]) => Value | Failure;

const ordering =
  (name: string, holds: (order: number) => boolean): RuleFunction =>
  (a, b) => {
    const result = order(a, b);
    return result === undefined ? noOverload(name, [a, b]) : holds(result);
  };

type Kind = 'string' | 'int';

/** A function of strings and ints. @param required how many arguments there must be; the others may be left out. */
function ofText(
  name: string,
  kinds: readonly Kind[],
  required: number,
  apply: (...args: never[]) => Value | Failure,
): RuleFunction {
  return (...args) => {
    let fits = args.length >= required && args.length <= kinds.length;
    for (let i = 0; i < args.length; i++) {
      fits &&= typeof args[i] === (kinds[i] === 'string' ? 'string' : 'bigint');
    }
    return fits ? apply(...(args as never[])) : noOverload(name, args);
  };
}

const ofStrings = (name: string, apply: (a: string, b: string) => Value | Failure): RuleFunction =>
  ofText(name, ['string', 'string'], 2, apply);

/** Element, or value of a key, as it is: not looked at yet. */
export function indexInto(operand: unknown, index: unknown): unknown {
  if (Array.isArray(operand)) {
    // A double that is whole is an index too, as numbers of JSON are doubles.
    const position = typeof index === 'bigint' || Number.isInteger(index) ? Number(index) : undefined;
    if (position === undefined) return noOverload('_[_]', [operand, index]);
    return position >= 0 && position < operand.length
      ? operand[position]
      : new Failure(`index ${position} of a list of ${operand.length}`);
  }
  if (!isMap(operand) || typeof index !== 'string') return noOverload('_[_]', [operand, index]);
  return ownValue(operand, index) ?? (hasKey(operand, index) ? null : new Failure('there is no such key'));
}

/** `key in map`. What is no string is a key of no map. */
export function hasKey(map: Readonly<Record<string, unknown>>, key: unknown): boolean {
  return typeof key === 'string' && ownValue(map, key) !== undefined;
}

/** `value in list`: as `list.exists(e, e == value)`, with the errors that it absorbs. */
function isIn(value: Value, container: Value): Value | Failure {
  if (Array.isArray(container)) {
    let failure: Failure | undefined;
    for (const element of container as readonly unknown[]) {
      const same = equals(value, element);
      if (same === true) return true;
      if (same !== false) failure ??= same;
    }
    return failure ?? false;
  }
  return isMap(container) ? hasKey(container, value) : noOverload('@in', [value, container]);
}

function size(value: Value): Value | Failure {
  if (typeof value === 'string') return BigInt(countCodePoints(value));
  if (Array.isArray(value)) return BigInt(value.length);
  return isMap(value) ? BigInt(keysOf(value).length) : noOverload('size', [value]);
}

function notEquals(a: Value, b: Value): Value | Failure {
  const same = equals(a, b);
  return same instanceof Failure ? same : !same;
}

/** Keeps what was prepared last, within a limit; when that is reached it starts anew. */
function prepared<T>(prepare: (source: string) => T): (source: string) => T {
  const known = new Map<string, T>();
  return (source) => {
    let result = known.get(source);
    if (result === undefined) {
      result = prepare(source);
      if (known.size >= maxPrepared) known.clear();
      known.set(source, result);
    }
    return result;
  };
}

function matchesWith(open: (source: string) => Pattern | Failure): RuleFunction {
  return ofStrings('matches', (text, source) => {
    const pattern = open(source);
    return pattern instanceof Failure ? pattern : pattern.test(text);
  });
}

function partWith(part: TimestampPart, open: (name: string) => TimeZone | Failure): RuleFunction {
  return (value, zone) => {
    if (value instanceof Duration && zone === undefined) {
      return durationPartOf(part, value) ?? noOverload(part, [value]);
    }
    if (!(value instanceof Timestamp)) return noOverload(part, zone === undefined ? [value] : [value, zone]);
    if (zone === undefined) return timestampPart(part, value);
    if (typeof zone !== 'string') return noOverload(part, [value, zone]);
    const opened = open(zone);
    return opened instanceof Failure ? opened : timestampPart(part, value, opened(value));
  };
}

const timestampParts: readonly TimestampPart[] = [
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
];

/** By name, stateless. Look names up with `functionOf` or a name that the checker let pass. */
export const functions: Readonly<Record<string, RuleFunction>> = {
  '_==_': equals,
  '_!=_': notEquals,
  '_<_': ordering('<', (result) => result < 0),
  '_<=_': ordering('<=', (result) => result <= 0),
  '_>_': ordering('>', (result) => result > 0),
  '_>=_': ordering('>=', (result) => result >= 0),
  '@in': isIn,
  '_+_': add,
  '_-_': subtract,
  '_*_': multiply,
  '_/_': divide,
  '_%_': modulo,
  '-_': negate,
  '!_': (value) => (typeof value === 'boolean' ? !value : noOverload('!_', [value])),
  '_[_]': (operand, index) => {
    const value = indexInto(operand, index);
    return value instanceof Failure ? value : readAs(value, { kind: 'dyn' }, 'an element');
  },

  size,
  contains: ofStrings('contains', (text, part) => text.includes(part)),
  startsWith: ofStrings('startsWith', (text, part) => text.startsWith(part)),
  endsWith: ofStrings('endsWith', (text, part) => text.endsWith(part)),
  matches: matchesWith(compilePattern),
  lowerAscii: ofText('lowerAscii', ['string'], 1, lowerAscii),
  upperAscii: ofText('upperAscii', ['string'], 1, upperAscii),
  trim: ofText('trim', ['string'], 1, trim),
  charAt: ofText('charAt', ['string', 'int'], 2, charAt),
  indexOf: ofText('indexOf', ['string', 'string', 'int'], 2, indexOf),
  lastIndexOf: ofText('lastIndexOf', ['string', 'string', 'int'], 2, lastIndexOf),
  substring: ofText('substring', ['string', 'int', 'int'], 2, substring),
  replace: ofText('replace', ['string', 'string', 'string', 'int'], 3, replace),
  split: ofText('split', ['string', 'string', 'int'], 2, split),
  join: (list, separator) =>
    Array.isArray(list) && (separator === undefined || typeof separator === 'string')
      ? join(list, separator)
      : noOverload('join', separator === undefined ? [list] : [list, separator]),

  bool: toBool,
  int: toInt,
  double: toDouble,
  string: toText,
  timestamp: toTimestamp,
  duration: toDuration,
  dyn: (value) => value,

  ...Object.fromEntries(timestampParts.map((part) => [part, partWith(part, openTimeZone)])),
};

/**
 * A function for one compiled rule: the same answers as in the table, but patterns and time zones are prepared once.
 * @returns one that fails, for a name that is no function's.
 */
export function functionOf(name: string): RuleFunction {
  if (name === 'matches') return matchesWith(prepared(compilePattern));
  const part = timestampParts.find((each) => each === name);
  if (part !== undefined) return partWith(part, prepared(openTimeZone));
  const known = Object.hasOwn(functions, name) ? functions[name] : undefined;
  return known ?? (() => new Failure(`there is no function ${name}`));
}
