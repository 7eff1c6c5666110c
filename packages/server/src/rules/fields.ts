/**
 * Reads what comes from outside (claims, messages, rows, variables) as the declared type says. Nothing is coerced, but for
 * what JSON cannot say otherwise:
 * - int: a number that is a safe integer.
 * - timestamp: text of RFC 3339, or a number of seconds since 1970, as `exp` and `iat` of a token are (RFC 7519,
 *   NumericDate).
 * - duration: text such as `1h30m`.
 * - nullable: absent and null both read as null.
 * All else of another type is a failure, and so is a field that is missing.
 *
 * Lists, maps and records are only looked at from outside (`readAs`); what is in them is read when it is used.
 * `readWhole` reads all of them at once, where a whole value is used: compared, joined, or put into another.
 */
import { parseDuration, parseTimestamp, timestampOf } from './timestamp.ts';
import { formatType, type RecordType, type RuleType } from './types.ts';
import { isInt64, isMap, kindOf, keysOf, ownValue, setOwn } from './value-kind.ts';
import { Duration, Failure, Timestamp, type Value } from './value.ts';

/**
 * Reads a field of a record.
 * @param type of the field.
 * @param path of the field for messages: `auth.role`.
 */
export function readField(record: unknown, name: string, type: RuleType, path = name): Value | Failure {
  if (!isMap(record)) return new Failure(`${ownerOf(path, name)} is ${describe(record)}, not a record`);
  const value = ownValue(record, name);
  if (value === undefined) {
    return type.kind === 'nullable' ? null : new Failure(`${ownerOf(path, name)} has no field ${name}`);
  }
  return readAs(value, type, path);
}

/** Reads a key of a map. Unlike a field it must be there, even if the values are nullable. */
export function readKey(map: unknown, key: string, type: RuleType, path = key): Value | Failure {
  if (!isMap(map)) return new Failure(`${ownerOf(path, key)} is ${describe(map)}, not a map`);
  const value = ownValue(map, key);
  return value === undefined
    ? new Failure(`${ownerOf(path, key)} has no key ${shorten(key)}`)
    : readAs(value, type, path);
}

/** Reads a variable of the environment, which may be an object of any kind; only its own properties count. */
export function readVariable(environment: object, name: string, type: RuleType): Value | Failure {
  const value = ownValue(environment as Readonly<Record<string, unknown>>, name);
  if (value === undefined && type.kind !== 'nullable') return new Failure(`there is no variable ${name}`);
  return readAs(value, type, name);
}

/**
 * `has(record.name)`: a key of a map is there even if its value is null, a field of a record only if it is not.
 * @param operandType the type of `operand`.
 */
export function hasField(operand: unknown, name: string, operandType: RuleType): boolean | Failure {
  if (!isMap(operand)) return new Failure(`has() does not take ${describe(operand)}`);
  const value = ownValue(operand, name);
  return recordOf(operandType) ? value !== undefined && value !== null : value !== undefined;
}

/**
 * Takes a value as one of the type, without looking into lists, maps and records.
 * @param path of the value, for messages.
 */
export function readAs(value: unknown, type: RuleType, path: string): Value | Failure {
  switch (type.kind) {
    case 'dyn':
      return kindOf(value) === 'no value' ? mismatch(value, type, path) : (value as Value);
    case 'bool':
      return typeof value === 'boolean' ? value : mismatch(value, type, path);
    case 'double':
      return typeof value === 'number' ? value : mismatch(value, type, path);
    case 'string':
      return typeof value === 'string' ? value : mismatch(value, type, path);
    case 'null':
      return value === null ? null : mismatch(value, type, path);
    case 'int':
      if (typeof value === 'bigint' && isInt64(value)) return value;
      return Number.isSafeInteger(value) ? BigInt(value as number) : mismatch(value, type, path);
    case 'timestamp':
      return readTimestamp(value) ?? mismatch(value, type, path);
    case 'duration':
      return readDuration(value) ?? mismatch(value, type, path);
    case 'list':
      return Array.isArray(value) ? (value as readonly Value[]) : mismatch(value, type, path);
    case 'map':
    case 'record':
      return isMap(value) ? (value as Value) : mismatch(value, type, path);
    case 'nullable':
      return value === null || value === undefined ? null : readAs(value, type.of, path);
  }
}

/** Whether `readWhole` does more than `readAs`. */
export function hasParts(type: RuleType): boolean {
  switch (type.kind) {
    case 'record':
      return true;
    case 'list':
      return type.element.kind !== 'dyn';
    case 'map':
      return type.value.kind !== 'dyn';
    case 'nullable':
      return hasParts(type.of);
    default:
      return false;
  }
}

/** Takes a value as one of the type, with all that is in it. Of a record only what is declared is left. */
export function readWhole(value: unknown, type: RuleType, path: string): Value | Failure {
  const outer = readAs(value, type, path);
  if (outer === null || outer instanceof Failure || !hasParts(type)) return outer;
  switch (type.kind) {
    case 'nullable':
      return readWhole(value, type.of, path);
    case 'list':
      return readElements(outer as readonly unknown[], type.element, path);
    case 'map': {
      const result: Record<string, unknown> = {};
      const entries = outer as Readonly<Record<string, unknown>>;
      for (const key of keysOf(entries)) {
        const read = readWhole(entries[key], type.value, path);
        if (read instanceof Failure) return read;
        setOwn(result, key, read);
      }
      return result as Value;
    }
    case 'record': {
      const result: Record<string, unknown> = {};
      for (const [name, fieldType] of Object.entries(type.fields)) {
        const own = ownValue(outer as Readonly<Record<string, unknown>>, name);
        if (fieldType.kind === 'nullable' && (own === undefined || own === null)) continue;
        const fieldPath = `${path}.${name}`;
        const read =
          own === undefined ? new Failure(`${path} has no field ${name}`) : readWhole(own, fieldType, fieldPath);
        if (read instanceof Failure) return read;
        setOwn(result, name, read);
      }
      return result as Value;
    }
    default:
      return outer;
  }
}

function readElements(list: readonly unknown[], type: RuleType, path: string): Value | Failure {
  let result: unknown[] | undefined;
  for (let i = 0; i < list.length; i++) {
    const read = readWhole(list[i], type, path);
    if (read instanceof Failure) return read;
    // Most lists hold what they should, and are not copied.
    if (result === undefined && read !== list[i] && !Number.isNaN(read)) result = list.slice(0, i);
    result?.push(read);
  }
  return (result ?? list) as Value;
}

/** The type of what a list holds, what a loop over a map yields, or what an index gives. */
export function elementType(range: RuleType): RuleType {
  switch (range.kind) {
    case 'list':
      return range.element;
    case 'map':
      return stringType;
    case 'nullable':
      return elementType(range.of);
    default:
      return dynType;
  }
}

const stringType: RuleType = { kind: 'string' };
const dynType: RuleType = { kind: 'dyn' };

/** The record behind a type, if it is one. */
export function recordOf(type: RuleType): RecordType | undefined {
  if (type.kind === 'nullable') return recordOf(type.of);
  return type.kind === 'record' ? type : undefined;
}

function readTimestamp(value: unknown): Timestamp | Failure | undefined {
  if (value instanceof Timestamp) return value;
  if (typeof value === 'string') return parseTimestamp(value);
  if (typeof value === 'bigint') return timestampOf(value * 1_000_000_000n);
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  // Whole seconds first: a double has not enough digits for all the nanoseconds.
  const seconds = Math.floor(value);
  return timestampOf(BigInt(seconds) * 1_000_000_000n + BigInt(Math.round((value - seconds) * 1e9)));
}

function readDuration(value: unknown): Duration | Failure | undefined {
  if (value instanceof Duration) return value;
  return typeof value === 'string' ? parseDuration(value) : undefined;
}

function mismatch(value: unknown, type: RuleType, path: string): Failure {
  return new Failure(`${path} is ${describe(value)}, not ${formatType(type)}`);
}

/** `auth` of `auth.role`. */
function ownerOf(path: string, name: string): string {
  return path.endsWith(`.${name}`) ? path.slice(0, -name.length - 1) : 'it';
}

/** The kind of a value; never the value itself, which may be a secret. */
function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  const kind = kindOf(value);
  return kind === 'no value' ? `${typeof value === 'object' ? 'an object of a class' : `a ${typeof value}`}` : kind;
}

function shorten(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 63)}…` : text);
}
