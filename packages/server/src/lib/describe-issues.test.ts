import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { describeIssues, fieldNames } from './describe-issues.ts';

const schema = z.strictObject({
  name: z.string(),
  size: z.int().max(3).optional(),
  data: z.unknown(),
  inner: z.strictObject({ list: z.array(z.int()) }).optional(),
});

function words(value: unknown): string {
  const { error } = schema.safeParse(value);
  return describeIssues(error?.issues ?? [], fieldNames(schema));
}

describe('describeIssues', () => {
  test('says where, what was found, and what would be valid', () => {
    expect(words({ name: 7, data: 1 })).toBe('name: expected string, received number');
    expect(words({})).toBe('name: expected string, which is missing; data: is missing');
    expect(words({ name: 'a', data: 1, size: 4 })).toMatch(/^size: Too big: expected number to be <=3$/);
    expect(words({ name: 'a', data: 1, inner: { list: [1, 'x'] } })).toBe(
      'inner.list.1: expected number, received string',
    );
    expect(words({ name: 'a', data: 1, nmae: 'b' })).toBe('unknown field nmae; valid: name, size, data, inner');
    expect(words({ name: 'a', data: 1, inner: { list: [], more: 1 } })).toBe('inner: unknown field more');
    expect(words(null)).toBe('expected object, received null');
  });

  test('is short, however much is wrong', () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`field-${i}-${'x'.repeat(100)}`, i]));
    expect(words({ name: 'a', data: 1, ...many })).toMatch(/^unknown field field-0-x+, .*and 995 more/);
    const list = Array.from({ length: 1_000 }, () => 'x');
    expect(words({ name: 'a', data: 1, inner: { list } })).toMatch(/; and 995 more$/);
    for (const value of [{ ...many }, { inner: { list } }, { [`\ud800${'\ud83d'.repeat(300)}`]: 1 }]) {
      expect(words(value).length).toBeLessThanOrEqual(500);
      expect(words(value).isWellFormed()).toBe(true);
    }
  });
});

test('fieldNames looks through a transform', () => {
  expect(fieldNames(schema)).toEqual(['name', 'size', 'data', 'inner']);
  expect(fieldNames(schema.transform((value) => value))).toEqual(['name', 'size', 'data', 'inner']);
  expect(fieldNames(z.string())).toEqual([]);
});
