import { expect, test } from 'vitest';
import { initials } from './avatar.tsx';

test.each([
  ['Ann Lee', 'AL'],
  ['ann', 'A'],
  ['Ann Marie van Lee', 'AL'],
  ['#general', 'G'],
  ['(Ben) Sørensen', 'BS'],
  ['نور الدين', 'نا'],
  ['🎉 party', 'P'],
  ['🎉', '🎉'],
  [' @ ', '@'],
  ['', ''],
])('of %j the initials are %j', (name, letters) => {
  expect(initials(name)).toBe(letters);
});
