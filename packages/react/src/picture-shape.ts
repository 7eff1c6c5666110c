/**
 * The place that is kept free for a picture before it is there: its own shape, within bounds, so that nothing moves when
 * it comes, and no picture fills the screen.
 */

/** In pixels. Both or none is known. */
export interface PixelSize {
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

/** Styles of the place. */
export interface PictureShape {
  readonly aspectRatio: string;
  readonly inlineSize: string;
}

/** What every browser shows, and nothing that can hold a script. */
const pictureTypes: readonly string[] = ['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif'];

export function isPicture(contentType: string): boolean {
  return pictureTypes.includes(contentType);
}

/** A screenshot of a phone is shown whole, and so is a photograph of any camera; what is longer is cut in the middle. */
const [lowestRatio, highestRatio] = [0.4, 3];
/** Neither wider nor higher. */
const maxRem = 20;
/** A smaller picture is shown larger: it must be seen and hit. */
const minRem = 6;
/** Where nothing is known, and where several stand together: width to height. */
const usualRatio = 4 / 3;

/** @returns undefined if the size is not known. */
export function pictureShape({ width, height }: PixelSize): PictureShape | undefined {
  if (!width || !height) return undefined;
  const ratio = bounded(width / height);
  const rem = Number(Math.min(maxRem, maxRem * ratio).toFixed(3));
  return {
    aspectRatio: ratio === width / height ? `${width} / ${height}` : String(ratio),
    inlineSize: `min(${rem}rem, max(${width}px, ${minRem}rem))`,
  };
}

/** How high pictures of one message stand, in CSS pixels, where there is room for all of their width. */
export function picturesHeight(pictures: readonly PixelSize[]): number {
  const remPx = 16;
  const [maxPx, minPx] = [maxRem * remPx, minRem * remPx];
  const [first] = pictures;
  if (first === undefined) return 0;
  if (pictures.length === 1) {
    const { width, height } = first;
    if (!width || !height) return maxPx / usualRatio;
    const ratio = bounded(width / height);
    return Math.min(maxPx, maxPx * ratio, Math.max(width, minPx)) / ratio;
  }
  // In two columns; the first of three is as wide as both.
  const half = maxPx / 2 / usualRatio;
  return pictures.length === 3 ? 3 * half : Math.ceil(pictures.length / 2) * half;
}

function bounded(ratio: number): number {
  return Math.min(highestRatio, Math.max(lowestRatio, ratio));
}
