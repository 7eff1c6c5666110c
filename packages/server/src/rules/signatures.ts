/**
 * The functions and operators of the rule language by CEL's names of them, with the types they take. `functions.ts` has
 * what they do, under the same names.
 *
 * Sources: CEL standard definitions, https://github.com/google/cel-spec/blob/master/doc/langdef.md#standard-definitions;
 * strings extension, https://github.com/google/cel-go/blob/master/ext/README.md#strings
 */
import { types, type RuleType } from './types.ts';

/** One way to call it. */
export interface Overload {
  /** A method's target comes first. */
  readonly parameters: readonly RuleType[];
  readonly result: RuleType;
}

export interface Signature {
  /** How a rule calls it: `f(x, y)`, `x.f(y)`, either, or as an operator. */
  readonly form: 'function' | 'method' | 'either' | 'operator';
  readonly overloads: readonly Overload[];
}

/** Stands for any type, the same throughout an overload. Told apart by identity. */
export const typeParameter: RuleType = types.record('T', {});

const { bool, int, double, string, timestamp, duration, dyn } = types;
const T = typeParameter;
const listOfT = types.list(T);
const mapOfT = types.map(T);

const signature =
  (form: Signature['form']) =>
  (...overloads: readonly (readonly [parameters: readonly RuleType[], result: RuleType])[]): Signature => ({
    form,
    overloads: overloads.map(([parameters, result]) => ({ parameters, result })),
  });

const operator = signature('operator');
const method = signature('method');
const conversion = signature('function');
const either = signature('either');

const ordering = operator(
  [[int, int], bool],
  [[double, double], bool],
  [[int, double], bool],
  [[double, int], bool],
  [[string, string], bool],
  [[timestamp, timestamp], bool],
  [[duration, duration], bool],
  [[bool, bool], bool],
);
const arithmetic = operator([[int, int], int], [[double, double], double]);

/** Months, days of months, of weeks and of years count from 0, but for `getDate`. The second argument is a time zone. */
const calendar = method([[timestamp], int], [[timestamp, string], int]);
const clock = method([[timestamp], int], [[timestamp, string], int], [[duration], int]);

/** By name; look names up with `signatureOf`. */
export const signatures: Readonly<Record<string, Signature>> = {
  '_==_': operator([[T, T], bool]),
  '_!=_': operator([[T, T], bool]),
  '_<_': ordering,
  '_<=_': ordering,
  '_>_': ordering,
  '_>=_': ordering,
  '@in': operator([[T, listOfT], bool], [[string, mapOfT], bool]),
  '_+_': operator(
    [[int, int], int],
    [[double, double], double],
    [[string, string], string],
    [[listOfT, listOfT], listOfT],
    [[timestamp, duration], timestamp],
    [[duration, timestamp], timestamp],
    [[duration, duration], duration],
  ),
  '_-_': operator(
    [[int, int], int],
    [[double, double], double],
    [[timestamp, timestamp], duration],
    [[timestamp, duration], timestamp],
    [[duration, duration], duration],
  ),
  '_*_': arithmetic,
  '_/_': arithmetic,
  '_%_': operator([[int, int], int]),
  '-_': operator([[int], int], [[double], double]),
  '!_': operator([[bool], bool]),
  '_[_]': operator([[listOfT, int], T], [[mapOfT, string], T]),

  size: either([[string], int], [[listOfT], int], [[mapOfT], int]),

  contains: method([[string, string], bool]),
  startsWith: method([[string, string], bool]),
  endsWith: method([[string, string], bool]),
  matches: either([[string, string], bool]),
  lowerAscii: method([[string], string]),
  upperAscii: method([[string], string]),
  trim: method([[string], string]),
  charAt: method([[string, int], string]),
  indexOf: method([[string, string], int], [[string, string, int], int]),
  lastIndexOf: method([[string, string], int], [[string, string, int], int]),
  substring: method([[string, int], string], [[string, int, int], string]),
  replace: method([[string, string, string], string], [[string, string, string, int], string]),
  split: method([[string, string], types.list(string)], [[string, string, int], types.list(string)]),
  join: method([[types.list(string)], string], [[types.list(string), string], string]),

  bool: conversion([[bool], bool], [[string], bool]),
  int: conversion([[int], int], [[double], int], [[string], int], [[timestamp], int]),
  double: conversion([[double], double], [[int], double], [[string], double]),
  string: conversion(
    [[string], string],
    [[bool], string],
    [[int], string],
    [[double], string],
    [[timestamp], string],
    [[duration], string],
  ),
  timestamp: conversion([[timestamp], timestamp], [[string], timestamp], [[int], timestamp]),
  duration: conversion([[duration], duration], [[string], duration]),
  dyn: conversion([[T], dyn]),

  getFullYear: calendar,
  getMonth: calendar,
  getDate: calendar,
  getDayOfMonth: calendar,
  getDayOfWeek: calendar,
  getDayOfYear: calendar,
  getHours: clock,
  getMinutes: clock,
  getSeconds: clock,
  getMilliseconds: clock,
};

/** @returns undefined for a name that is none of a function or an operator, such as `constructor`. */
export function signatureOf(name: string): Signature | undefined {
  return Object.hasOwn(signatures, name) ? signatures[name] : undefined;
}

/** Names that a rule can call, without operators. */
export const functionNames: readonly string[] = Object.keys(signatures).filter(
  (name) => signatures[name]?.form !== 'operator',
);
