import { formats, frame, type Format } from '@tidings/protocol';
import fc from 'fast-check';
import { inflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Batch } from './batch.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const all = Object.values(formats);

describe('Batch', () => {
  test('whatever the interleaving, each receives exactly its messages in order, and equals share their bytes', () => {
    const pushes = fc.array(fc.record({ message: fc.nat({ max: 6 }), to: fc.subarray([0, 1, 2, 3, 4, 5, 6, 7]) }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(pushes, fc.constantFrom<Format>(...all), (steps, format) => {
        // Some messages have the same bytes, but are other messages.
        const messages = Array.from({ length: 7 }, (_, i) => bytes(`{"n":${i % 4}}`));
        const root = Batch.root(format);
        const expected: Uint8Array[][] = Array.from({ length: 8 }, () => []);
        const batches = expected.map(() => root);
        for (const { message, to } of steps) {
          for (const who of to) {
            const next = messages[message] as Uint8Array;
            batches[who] = (batches[who] as Batch).append(next);
            expected[who]?.push(next);
          }
        }
        batches.forEach((batch, who) => {
          const mine = expected[who] as Uint8Array[];
          expect(batch.length).toBe(mine.length);
          const got = batch.messages();
          expect(got.length === mine.length && got.every((one, i) => one === mine[i])).toBe(true);
          if (mine.length > 0) expect(batch.bytes).toEqual(Buffer.from(frame(format.framing, mine)));
          batches.forEach((other, whoElse) => {
            const theirs = expected[whoElse] as Uint8Array[];
            const same = mine.length === theirs.length && mine.every((one, i) => one === theirs[i]);
            expect(other === batch).toBe(same);
            if (same && mine.length > 0) expect(other.bytes).toBe(batch.bytes);
          });
        });
      }),
      { numRuns: 200 },
    );
  });

  test('bytes are made once', () => {
    const batch = Batch.root(formats.websocketJson).append(bytes('{}'));
    expect(batch.bytes).toBe(batch.bytes);
    expect(batch.compressed(0)).toBe(batch.compressed(0));
  });

  test.each([formats.websocketJson, formats.websocketProtobuf])(
    'compressed inflates to the same ($codec)',
    (format) => {
      const long = fc.string({ maxLength: 400 }).map((text) => bytes(JSON.stringify(text.repeat(200))));
      const messages = fc.array(fc.oneof(fc.string().map(bytes), long), { minLength: 1, maxLength: 4 });
      fc.assert(
        fc.property(messages, fc.constantFrom(0, 100, 10_000), (list, minBytes) => {
          let batch = Batch.root(format);
          for (const message of list) batch = batch.append(message);
          const plain = batch.bytes;
          const compressed = batch.compressed(minBytes);
          expect(compressed.length <= plain.length).toBe(true);
          if (compressed === plain) return;
          expect(plain.length >= minBytes).toBe(true);
          // RFC 7692 §6: RSV1 marks a compressed message; the rest of the header is as on the plain one.
          expect(compressed[0]).toBe((plain[0] as number) | 0x40);
          const payload = (framed: Uint8Array): Uint8Array =>
            framed.subarray(framed[1] === 127 ? 10 : framed[1] === 126 ? 4 : 2);
          const inflated = inflateRawSync(Buffer.concat([payload(compressed), Buffer.from([0, 0, 0xff, 0xff])]), {
            finishFlush: 2,
          });
          expect(inflated.equals(payload(plain))).toBe(true);
        }),
        { numRuns: 100 },
      );
    },
  );

  test('what is small, or does not shrink, stays plain', () => {
    const batch = Batch.root(formats.websocketJson).append(bytes(`"${'x'.repeat(300)}"`));
    expect(batch.compressed(10_000)).toBe(batch.bytes);
    const random = Batch.root(formats.websocketProtobuf).append(crypto.getRandomValues(new Uint8Array(500)));
    expect(random.compressed(0)).toBe(random.bytes);
  });
});
