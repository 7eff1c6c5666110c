/**
 * Lets a subscriber receive only publications whose tags it asked for. A filter is checked and compiled once, when the
 * subscription starts, and then decides for each publication on the delivery path.
 *
 * Source: `centrifugal/protocol`, `definitions/client.proto`, message `FilterNode`; meaning of the comparisons as in
 * `centrifugal/centrifuge`, `internal/filter`.
 */
import { DecodeError } from './errors.ts';
import type { FilterNode } from './messages.ts';
import { maxFilterDepth } from './schema.ts';

/** Whether a publication with these tags passes. */
export type TagsFilter = (tags: Readonly<Record<string, string>> | undefined) => boolean;

/** Conditions in one filter, groups included. */
export const maxFilterNodes = 100;
/** Values in one filter, over all its conditions. */
export const maxFilterValues = 1000;

type Test = (value: string | undefined) => boolean;

/**
 * Checks and compiles a filter.
 * @throws DecodeError if the filter is malformed or larger than the limits.
 */
export function compileTagsFilter(node: FilterNode): TagsFilter {
  return compileNode(node, 1, { nodes: maxFilterNodes, values: maxFilterValues });
}

function compileNode(node: FilterNode, depth: number, left: { nodes: number; values: number }): TagsFilter {
  left.values -= node.vals?.length ?? 0;
  if (--left.nodes < 0) throw new DecodeError(`filter has more than ${maxFilterNodes} nodes`);
  if (left.values < 0) throw new DecodeError(`filter has more than ${maxFilterValues} values`);
  if (depth > maxFilterDepth) throw new DecodeError('filter is nested too deeply');
  const op = node.op ?? '';
  if (op === '') return compileLeaf(node);

  const filters = (node.nodes ?? []).map((child) => compileNode(child, depth + 1, left));
  switch (op) {
    case 'and':
      if (filters.length === 0) throw new DecodeError('filter: and needs a node');
      return (tags) => filters.every((filter) => filter(tags));
    case 'or':
      if (filters.length === 0) throw new DecodeError('filter: or needs a node');
      return (tags) => filters.some((filter) => filter(tags));
    case 'not': {
      const filter = filters[0];
      if (filter === undefined || filters.length > 1) throw new DecodeError('filter: not needs exactly one node');
      return (tags) => !filter(tags);
    }
    default:
      throw new DecodeError('filter: unknown op');
  }
}

function compileLeaf(node: FilterNode): TagsFilter {
  const key = node.key ?? '';
  const cmp = node.cmp ?? '';
  const test = compileTest(cmp, node.val ?? '', node.vals ?? []);
  if (key === '' && cmp !== 'ex' && cmp !== 'nex') throw new DecodeError('filter: a condition needs a key');
  return (tags) => test(tags !== undefined && Object.hasOwn(tags, key) ? tags[key] : undefined);
}

function compileTest(cmp: string, val: string, vals: readonly string[]): Test {
  switch (cmp) {
    case 'ex':
    case 'nex':
      if (val !== '' || vals.length > 0) throw new DecodeError(`filter: ${cmp} takes neither val nor vals`);
      return cmp === 'ex' ? (value) => value !== undefined : (value) => value === undefined;
    case 'in':
    case 'nin': {
      if (val !== '' || vals.length === 0) throw new DecodeError(`filter: ${cmp} takes vals and no val`);
      const set = new Set(vals);
      return cmp === 'in' ? (value) => set.has(value ?? '') : (value) => !set.has(value ?? '');
    }
    default:
      return compileComparison(cmp, val, vals);
  }
}

function compileComparison(cmp: string, val: string, vals: readonly string[]): Test {
  const compile = comparisons.get(cmp);
  if (compile === undefined) throw new DecodeError('filter: unknown cmp');
  if (val === '' || vals.length > 0) throw new DecodeError(`filter: ${cmp} takes val and no vals`);
  return compile(val);
}

const comparisons: ReadonlyMap<string, (val: string) => Test> = new Map([
  [
    'eq',
    (val): Test =>
      (value) =>
        value === val,
  ],
  [
    'neq',
    (val): Test =>
      (value) =>
        value !== val,
  ],
  [
    'sw',
    (val): Test =>
      (value) =>
        value !== undefined && value.startsWith(val),
  ],
  [
    'ew',
    (val): Test =>
      (value) =>
        value !== undefined && value.endsWith(val),
  ],
  [
    'ct',
    (val): Test =>
      (value) =>
        value !== undefined && value.includes(val),
  ],
  ['lt', (val) => numeric(val, (order) => order < 0)],
  ['lte', (val) => numeric(val, (order) => order <= 0)],
  ['gt', (val) => numeric(val, (order) => order > 0)],
  ['gte', (val) => numeric(val, (order) => order >= 0)],
] satisfies [string, (val: string) => Test][]);

/** Decimal numbers without exponent; what is none compares with nothing. */
function numeric(val: string, holds: (order: number) => boolean): Test {
  const bound = parseDecimal(val);
  if (bound === undefined) return () => false;
  return (value) => {
    const decimal = value === undefined ? undefined : parseDecimal(value);
    return decimal !== undefined && holds(compareDecimals(decimal, bound));
  };
}

/** Digits behind the point. */
const maxScale = 19;
const maxDecimalLength = 200;
/** Decimals this short keep their order as doubles. */
const exactLength = 15;
const decimalPattern = /^[+-]?\d+(?:\.\d{1,19})?$/;

/** The text, if it is a decimal. */
function parseDecimal(text: string): string | undefined {
  return text.length <= maxDecimalLength && decimalPattern.test(text) ? text : undefined;
}

function compareDecimals(a: string, b: string): number {
  if (a.length <= exactLength && b.length <= exactLength) return Number(a) - Number(b);
  const difference = scaled(a) - scaled(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function scaled(text: string): bigint {
  const [whole = '', fraction = ''] = text.replace(/^[+-]/, '').split('.');
  const value = BigInt(whole + fraction.padEnd(maxScale, '0'));
  return text.startsWith('-') ? -value : value;
}
