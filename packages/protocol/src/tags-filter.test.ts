import { describe, expect, test } from 'vitest';
import { nestedFilter } from './codec.conformance.ts';
import { DecodeError } from './errors.ts';
import type { FilterNode } from './messages.ts';
import { maxFilterDepth } from './schema.ts';
import { compileTagsFilter, maxFilterNodes, maxFilterValues } from './tags-filter.ts';

const leaf = (key: string, cmp: string, val?: string | string[]): FilterNode =>
  Array.isArray(val) ? { key, cmp, vals: val } : { key, cmp, ...(val !== undefined && { val }) };
const node = (op: string, ...nodes: FilterNode[]): FilterNode => ({ op, nodes });
const passes = (filter: FilterNode, tags?: Record<string, string>): boolean => compileTagsFilter(filter)(tags);

const tags = { env: 'prod', empty: '', price: '120.5', count: '42', version: 'v2', big: '12345678901234567890.1' };

describe('conditions', () => {
  test.each<[key: string, cmp: string, val: string | string[] | undefined, passes: boolean]>([
    ['env', 'eq', 'prod', true],
    ['env', 'eq', 'dev', false],
    ['none', 'eq', 'prod', false],
    ['env', 'neq', 'dev', true],
    ['env', 'neq', 'prod', false],
    ['none', 'neq', 'prod', true],
    ['env', 'in', ['dev', 'prod'], true],
    ['env', 'in', ['dev'], false],
    ['none', 'in', ['dev'], false],
    ['none', 'in', [''], true],
    ['env', 'nin', ['dev'], true],
    ['env', 'nin', ['prod'], false],
    ['none', 'nin', ['prod'], true],
    ['env', 'ex', undefined, true],
    ['empty', 'ex', undefined, true],
    ['none', 'ex', undefined, false],
    ['none', 'nex', undefined, true],
    ['env', 'nex', undefined, false],
    ['version', 'sw', 'v', true],
    ['version', 'sw', '2', false],
    ['none', 'sw', 'v', false],
    ['version', 'ew', '2', true],
    ['version', 'ew', 'v', false],
    ['env', 'ct', 'ro', true],
    ['env', 'ct', 'or', false],
    ['count', 'gt', '41.9', true],
    ['count', 'gt', '42', false],
    ['count', 'gte', '42.0', true],
    ['count', 'gte', '042', true],
    ['count', 'lt', '42', false],
    ['count', 'lt', '+42.1', true],
    ['count', 'lte', '42', true],
    ['count', 'lte', '-42', false],
    ['count', 'gt', '9', true],
    ['price', 'gt', '120.49', true],
    ['big', 'gt', '12345678901234567890', true],
    ['big', 'lt', '12345678901234567890.11', true],
    ['big', 'gte', '12345678901234567890.10', true],
    ['big', 'gt', '-99999999999999999999', true],
    ['none', 'lt', '1', false],
    ['env', 'lt', '1', false],
    ['env', 'gte', '1', false],
    ['empty', 'lte', '1', false],
    ['count', 'gt', 'abc', false],
    ['count', 'lt', '1e9', false],
    ['count', 'lt', ' 99', false],
    ['count', 'lt', '99.', false],
    ['count', 'gt', '.5', false],
  ])('%s %s %s: %s', (key, cmp, val, expected) => {
    expect(passes(leaf(key, cmp, val), tags)).toBe(expected);
  });

  test('decimals are exact', () => {
    expect(passes(leaf('x', 'gt', '9007199254740992'), { x: '9007199254740993' })).toBe(true);
    expect(passes(leaf('x', 'lte', '0.1'), { x: '0.1000000000000000001' })).toBe(false);
    expect(passes(leaf('x', 'lt', '-0.5'), { x: '-0.5000000000000000001' })).toBe(true);
    expect(passes(leaf('x', 'lt', '1'), { x: '0.00000000000000000001' })).toBe(false);
    expect(passes(leaf('x', 'gt', '0'), { x: '9'.repeat(200) })).toBe(true);
    expect(passes(leaf('x', 'gt', '0'), { x: '9'.repeat(201) })).toBe(false);
  });

  test('without tags no key exists; names of the prototype are no tags', () => {
    expect(passes(leaf('a', 'nex'))).toBe(true);
    expect(passes(leaf('constructor', 'ex'), {})).toBe(false);
    expect(passes(leaf('__proto__', 'nex'), {})).toBe(true);
  });
});

describe('groups', () => {
  const yes = leaf('env', 'eq', 'prod');
  const no = leaf('env', 'eq', 'dev');
  test.each<[string, FilterNode, boolean]>([
    ['and of all', node('and', yes, yes), true],
    ['and with one not', node('and', yes, no), false],
    ['or with one', node('or', no, yes), true],
    ['or without', node('or', no, no), false],
    ['not', node('not', no), true],
    ['nested', node('and', yes, node('or', no, node('not', no))), true],
  ])('%s', (_, filter, expected) => {
    expect(passes(filter, tags)).toBe(expected);
  });
});

describe('bad filters', () => {
  const some = leaf('a', 'ex');
  test.each<[string, FilterNode]>([
    ['an empty node', {}],
    ['an unknown op', node('xor', some)],
    ['an op of the prototype', node('constructor', some)],
    ['an unknown cmp', leaf('a', 'like', 'b')],
    ['a cmp of the prototype', leaf('a', '__proto__', 'b')],
    ['and of nothing', { op: 'and' }],
    ['or of nothing', node('or')],
    ['not of nothing', node('not')],
    ['not of two', node('not', some, some)],
    ['no key', { cmp: 'eq', val: 'b' }],
    ['no val', leaf('a', 'eq')],
    ['vals for eq', { key: 'a', cmp: 'eq', val: 'b', vals: ['c'] }],
    ['no vals for in', leaf('a', 'in')],
    ['val for in', { key: 'a', cmp: 'in', val: 'b', vals: ['c'] }],
    ['val for ex', leaf('a', 'ex', 'b')],
    ['vals for nex', leaf('a', 'nex', ['b'])],
    ['a bad one below', node('and', some, node('or', {}))],
    ['too many nodes', node('and', ...Array<FilterNode>(maxFilterNodes).fill(some))],
    ['too deep', nestedFilter(maxFilterDepth + 1)],
    ['too many values', leaf('a', 'in', Array<string>(maxFilterValues + 1).fill('x'))],
  ])('%s', (_, filter) => {
    expect(() => compileTagsFilter(filter)).toThrow(DecodeError);
  });

  test('filters up to the limits are fine', () => {
    expect(passes(node('and', ...Array<FilterNode>(maxFilterNodes - 1).fill(some)), { a: '' })).toBe(true);
    expect(passes(leaf('a', 'in', Array<string>(maxFilterValues).fill('x')), { a: 'x' })).toBe(true);
    expect(passes(nestedFilter(maxFilterDepth), {})).toBe(true);
  });
});
