/** When a value of one type may stand where another is wanted. `check.ts` and `overloads.ts` ask here. */
import { formatType, types, type RecordType, type RuleType } from './types.ts';

/**
 * Element type of `[]` and `{}`: it goes with every other type and leaves it as it is. To all but this file it is `dyn`.
 * Told apart by identity.
 */
export const free: RuleType = { kind: 'dyn' };

export function withoutNull(type: RuleType): RuleType {
  return type.kind === 'nullable' ? type.of : type;
}

/**
 * Whether an expression of type `actual` may stand where `wanted` is. `dyn` goes both ways, and so does a nullable:
 * what the value is shows at run time.
 */
export function accepts(wanted: RuleType, actual: RuleType): boolean {
  if (wanted.kind === 'dyn' || actual.kind === 'dyn') return true;
  if (actual.kind === 'nullable') return accepts(withoutNull(wanted), actual.of);
  switch (wanted.kind) {
    case 'nullable':
      return actual.kind === 'null' || accepts(wanted.of, actual);
    case 'list':
      return actual.kind === 'list' && accepts(wanted.element, actual.element);
    case 'map':
      return actual.kind === 'map' && accepts(wanted.value, actual.value);
    case 'record':
      return actual.kind === 'record' && isSameRecord(wanted, actual);
    default:
      return wanted.kind === actual.kind;
  }
}

/** Records that were declared apart are the same if name and fields are. */
function isSameRecord(one: RecordType, other: RecordType): boolean {
  if (one === other) return true;
  const names = Object.keys(one.fields);
  return (
    one.name === other.name &&
    names.length === Object.keys(other.fields).length &&
    names.every((name) => Object.hasOwn(other.fields, name) && isSame(fieldOf(one, name), fieldOf(other, name)))
  );
}

function isSame(one: RuleType | undefined, other: RuleType | undefined): boolean {
  return one !== undefined && other !== undefined && formatType(one) === formatType(other) && accepts(one, other);
}

/** The type of a field, if there is such a field. */
export function fieldOf(record: RecordType, name: string): RuleType | undefined {
  return Object.hasOwn(record.fields, name) ? record.fields[name] : undefined;
}

/**
 * The type of what may be of either type, if they can be compared: `int` and `int?` are `int?`, `dyn` and any are `dyn`.
 * @returns undefined if no value of one is ever equal to one of the other as far as types say, such as `int` and `string`.
 */
export function unify(one: RuleType, other: RuleType): RuleType | undefined {
  if (one === free) return other;
  if (other === free) return one;
  if (one.kind === 'dyn' || other.kind === 'dyn') return types.dyn;
  if (one.kind === 'nullable' || other.kind === 'nullable') {
    if (one.kind === 'null') return other;
    if (other.kind === 'null') return one;
    const of = unify(withoutNull(one), withoutNull(other));
    return of && types.nullable(of);
  }
  if (one.kind === 'list' && other.kind === 'list') {
    const element = unify(one.element, other.element);
    return element && types.list(element);
  }
  if (one.kind === 'map' && other.kind === 'map') {
    const value = unify(one.value, other.value);
    return value && types.map(value);
  }
  if (one.kind === 'record' && other.kind === 'record') return isSameRecord(one, other) ? one : undefined;
  return one.kind === other.kind ? one : undefined;
}

/** As `unify`, but `null` makes any type nullable: for lists, maps and `?:`. */
export function join(one: RuleType, other: RuleType): RuleType | undefined {
  const unified = unify(one, other);
  if (unified) return unified;
  if (one.kind === 'null') return types.nullable(other);
  return other.kind === 'null' ? types.nullable(one) : undefined;
}
