import { expect, test } from 'vitest';
import { functions } from './functions.ts';
import { signatureOf, signatures } from './signatures.ts';
import { formatType, type RuleType } from './types.ts';
import { Duration, Failure, Timestamp, type Value } from './value.ts';

/** A value of a type, such that functions that take it have a result. */
function sample(type: RuleType, name: string): Value {
  switch (type.kind) {
    case 'bool':
      return true;
    case 'int':
      return 1n;
    case 'double':
      return 1.5;
    case 'string':
      if (name === 'timestamp') return '2030-01-31T12:00:00Z';
      if (name === 'duration') return '1h';
      if (name === 'bool') return 'true';
      return name.startsWith('get') ? 'UTC' : '12';
    case 'timestamp':
      return new Timestamp(0n);
    case 'duration':
      return new Duration(0n);
    case 'list':
      return formatType(type) === 'list(string)' ? ['a'] : [1n, 2n];
    case 'map':
      return { '12': 1n };
    default:
      return 1n;
  }
}

function typeOf(value: unknown): string {
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'double';
  if (typeof value === 'boolean') return 'bool';
  if (value instanceof Timestamp) return 'timestamp';
  if (value instanceof Duration) return 'duration';
  return Array.isArray(value) ? 'list' : typeof value;
}

test('every function that has types is there, and the other way round', () => {
  expect(Object.keys(functions).toSorted()).toEqual(Object.keys(signatures).toSorted());
});

const calls = Object.entries(signatures).flatMap(([name, { overloads }]) =>
  overloads.map((overload) => [name, overload.parameters.map(formatType).join(', '), overload] as const),
);

test.each(calls)('%s takes %s, and gives what its signature says', (name, _parameters, { parameters, result }) => {
  const value = functions[name]?.(...parameters.map((type) => sample(type, name)));
  expect(value).not.toBeInstanceOf(Failure);
  const isOpen = result.kind === 'record' || result.kind === 'dyn';
  expect(typeOf(value)).toBe(isOpen ? 'int' : result.kind);
});

test('names of objects are no functions', () => {
  expect(signatureOf('constructor')).toBeUndefined();
  expect(signatureOf('size')?.form).toBe('either');
});
