import fc from 'fast-check';
import { expect, test } from 'vitest';
import { picturesHeight, pictureShape } from './picture-shape.ts';

test.each([
  ['a photograph', 4032, 3024, '4032 / 3024', 20],
  ['a portrait', 3024, 4032, '3024 / 4032', 15],
  ['a screenshot of a phone', 1080, 2400, '1080 / 2400', 9],
  ['a panorama is cut', 12_000, 1_500, '3', 20],
  ['a receipt is cut', 500, 5_000, '0.4', 8],
] as const)('%s: its own shape, within bounds', (_, width, height, aspectRatio, rem) => {
  expect(pictureShape({ width, height })).toEqual({ aspectRatio, inlineSize: `min(${rem}rem, max(${width}px, 6rem))` });
});

test('of unknown size there is no shape', () => {
  expect(pictureShape({})).toBeUndefined();
  expect(pictureShape({ width: 100 })).toBeUndefined();
  expect(pictureShape({ width: 0, height: 0 })).toBeUndefined();
});

test('one picture stands between 2 and 20 rem high, whatever its size', () => {
  const pixels = fc.integer({ min: 1, max: 65_535 });
  fc.assert(
    fc.property(pixels, pixels, (width, height) => {
      const high = picturesHeight([{ width, height }]);
      expect(high).toBeLessThanOrEqual(320.001);
      expect(high).toBeGreaterThanOrEqual(31.999);
    }),
  );
});

test('heights are those of the places', () => {
  const photograph = { width: 4000, height: 3000 };
  expect(picturesHeight([])).toBe(0);
  expect(picturesHeight([photograph])).toBeCloseTo(240);
  expect(picturesHeight([{}])).toBeCloseTo(240);
  expect(picturesHeight([{ width: 1000, height: 2000 }])).toBeCloseTo(320);
  expect(picturesHeight([{ width: 48, height: 48 }])).toBeCloseTo(96);
  expect([2, 3, 4, 5].map((count) => picturesHeight(Array(count).fill(photograph)))).toEqual([120, 360, 240, 360]);
});
