/** What generated code may call, by the name that it uses. */
import { concatenate } from './arithmetic.ts';
import { equals } from './equality.ts';
import { askRelation, broken, isElementOf, itemsOf, makeMap } from './evaluation.ts';
import { hasField, readAs, readField, readKey, readVariable, readWhole } from './fields.ts';
import { hasKey, indexInto } from './functions.ts';
import { compareStrings } from './order.ts';
import { countCodePoints } from './strings.ts';
import { maxInt, minInt, nothing } from './value-kind.ts';
import { Duration, Failure, Timestamp } from './value.ts';

export const runtime = {
  askRelation,
  broken,
  compareStrings,
  concatenate,
  countCodePoints,
  Duration,
  equals,
  Failure,
  hasField,
  hasKey,
  indexInto,
  isArray: Array.isArray,
  isElementOf,
  isSafeInteger: Number.isSafeInteger,
  itemsOf,
  makeMap,
  maxInt,
  minInt,
  nothing,
  plainPrototype: Object.prototype,
  readAs,
  readField,
  readKey,
  readVariable,
  readWhole,
  Timestamp,
} as const;
