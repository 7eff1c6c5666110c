/**
 * Routing keys: the terms of equality that a rule over rows cannot do without. Of `row.owner == "u1" || row.public` they
 * are owner "u1" and public true. Whoever has many subscriptions files each under its keys, and asks, for a row, only
 * those that are filed under one of the row's values.
 */
import type { TypedExpr } from './syntax.ts';
import { Duration, Timestamp, type Value } from './value.ts';

/** A row whose field has this value, as a rule reads it: what is absent and nullable is null. */
export interface RoutingKey {
  readonly field: string;
  readonly value: Value;
}

export type RoutingKeys =
  /** No row can pass. */
  | { readonly kind: 'none' }
  /** Nothing can be said: every row has to be asked. */
  | { readonly kind: 'all' }
  /** Each once. */
  | { readonly kind: 'keys'; readonly anyOf: readonly RoutingKey[] };

/** More than this would cost more to file than they spare. */
export const maxRoutingKeys = 1000;

/**
 * Every row for which the rule holds has one of the keys. (One that has a key may still be denied: the rule decides.)
 * @param bound a rule whose other variables have been bound (`bindRule`).
 * @param row name of the variable that holds the row.
 */
export function routingKeys(bound: TypedExpr, row: string): RoutingKeys {
  switch (bound.kind) {
    case 'constant':
      return bound.value === true ? all : none;
    case 'failure':
      return none;
    case 'logical': {
      const left = routingKeys(bound.left, row);
      const right = routingKeys(bound.right, row);
      return bound.operator === '&&' ? fewer(left, right) : union(left, right);
    }
    case 'conditional': {
      const whenTrue = fewer(routingKeys(bound.condition, row), routingKeys(bound.then, row));
      return union(whenTrue, routingKeys(bound.otherwise, row));
    }
    case 'field':
      return keysOf(bound, [true], row);
    case 'call':
      return callKeys(bound.name, bound.args, row);
    default:
      return all;
  }
}

/**
 * A text that is the same for values that are equal. That an int beyond 2^53 has it in common with its neighbours is no
 * harm: beside a double they are equal.
 * @returns undefined for a value that equals nothing (NaN), and for lists and maps, which no key has.
 */
export function routingText(value: Value): string | undefined {
  switch (typeof value) {
    case 'string':
      return `s${value}`;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
    case 'number':
      // -0 is written as 0.
      return Number.isNaN(value) ? undefined : `n${Number(value)}`;
    default:
      if (value === null) return 'null';
      if (value instanceof Timestamp) return `t${value.nanos}`;
      return value instanceof Duration ? `d${value.nanos}` : undefined;
  }
}

const none: RoutingKeys = { kind: 'none' };
const all: RoutingKeys = { kind: 'all' };

function callKeys(name: string, args: readonly TypedExpr[], row: string): RoutingKeys {
  const [first, second] = args;
  if (!first) return all;
  if (name === '!_') return keysOf(first, [false], row);
  if (!second) return all;
  if (name === '_==_') {
    if (second.kind === 'constant') return keysOf(first, [second.value], row);
    return first.kind === 'constant' ? keysOf(second, [first.value], row) : all;
  }
  const isInList = name === '@in' && second.kind === 'constant' && Array.isArray(second.value);
  return isInList ? keysOf(first, second.value as readonly Value[], row) : all;
}

/** The rule holds only if `expr` is one of the values. */
function keysOf(expr: TypedExpr, values: readonly Value[], row: string): RoutingKeys {
  if (expr.kind !== 'field' || expr.operand.kind !== 'variable' || expr.operand.name !== row) return all;
  if (values.some(isNested)) return all;
  return distinct(values.map((value) => ({ field: expr.name, value })));
}

function isNested(value: Value): boolean {
  return value !== null && typeof value === 'object' && routingText(value) === undefined;
}

function fewer(a: RoutingKeys, b: RoutingKeys): RoutingKeys {
  return countOf(a) <= countOf(b) ? a : b;
}

function union(a: RoutingKeys, b: RoutingKeys): RoutingKeys {
  if (a.kind === 'all' || b.kind === 'none') return a;
  if (b.kind === 'all' || a.kind === 'none') return b;
  return distinct([...a.anyOf, ...b.anyOf]);
}

function countOf(keys: RoutingKeys): number {
  if (keys.kind === 'keys') return keys.anyOf.length;
  return keys.kind === 'none' ? 0 : Infinity;
}

function distinct(keys: readonly RoutingKey[]): RoutingKeys {
  const found = new Map<string, RoutingKey>();
  for (const key of keys) {
    const text = routingText(key.value);
    if (text !== undefined) found.set(JSON.stringify([key.field, text]), key);
  }
  if (found.size > maxRoutingKeys) return all;
  return found.size === 0 ? none : { kind: 'keys', anyOf: [...found.values()] };
}
