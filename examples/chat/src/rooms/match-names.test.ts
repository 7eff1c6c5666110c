import { expect, test } from 'vitest';
import { matches } from './match-names.ts';

test.each([
  ['Tomás Ferreira', 'tomas', true],
  ['Tomás Ferreira', 'fer TOM', true],
  ['Kitchen garden', 'den', true],
  ['Kitchen garden', '', true],
  ['Kitchen garden', 'garage', false],
  ['النسخة العربية', 'العربية', true],
])('%s is found by %j: %s', (name, query, expected) => {
  expect(matches(name, query)).toBe(expected);
});
