import { expect, test } from 'vitest';
import { HookDisconnect } from './hooks.ts';

test('a hook closes only with what a close frame can carry', () => {
  expect(new HookDisconnect(4001, 'bye')).toMatchObject({ code: 4001, reason: 'bye' });
  for (const code of [0, 1000, 2999, 5000, 3000.5, Number.NaN])
    expect(() => new HookDisconnect(code, '')).toThrow(RangeError);
  expect(() => new HookDisconnect(4000, 'ü'.repeat(62))).toThrow('123 bytes');
});
