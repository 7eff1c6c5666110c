import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DecodeError } from '@tidings/protocol';
import { decodeCursor, encodeCursor } from './poll-cursor.ts';

const position = fc.record({
  epoch: fc.string({ maxLength: 255, unit: 'grapheme' }).filter((epoch) => epoch.length <= 255),
  offset: fc.maxSafeNat(),
  serverSide: fc.boolean(),
});
const channel = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' }).filter((name) => name.length <= 255);

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

describe('poll cursor', () => {
  test('comes back as it was, and fits into a URL', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(channel, position)), (entries) => {
        const positions = new Map(entries);
        const cursor = encodeCursor(positions);
        expect(cursor).toMatch(/^[\w-]+$/);
        expect(decodeCursor(cursor)).toEqual(positions);
      }),
    );
  });

  test('anything else is a DecodeError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.json().map(encoded)), (text) => {
        expect(() => decodeCursor(text)).toThrow(DecodeError);
      }),
    );
  });

  test('says what is wrong', () => {
    for (const [cursor, why] of [
      ['', 'not base64url'],
      ['ab=c', 'not base64url'],
      ['abc', 'damaged'],
      [encoded([2, []]), 'unknown version'],
      [encoded([1, [['a', 'e', -1]]]), 'damaged'],
      [encoded([1, [['a', 'e', 1.5]]]), 'damaged'],
      [encoded([1, [['a', 'e', 2 ** 53]]]), 'damaged'],
      [encoded([1, [['', 'e', 1]]]), 'damaged'],
      [encoded([1, [['a', 'e']]]), 'damaged'],
      [encoded([1, [['a', 'e', 1, 2]]]), 'damaged'],
      [encoded([1, [['a', 'e', 1, 1, 1]]]), 'damaged'],
      [encoded([1, [['a', 'x'.repeat(256), 1]]]), 'damaged'],
      [
        encoded([
          1,
          [
            ['a', 'e', 1],
            ['a', 'e', 2],
          ],
        ]),
        'twice',
      ],
    ] as const) {
      expect(() => decodeCursor(cursor)).toThrow(why);
    }
  });
});
