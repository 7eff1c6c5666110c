/**
 * What a message of a client must be: fields with types and limits, compiled from `rules.schemas`. The publish use case
 * asks it before anything else sees the message; the checker of rules takes from it what `data` is.
 *
 * A message has the declared fields and no others. A field of type `T?`, or with `optional: true`, may be absent or null.
 * Whole numbers beyond 2^53 are kept exact if the message was read with `parseExactJson`: they are checked by their
 * digits, and rules see them as `bigint`.
 */
import { nearest } from '../lib/nearest.ts';
import {
  isObject,
  jsonTypeProblem,
  kindOf,
  numberOf,
  pointer,
  readJson,
  typeProblem,
  typeWords,
  type JsonProblem,
} from './json-type.ts';
import { formatType, parseType, types, validTypes, type RecordType, type RuleType } from './types.ts';

export type MessageProblem = JsonProblem;

export interface MessageSchema {
  readonly name: string;
  readonly type: RecordType;
  /** The first problem of a parsed message; undefined if it is valid. Never throws. */
  check(value: unknown): MessageProblem | undefined;
  /**
   * What rules see of a valid message: an int that does not fit a double (an opaque number of `parseExactJson`) as
   * `bigint`. The same object if nothing in it needs that.
   */
  read(value: unknown): unknown;
  /**
   * The same for messages in which the server writes these fields: they need not be there, and are as good as not there
   * where they are none of their type.
   */
  except(fields: ReadonlySet<string>): MessageSchema;
}

/** What is wrong with a schema itself. */
export interface SchemaProblem {
  /** Below the schema: `['text', 'maxLength']`. */
  readonly path: readonly PropertyKey[];
  readonly found: string;
  readonly valid: string;
}

/** Objects in a message may be declared this deep. */
const maxSchemaDepth = 8;

/** Names of a client that a problem repeats are cut at this length. */
const maxShownName = 64;

interface Limits {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly min?: number;
  readonly max?: number;
  readonly maxItems?: number;
  readonly enum?: readonly (string | number)[];
}

interface Field {
  /** Without `?`. */
  readonly type: RuleType;
  readonly optional: boolean;
  readonly limits: Limits;
  /** Of an object. */
  readonly fields?: ReadonlyMap<string, Field>;
}

/**
 * @param fields as `rules.schemas` has them: by name, a type or an object of type and limits.
 * @returns the schema, without the fields that have a problem, and all problems.
 */
export function compileSchema(
  name: string,
  fields: Readonly<Record<string, unknown>>,
): { readonly schema: MessageSchema; readonly problems: readonly SchemaProblem[] } {
  const problems: SchemaProblem[] = [];
  const compiled = compileFields(fields, name, [], problems);
  return { schema: schemaOf(name, recordOf(name, compiled), compiled, new Set()), problems };
}

/** @param written by the server. */
function schemaOf(
  name: string,
  type: RecordType,
  fields: ReadonlyMap<string, Field>,
  written: ReadonlySet<string>,
): MessageSchema {
  const isWrong = (field: string, value: unknown): boolean => {
    const declared = fields.get(field);
    return declared !== undefined && checkField(declared, value, '') !== undefined;
  };
  return {
    name,
    type,
    check: (value) => checkRecord(fields, name, value, '', written),
    read: (value) => {
      if (!isObject(value)) return readJson(type, value);
      const wrong = [...written].filter((field) => Object.hasOwn(value, field) && isWrong(field, value[field]));
      if (wrong.length === 0) return readJson(type, value);
      return readJson(type, Object.fromEntries(Object.entries(value).filter(([field]) => !wrong.includes(field))));
    },
    except: (others) => schemaOf(name, type, fields, others),
  };
}

function recordOf(name: string, fields: ReadonlyMap<string, Field>): RecordType {
  return types.record(
    name,
    Object.fromEntries(
      [...fields].map(([field, { type, optional }]) => [field, optional ? types.nullable(type) : type]),
    ),
  );
}

function compileFields(
  specs: Readonly<Record<string, unknown>>,
  name: string,
  path: readonly PropertyKey[],
  problems: SchemaProblem[],
): Map<string, Field> {
  const fields = new Map<string, Field>();
  if (Object.keys(specs).length === 0) problems.push({ path, found: 'no fields', valid: 'at least one field' });
  for (const [field, spec] of Object.entries(specs)) {
    const compiled = compileField(spec, `${name}.${field}`, [...path, field], problems);
    if (field === '__proto__') {
      problems.push({ path: [...path, field], found: 'a field called __proto__', valid: 'another name' });
    } else if (compiled) {
      fields.set(field, compiled);
    }
  }
  return fields;
}

const limitNames = ['minLength', 'maxLength', 'min', 'max', 'maxItems', 'enum'] as const;
const specKeys: readonly string[] = ['type', 'fields', 'optional', ...limitNames];

function compileField(
  spec: unknown,
  name: string,
  path: readonly PropertyKey[],
  problems: SchemaProblem[],
): Field | undefined {
  if (typeof spec === 'string') {
    const type = messageType(spec, path, problems);
    return type && fieldOf(type, false, {});
  }
  if (!isObject(spec)) {
    problems.push({
      path,
      found: kindOf(spec),
      valid: `a type (${validTypes}), or a section with ${specKeys.join(', ')}`,
    });
    return undefined;
  }
  for (const key of Object.keys(spec).filter((candidate) => !specKeys.includes(candidate))) {
    const meant = nearest(key, specKeys);
    const valid = meant === undefined ? specKeys.join(', ') : `${meant} (did you mean that?)`;
    problems.push({ path: [...path, key], found: 'an unknown key', valid });
  }
  const optional = spec['optional'] === true;
  if (spec['optional'] !== undefined && typeof spec['optional'] !== 'boolean') {
    problems.push({ path: [...path, 'optional'], found: kindOf(spec['optional']), valid: 'true or false' });
  }
  if (spec['fields'] !== undefined) return compileObject(spec, optional, name, path, problems);
  if (typeof spec['type'] !== 'string') {
    problems.push({ path: [...path, 'type'], found: kindOf(spec['type']), valid: `${validTypes}; or fields` });
    return undefined;
  }
  const type = messageType(spec['type'], [...path, 'type'], problems);
  if (!type) return undefined;
  const field = fieldOf(type, optional, spec as Limits);
  checkLimits(field, path, problems);
  return field;
}

function compileObject(
  spec: Readonly<Record<string, unknown>>,
  optional: boolean,
  name: string,
  path: readonly PropertyKey[],
  problems: SchemaProblem[],
): Field | undefined {
  const at = [...path, 'fields'];
  const inner = spec['fields'];
  if (spec['type'] !== undefined) {
    problems.push({ path: [...path, 'type'], found: 'type beside fields', valid: 'one of the two' });
  }
  for (const limit of limitNames) {
    if (spec[limit] !== undefined)
      problems.push({ path: [...path, limit], found: `${limit} of an object`, valid: 'no limits beside fields' });
  }
  if (!isObject(inner)) {
    problems.push({ path: at, found: kindOf(inner), valid: 'a section of fields' });
    return undefined;
  }
  // The path has two parts for each level: the name of the field, and `fields`.
  if (at.length / 2 >= maxSchemaDepth) {
    problems.push({ path: at, found: `objects nested deeper than ${maxSchemaDepth}`, valid: 'type: dyn' });
    return undefined;
  }
  const fields = compileFields(inner, name, at, problems);
  return { type: recordOf(name, fields), optional, limits: {}, fields };
}

function fieldOf(type: RuleType, optional: boolean, limits: Limits): Field {
  return type.kind === 'nullable' ? { type: type.of, optional: true, limits } : { type, optional, limits };
}

/** A type that JSON has. */
function messageType(text: string, path: readonly PropertyKey[], problems: SchemaProblem[]): RuleType | undefined {
  const problem = jsonTypeProblem(text);
  if (problem === undefined) return parseType(text);
  problems.push({ path, ...problem });
  return undefined;
}

function checkLimits({ type, limits }: Field, path: readonly PropertyKey[], problems: SchemaProblem[]): void {
  const holds: Readonly<Record<(typeof limitNames)[number], readonly string[]>> = {
    minLength: ['string'],
    maxLength: ['string'],
    min: ['int', 'double'],
    max: ['int', 'double'],
    maxItems: ['list', 'map'],
    enum: ['string', 'int', 'double'],
  };
  for (const limit of limitNames) {
    const value: unknown = limits[limit];
    if (value === undefined) continue;
    const at = [...path, limit];
    if (!holds[limit].includes(type.kind)) {
      problems.push({
        path: at,
        found: `${limit} of ${formatType(type)}`,
        valid: `${limit} of ${holds[limit].join(' or ')}`,
      });
    } else if (limit === 'enum') {
      for (const [i, choice] of (Array.isArray(value) ? value : [undefined]).entries()) {
        const problem = typeProblem(type, choice, '');
        if (problem) problems.push({ path: [...at, i], found: kindOf(choice), valid: typeWords(type) });
      }
    } else if (
      typeof value !== 'number' ||
      (limit !== 'min' && limit !== 'max' && !(Number.isInteger(value) && value >= 0))
    ) {
      problems.push({
        path: at,
        found: kindOf(value),
        valid: limit === 'min' || limit === 'max' ? 'a number' : 'a whole number of at least 0',
      });
    }
  }
  for (const [low, high] of [
    ['minLength', 'maxLength'],
    ['min', 'max'],
  ] as const) {
    const [least, most] = [limits[low], limits[high]];
    if (least !== undefined && most !== undefined && least > most) {
      problems.push({ path: [...path, low], found: `${least}, but ${high} is ${most}`, valid: `at most ${high}` });
    }
  }
}

function checkRecord(
  fields: ReadonlyMap<string, Field>,
  name: string,
  value: unknown,
  at: string,
  written?: ReadonlySet<string>,
): MessageProblem | undefined {
  if (!isObject(value)) return { at, problem: `must be an object, not ${kindOf(value)}` };
  for (const key of Object.keys(value)) {
    if (!fields.has(key)) {
      const shown = key.length > maxShownName ? `${key.slice(0, maxShownName)}…` : key;
      return {
        at: pointer(at, shown),
        problem: `is no field of ${name}; its fields: ${[...fields.keys()].join(', ')}`,
      };
    }
  }
  for (const [key, field] of fields) {
    if (written?.has(key)) continue;
    const own = Object.hasOwn(value, key) ? value[key] : undefined;
    const problem = checkField(field, own, pointer(at, key));
    if (problem) return problem;
  }
  return undefined;
}

function checkField({ type, optional, limits, fields }: Field, value: unknown, at: string): MessageProblem | undefined {
  if (optional && (value === undefined || value === null)) return undefined;
  if (value === undefined) return { at, problem: `is missing; it must be ${typeWords(type)}` };
  if (fields) return checkRecord(fields, type.kind === 'record' ? type.name : '', value, at);
  return typeProblem(type, value, at) ?? limitProblem(limits, value, at);
}

function limitProblem(limits: Limits, value: unknown, at: string): MessageProblem | undefined {
  if (typeof value === 'string') {
    const { minLength = 0, maxLength = Infinity } = limits;
    // A character has at most two UTF-16 units, so that most texts need no counting.
    if (value.length > maxLength || value.length < minLength * 2) {
      const length = countCodePoints(value);
      const has = `has ${length} ${length === 1 ? 'character' : 'characters'}`;
      if (length > maxLength) return { at, problem: `${has}; at most ${maxLength}` };
      if (length < minLength) return { at, problem: `${has}; at least ${minLength}` };
    }
    return limits.enum === undefined || limits.enum.includes(value)
      ? undefined
      : { at, problem: `must be one of ${choices(limits.enum)}` };
  }
  if (typeof value === 'object' && value !== null && limits.maxItems !== undefined) {
    const items = Object.keys(value).length;
    return items > limits.maxItems ? { at, problem: `has ${items} items; at most ${limits.maxItems}` } : undefined;
  }
  if (limits.min === undefined && limits.max === undefined && limits.enum === undefined) return undefined;
  const number = numberOf(value);
  if (limits.min !== undefined && number < limits.min) return { at, problem: `is ${number}; at least ${limits.min}` };
  if (limits.max !== undefined && number > limits.max) return { at, problem: `is ${number}; at most ${limits.max}` };
  if (limits.enum && !limits.enum.some((choice) => sameNumber(choice, number))) {
    return { at, problem: `must be one of ${choices(limits.enum)}` };
  }
  return undefined;
}

function sameNumber(choice: string | number, number: number | bigint): boolean {
  return typeof number === 'bigint' && Number.isInteger(choice) ? BigInt(choice) === number : choice === number;
}

function choices(values: readonly (string | number)[]): string {
  return values.map((value) => JSON.stringify(value)).join(', ');
}

function countCodePoints(text: string): number {
  let count = 0;
  for (const _character of text) count++;
  return count;
}
