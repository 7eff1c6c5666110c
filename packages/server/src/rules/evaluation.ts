/** What both forms of a compiled rule, closures and generated code, call while they run, beside the table of functions. */
import { equals } from './equality.ts';
import { maxSteps } from './evaluation-limits.ts';
import { readField, readKey, readWhole, recordOf } from './fields.ts';
import type { TypedExpr } from './syntax.ts';
import { formatType, type RuleType } from './types.ts';
import { isMap, keysOf, noOverload, setOwn } from './value-kind.ts';
import { Failure, type RelationReader, type Value } from './value.ts';

/** A condition that is neither true nor false. */
export const noBool = new Failure('a condition is no bool');
export const tooManySteps = new Failure(`more than ${maxSteps} steps of macros`);

/** What was thrown, as a failure: only a relation or a getter of an object from outside can have done it. */
export function broken(error: unknown): Failure {
  return new Failure(`evaluation broke: ${error instanceof Error ? error.message : 'something was thrown'}`);
}

/** Whether a fact holds. */
export function askRelation(relations: RelationReader, relation: string, args: readonly Value[]): boolean | Failure {
  const answer: unknown = relations.related(relation, args);
  if (typeof answer === 'boolean' || answer instanceof Failure) return answer;
  return new Failure(`the relation ${relation} answered neither true nor false`);
}

/** What a macro loops over: the elements of a list or the keys of a map. */
export function itemsOf(range: unknown): readonly unknown[] | Failure {
  if (Array.isArray(range)) return range;
  return isMap(range) ? keysOf(range) : noOverload('a macro', [range]);
}

/** @param parts keys and values in turn. @returns a failure where a key is no string or stands twice. */
export function makeMap(parts: readonly unknown[]): Value | Failure {
  const map: Record<string, unknown> = {};
  for (let i = 0; i < parts.length; i += 2) {
    const key = parts[i];
    if (typeof key !== 'string') return new Failure('a key of a map is no string');
    if (Object.hasOwn(map, key)) return new Failure('a key of a map stands twice');
    setOwn(map, key, parts[i + 1]);
  }
  return map as Value;
}

/**
 * `value in list` for a list from outside with a declared element type: as `list.exists(e, e == value)`, so an element of
 * another type is a failure unless the value is found.
 * @param path of the list, for messages.
 */
export function isElementOf(value: unknown, list: unknown, type: RuleType, path: string): boolean | Failure {
  if (!Array.isArray(list)) return noOverload('@in', [value, list]);
  let failure: Failure | undefined;
  for (const raw of list as readonly unknown[]) {
    if (raw === value && type.kind === 'string') return true;
    const element = readWhole(raw, type, path);
    const same = element instanceof Failure ? element : equals(value, element);
    if (same === true) return true;
    if (same !== false) failure ??= same;
  }
  return failure ?? false;
}

/** How a field is read: the keys of a map must be there, the nullable fields of a record need not. */
export function readerOf(operand: TypedExpr): typeof readField {
  return recordOf(operand.type) ? readField : readKey;
}

/** Whether a value that was read from outside as the one type can be taken as the other. */
export function isSameType(a: RuleType, b: RuleType): boolean {
  return a === b || formatType(a) === formatType(b);
}

/** Where a value comes from, for messages: `auth.role`, `data.items[…]`. */
export function pathOf(expr: TypedExpr): string {
  switch (expr.kind) {
    case 'variable':
      return nameOf(expr.name);
    case 'field':
      return `${pathOf(expr.operand)}.${expr.name}`;
    case 'call':
      return expr.name === '_[_]' && expr.args[0] ? `${pathOf(expr.args[0])}[…]` : 'a value';
    case 'constant':
      return recordOf(expr.type)?.name ?? 'a value';
    default:
      return 'a value';
  }
}

/** A variable as written: those of macros have a number behind `#`. */
function nameOf(variable: string): string {
  return variable.split('#', 1)[0] as string;
}

/**
 * The elements of a list that is the same in every evaluation, as declared.
 * @returns undefined for other lists, and for those that hold what they should not.
 */
export function constantElements(expr: TypedExpr): readonly Value[] | undefined {
  if (expr.kind === 'constant') {
    const list = readWhole(expr.value, expr.type, '');
    return Array.isArray(list) ? (list as readonly Value[]) : undefined;
  }
  if (expr.kind !== 'list') return undefined;
  const values: Value[] = [];
  for (const element of expr.elements) {
    const value = element.kind === 'constant' ? readWhole(element.value, element.type, '') : undefined;
    if (value === undefined || value instanceof Failure) return undefined;
    values.push(value);
  }
  return values;
}

/** Whether `===` finds in the list what `==` of the language finds, whatever is looked for. */
export function areTextOrBool(elements: readonly Value[]): boolean {
  return elements.every((each) => typeof each === 'string' || typeof each === 'boolean');
}
