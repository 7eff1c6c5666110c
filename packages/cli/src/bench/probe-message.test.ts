import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeProbe, encodeProbe, minProbeBytes, ProbeTracker } from './probe-message.ts';

describe('probe', () => {
  test('survives its encoding, at exactly the wanted size', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.nat({ max: 600_000_000 }),
        fc.integer({ min: minProbeBytes, max: 3_000 }),
        (number, us, bytes) => {
          const sentMs = us / 1000;
          const data = encodeProbe({ number, sentMs }, bytes);
          expect(data.length).toBe(bytes);
          expect(decodeProbe(data)).toEqual({ number, sentMs });
        },
      ),
    );
  });

  test('is undefined for what others publish', () => {
    for (const text of ['', '{', 'null', '[]', '{"n":"1","t":2}', '"x"']) {
      expect(decodeProbe(Buffer.from(text))).toBeUndefined();
    }
  });
});

describe('ProbeTracker', () => {
  const track = (numbers: readonly number[], sent: number) => {
    const tracker = new ProbeTracker();
    for (const number of numbers) tracker.take(number);
    tracker.finish(sent);
    return { lost: tracker.lost, doubled: tracker.doubled };
  };

  test.each([
    ['nothing wrong', [0, 1, 2], 3, 0, 0],
    ['one lost in the middle', [0, 2], 3, 1, 0],
    ['two lost at the end', [0], 3, 2, 0],
    ['all lost', [], 3, 3, 0],
    ['one doubled', [0, 1, 1, 2], 3, 0, 1],
    ['out of order', [0, 2, 1], 3, 1, 1],
  ] as const)('%s', (_, numbers, sent, lost, doubled) => {
    expect(track(numbers, sent)).toEqual({ lost, doubled });
  });
});
