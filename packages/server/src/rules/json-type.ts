/**
 * Values out of JSON against declared types: fields of messages and claims of tokens. JSON that `parseExactJson` read may
 * hold opaque numbers (`JSON.rawJSON`) in place of those that do not fit a double; here they count as the numbers they are.
 */
import { formatType, parseType, validTypes, type RuleType } from './types.ts';

export interface JsonProblem {
  /** JSON pointer (RFC 6901): `/text`; empty for the value itself. */
  readonly at: string;
  /** Goes on from the pointer: `must be a string, not a number`. */
  readonly problem: string;
}

/** Values of type dyn may nest this deep. */
export const maxJsonDepth = 32;

/** TC39 proposal "JSON.parse source text access", which the type library does not know yet. */
const rawJson = JSON as unknown as { isRawJSON(value: unknown): boolean };

/** The digits of an opaque number. */
function rawNumber(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null && rawJson.isRawJSON(value)
    ? (value as { rawJSON: string }).rawJSON
    : undefined;
}

/** Appends a name or an index to a JSON pointer. */
export function pointer(at: string, part: string | number): string {
  return `${at}/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** What a value is, in words; never the value itself. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (rawNumber(value) !== undefined) return 'a number';
  switch (typeof value) {
    case 'string':
      return 'a string';
    case 'number':
    case 'bigint':
      return 'a number';
    case 'boolean':
      return 'a boolean';
    case 'object':
      return 'an object';
    default:
      return 'nothing';
  }
}

/** What a value of a type is, in words. */
export function typeWords(type: RuleType): string {
  switch (type.kind) {
    case 'nullable':
      return `${typeWords(type.of)} or null`;
    case 'string':
      return 'a string';
    case 'int':
      return 'a whole number';
    case 'double':
      return 'a number';
    case 'bool':
      return 'true or false';
    case 'list':
      return 'a list';
    case 'map':
    case 'record':
      return 'an object';
    default:
      return type.kind;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !rawJson.isRawJSON(value);
}

const minInt = -(2n ** 63n);
const maxInt = 2n ** 63n - 1n;

/** A whole number of 64 bits; undefined if it is none. */
function toInt(value: unknown): bigint | undefined {
  let int: bigint;
  if (typeof value === 'bigint') {
    int = value;
  } else if (typeof value === 'number') {
    if (!Number.isInteger(value)) return undefined;
    int = BigInt(value);
  } else {
    const digits = rawNumber(value);
    // A length that no int64 has would cost time to read.
    if (digits === undefined || digits.length > 20 || !/^-?\d+$/.test(digits)) return undefined;
    int = BigInt(digits);
  }
  return int >= minInt && int <= maxInt ? int : undefined;
}

/** A finite number; undefined if it is none. */
function toDouble(value: unknown): number | undefined {
  const number = typeof value === 'number' ? value : Number(rawNumber(value) ?? Number.NaN);
  return Number.isFinite(number) ? number : undefined;
}

/** The number behind a valid int or double, for comparing with limits. */
export function numberOf(value: unknown): number | bigint {
  return typeof value === 'number' ? value : (toInt(value) ?? toDouble(value) ?? Number.NaN);
}

/** @param at JSON pointer of the value. @returns the first problem; undefined if the value is of the type. */
export function typeProblem(type: RuleType, value: unknown, at: string): JsonProblem | undefined {
  const wrong = (): JsonProblem => ({ at, problem: `must be ${typeWords(type)}, not ${kindOf(value)}` });
  switch (type.kind) {
    case 'nullable':
      return value === null ? undefined : typeProblem(type.of, value, at);
    case 'string':
      return typeof value === 'string' ? undefined : wrong();
    case 'bool':
      return typeof value === 'boolean' ? undefined : wrong();
    case 'int':
      if (toInt(value) !== undefined) return undefined;
      return kindOf(value) === 'a number' ? { at, problem: 'must be a whole number of 64 bits' } : wrong();
    case 'double':
      return toDouble(value) === undefined ? wrong() : undefined;
    case 'list': {
      if (!Array.isArray(value)) return wrong();
      for (const [i, element] of value.entries()) {
        const problem = typeProblem(type.element, element, pointer(at, i));
        if (problem) return problem;
      }
      return undefined;
    }
    case 'map': {
      if (!isObject(value)) return wrong();
      for (const [name, element] of Object.entries(value)) {
        const problem = typeProblem(type.value, element, pointer(at, name));
        if (problem) return problem;
      }
      return undefined;
    }
    case 'dyn':
      if (value === undefined) return wrong();
      return deeperThan(value, maxJsonDepth) ? { at, problem: `nests deeper than ${maxJsonDepth} levels` } : undefined;
    case 'null':
      return value === null ? undefined : wrong();
    case 'record':
    case 'timestamp':
    case 'duration':
      return wrong();
  }
}

function deeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depth === 0) return true;
  return Object.values(value).some((child) => deeperThan(child, depth - 1));
}

/**
 * A valid value as rules read it: an int that no double holds as `bigint`, opaque numbers of other types as doubles.
 * @returns the same object if nothing in it needs that.
 */
export function readJson(type: RuleType, value: unknown): unknown {
  switch (type.kind) {
    case 'nullable':
      return value === null ? null : readJson(type.of, value);
    case 'int':
      return Number.isSafeInteger(value) ? value : toInt(value);
    case 'double':
      return toDouble(value);
    case 'list':
      return readEach(value, () => type.element);
    case 'map':
      return readEach(value, () => type.value);
    case 'record':
      return readEach(value, (name) => (Object.hasOwn(type.fields, name) ? type.fields[name] : undefined));
    case 'dyn':
      if (rawNumber(value) !== undefined) return toDouble(value);
      return readEach(value, () => type);
    default:
      return value;
  }
}

function readEach(value: unknown, typeOf: (name: string) => RuleType | undefined): unknown {
  if (typeof value !== 'object' || value === null) return value;
  let copy: Record<string, unknown> | undefined;
  for (const [name, before] of Object.entries(value)) {
    const type = typeOf(name);
    const after = type === undefined ? before : readJson(type, before);
    if (Object.is(after, before)) continue;
    // The copy has the name already as its own, so that setting `__proto__` is setting a field.
    copy ??= (Array.isArray(value) ? [...(value as unknown[])] : { ...value }) as Record<string, unknown>;
    copy[name] = after;
  }
  return copy ?? value;
}

/** Why a declared type cannot be that of a value out of JSON; undefined if it can. */
export function jsonTypeProblem(text: string): { readonly found: string; readonly valid: string } | undefined {
  const type = parseType(text);
  if (!type) return { found: JSON.stringify(text), valid: validTypes };
  const foreign = ['timestamp', 'duration'].find((kind) => formatType(type).includes(kind));
  if (foreign === undefined) return undefined;
  return { found: `${foreign}, which JSON has not`, valid: `string, which a rule turns into one with ${foreign}(…)` };
}
