/** What a value is at run time. Everything that decides by the kind of a value asks here. */
import { Duration, Failure, Timestamp } from './value.ts';

export type ValueKind =
  | 'null'
  | 'bool'
  | 'int'
  | 'double'
  | 'string'
  | 'timestamp'
  | 'duration'
  | 'list'
  | 'map'
  /** Nothing that a rule can work with: undefined, a function, an object of a class. */
  | 'no value';

export function kindOf(value: unknown): ValueKind {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return isInt64(value) ? 'int' : 'no value';
    case 'number':
      return 'double';
    case 'string':
      return 'string';
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return 'list';
      if (value instanceof Timestamp) return 'timestamp';
      if (value instanceof Duration) return 'duration';
      return isPlain(value) ? 'map' : 'no value';
    default:
      return 'no value';
  }
}

export const minInt = -(2n ** 63n);
export const maxInt = 2n ** 63n - 1n;

export function isInt64(value: bigint): boolean {
  return value >= minInt && value <= maxInt;
}

/** An object as JSON makes it. What has another prototype could answer with fields that nobody gave it. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && isPlain(value);
}

/** Not so lists, timestamps and the like: each has a prototype of its own. */
function isPlain(value: object): boolean {
  // Far quicker than `getPrototypeOf`, where the objects that come here are alike.
  if ((value as { readonly __proto__?: unknown }).__proto__ === Object.prototype) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * An object without anything: what it answers to a name was put into `Object.prototype`. For a name that it has nothing
 * for, a plain object can have nothing inherited either, and need not be asked whether a value is its own.
 */
export const nothing: Readonly<Record<string, unknown>> = {};

/** The own value of a key; undefined: it is not there. An own `undefined` counts as not there, as in JSON. */
export function ownValue(map: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

/** The keys of a map, without those whose value is `undefined`. */
export function keysOf(map: Readonly<Record<string, unknown>>): string[] {
  const keys = Object.keys(map);
  // Nearly no map has one, so the copy is made only when it must be.
  return keys.some((key) => map[key] === undefined) ? keys.filter((key) => map[key] !== undefined) : keys;
}

/** Writes a field as JSON would: `__proto__` too becomes a field, not a prototype. */
export function setOwn(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    map[key] = value;
  }
}

/** What CEL calls "no matching overload". */
export function noOverload(name: string, args: readonly unknown[]): Failure {
  return new Failure(`${readableNames[name] ?? name} does not take ${args.map(kindOf).join(', ')}`);
}

const readableNames: Readonly<Record<string, string>> = { '_[_]': '[]', '@in': 'in', '!_': '!', '-_': '-' };
