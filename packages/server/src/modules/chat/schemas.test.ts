import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readUsualSend, sendInput } from './schemas.ts';

const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.constantFrom('room', '', 'a:b', 'x'.repeat(129), '\0', '\ud800', 'hello, world'),
  fc.constantFrom(undefined, null, 1, {}),
);
const usual = fc.record({ text: value, clientId: value, room: value });
const any = fc.dictionary(fc.constantFrom('room', 'clientId', 'text', 'silent', 'threadSeq', 'other'), value);

test('what is read the quick way is what the schema makes of it, to the order of its fields', () => {
  fc.assert(
    fc.property(fc.oneof(usual, any), (input) => {
      const quick = readUsualSend(input);
      if (quick === undefined) return;
      expect(JSON.stringify(quick)).toBe(JSON.stringify(sendInput.parse(input)));
    }),
    { numRuns: 2_000 },
  );
});

test('a usual message is read so', () => {
  expect(readUsualSend({ text: 'hello', room: 'lobby', clientId: 'c-1' })).toEqual({
    room: 'lobby',
    clientId: 'c-1',
    text: 'hello',
  });
});
