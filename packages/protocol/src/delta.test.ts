import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyDelta, createDelta } from './delta.ts';
import { DecodeError } from './errors.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const strict = new TextDecoder('utf-8', { fatal: true });
const delta = (source: string, target: string): string => strict.decode(createDelta(bytes(source), bytes(target)));
const apply = (source: string, patch: string): string => strict.decode(applyDelta(bytes(source), bytes(patch)));

/** A text and what somebody made of it: parts moved, left out, repeated, new ones put in between. */
function edited(part: fc.Arbitrary<string>): fc.Arbitrary<[source: string, target: string]> {
  return fc
    .tuple(fc.array(part, { minLength: 1, maxLength: 12 }), fc.array(fc.oneof(fc.nat(), part), { maxLength: 12 }))
    .map(([parts, plan]) => [
      parts.join(''),
      plan.map((step) => (typeof step === 'string' ? step : (parts[step % parts.length] as string))).join(''),
    ]);
}

describe('createDelta', () => {
  test('the format, by hand', () => {
    expect(delta('', 'hello')).toBe('5\n5:hello3NPMmh;');
    expect(delta('anything', '')).toBe('0\n0;');
    expect(delta('0123456789abcdefXYZ', '0123456789abcdefXYZ')).toMatch(/^J\nJ@0,[0-9A-Za-z_~]+;$/);
  });

  test('what is created can be applied: any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (source, target) => {
        expect(applyDelta(source, createDelta(source, target))).toEqual(target);
      }),
    );
  });

  test('what is created can be applied: edited text, and the delta is text', () => {
    const part = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.string({ unit: 'binary', maxLength: 40 }),
      // Characters that share bytes, so that the longest match ends within one.
      fc.string({ unit: fc.constantFrom('ä', 'ö', 'ü', '世', '丗', '👋', '👌', 'a'), maxLength: 40 }),
    );
    fc.assert(
      fc.property(edited(part), ([source, target]) => {
        expect(apply(source, delta(source, target))).toBe(target);
      }),
      { numRuns: 300 },
    );
  });

  test('binary data with edits', () => {
    const few = fc.array(fc.constantFrom(0x00, 0x80, 0xbf, 0xff, 0x41), { maxLength: 200 });
    fc.assert(
      fc.property(few, few, few, (head, middle, tail) => {
        const source = Uint8Array.from([...head, ...tail]);
        const target = Uint8Array.from([...head, ...middle, ...tail]);
        expect(applyDelta(source, createDelta(source, target))).toEqual(target);
      }),
      { numRuns: 300 },
    );
  });

  test('a small change of a large text makes a small delta', () => {
    const row = (id: number): string => `{"id":${id},"name":"customer ${id * 7919}","balance":${id * 31}.25}`;
    const rows = Array.from({ length: 200 }, (_, id) => row(id));
    const source = `[${rows.join(',')}]`;
    const target = `[${rows.with(100, row(999)).toSpliced(50, 1).join(',')}]`;
    const patch = delta(source, target);
    expect(patch.length).toBeLessThan(150);
    expect(apply(source, patch)).toBe(target);
  });

  test('what stands at the end is found, wherever it begins', () => {
    for (let length = 16; length < 40; length++) {
      const end = 'the common end of both texts, long enough'.slice(-length);
      expect(delta(`x${end}`, `something else ${end}`)).toContain('@');
    }
  });

  test('a change within a character does not cut it', () => {
    const source = 'Alle Leute in diesem Haus: ä und noch viel mehr davon';
    const patch = delta(source, source.replace('ä', 'ö'));
    expect(patch).toContain('2:ö');
  });

  test('an unchanged text is one copy, text without anything in common one insert', () => {
    const source = 'Grüße '.repeat(20);
    expect(delta(source, source).match(/@/g)).toHaveLength(1);
    expect(delta('a'.repeat(100), 'b'.repeat(100))).toContain(`1_:${'b'.repeat(100)}`);
  });
});

describe('cost', () => {
  /** How often a byte of one of the two is looked at. */
  function reads(source: Uint8Array, target: Uint8Array): number {
    let count = 0;
    const counting = (array: Uint8Array): Uint8Array =>
      new Proxy(array, {
        get(inner, name): unknown {
          count++;
          const value: unknown = Reflect.get(inner, name, inner);
          return typeof value === 'function' ? (value.bind(inner) as unknown) : value;
        },
      });
    createDelta(counting(source), counting(target));
    return count;
  }

  const repeat = (text: string, size: number): Uint8Array =>
    bytes(text.repeat(Math.ceil(size / text.length)).slice(0, size));

  test.each([
    ['zeros', (size: number) => [new Uint8Array(size), new Uint8Array(size)]],
    ['zeros, target longer', (size: number) => [new Uint8Array(size / 8), new Uint8Array(size)]],
    [
      'equal blocks with other ends',
      (size: number) => [repeat('0123456789abcdefA', size), repeat('0123456789abcdefB', size)],
    ],
    ['nearly equal blocks', (size: number) => [repeat('0123456789abcdef', size), repeat('0123456789abcdeX', size)]],
    ['a period that shifts', (size: number) => [repeat('ab', size), repeat('ba', size - 1)]],
    ['continuation bytes only', (size: number) => [new Uint8Array(size).fill(0x80), new Uint8Array(size).fill(0x80)]],
  ] as [string, (size: number) => [Uint8Array, Uint8Array]][])(
    '%s: each byte is looked at a bounded number of times',
    (_, make) => {
      const size = 20_000;
      expect(reads(...make(size)) / size).toBeLessThan(200);
    },
  );
});

describe('applyDelta', () => {
  test('reads what others wrote', () => {
    // By hand: two bytes from offset 2, two inserted; the checksum is 0x61626364.
    expect(apply('xxab', '4\n2@2,2:cd1XObD_;')).toBe('abcd');
  });

  test.each([
    ['nothing', ''],
    ['no size', '\n0;'],
    ['a size without line break', '5'],
    ['a size with another end', '5;'],
    ['no end', '5\n5:hello'],
    ['no checksum', '5\n5:hello;'],
    ['a wrong checksum', '5\n5:hello3NPMmi;'],
    ['bytes behind the end', '5\n5:hello3NPMmh;x'],
    ['less than declared', '6\n5:hello3NPMmh;'],
    ['more than declared', '4\n5:hello3NPMmh;'],
    ['an insert cut off', '5\n5:hel'],
    ['an insert longer than the delta', '~~~~~\n~~~~~:x0;'],
    ['a copy beyond the source', '5\n5@0,0;'],
    ['a copy from beyond the source', '1\n1@9,0;'],
    ['a copy without end', '1\n1@0'],
    ['a copy with another end', '1\n1@0;0;'],
    ['an unknown operator', '5\n5!hello3NPMmh;'],
    ['a number above 32 bits', '5\n4000000@0,0;'],
    ['a very long number', `${'~'.repeat(1000)}\n0;`],
  ])('%s is an error', (_, patch) => {
    expect(() => apply('abc', patch)).toThrow(DecodeError);
  });

  test('a delta against another source is an error', () => {
    const patch = createDelta(bytes('The quick brown fox jumps'), bytes('The quick brown fox jumped'));
    expect(() => applyDelta(bytes('the quick brown fox jumps'), patch)).toThrow(DecodeError);
  });

  test('a target above the limit is refused', () => {
    const target = new Uint8Array(1000);
    const patch = createDelta(target, target);
    expect(applyDelta(target, patch, 1000)).toEqual(target);
    expect(() => applyDelta(target, patch, 999)).toThrow(DecodeError);
  });

  test('any bytes give a value or a DecodeError', () => {
    const source = bytes('The quick brown fox jumps over the lazy dog');
    const valid = [...createDelta(source, bytes('The quick brown fox hops over the lazy dog!'))];
    const change = fc.tuple(fc.nat({ max: valid.length - 1 }), fc.integer({ min: 0, max: 255 }));
    const patches = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
        const patch = Uint8Array.from(valid);
        for (const [at, byte] of changes) patch[at] = byte;
        return patch;
      }),
    );
    fc.assert(
      fc.property(patches, (patch) => {
        try {
          applyDelta(source, patch);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
