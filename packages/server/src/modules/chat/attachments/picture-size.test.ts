import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  avifPicture,
  bmpPicture,
  exif,
  gifPicture,
  jpegPicture,
  pngChunk,
  pngPicture,
  webpPicture,
} from '../testing/pictures.ts';
import { pictureSize } from './picture-size.ts';
import { sniff, sniffBytes } from './sniff.ts';

const wide = { width: 30, height: 17 };
const turned = { width: 17, height: 30 };

/** What is found out about a file, and in how many reads. */
async function look(file: Buffer, contentType = sniff(file.subarray(0, sniffBytes))) {
  let reads = 0;
  const readAt = async (position: number, bytes: number) => {
    reads++;
    expect(position).toBeGreaterThanOrEqual(0);
    expect(position + bytes).toBeLessThanOrEqual(file.length);
    return file.subarray(position, position + bytes);
  };
  return { size: await pictureSize(readAt, file.length, contentType), reads };
}

describe('the size is told of', () => {
  test.each<[string, Buffer]>([
    ['PNG', pngPicture(wide)],
    ['JPEG', jpegPicture(wide)],
    ['GIF', gifPicture(wide)],
    ['WebP without loss', webpPicture(wide)],
    ['WebP with a canvas', webpPicture(wide, true)],
    ['a bitmap', bmpPicture(wide)],
    ['a bitmap from the top down', bmpPicture(wide, true)],
  ])('%s', async (_, file) => {
    expect((await look(file)).size).toEqual(wide);
  });

  test('WebP with loss', async () => {
    const file = 'UklGRj4AAABXRUJQVlA4IDIAAAAQAwCdASoeABEAP83i624/tzEqKAgD8DmJZQDKABanFAAA/ruxoZD8CStWjj/g4AAAAA==';
    const found = await look(Buffer.from(file, 'base64'));
    expect(found.size).toEqual(wide);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'a picture that a camera held in orientation %i has taken',
    async (orientation) => {
      const shown = orientation <= 4 ? wide : turned;
      expect((await look(jpegPicture({ ...wide, orientation }))).size).toEqual(shown);
      expect((await look(jpegPicture({ ...wide, orientation, order: 'little' }))).size).toEqual(shown);
      expect((await look(pngPicture({ ...wide, orientation }))).size).toEqual(shown);
    },
  );

  test.each([
    [{}, { width: 40, height: 24 }],
    [{ quarters: 1 }, { width: 24, height: 40 }],
    [{ quarters: 2 }, { width: 40, height: 24 }],
    [
      { quarters: 3, isLarge: true },
      { width: 24, height: 40 },
    ],
  ])('the picture of an AVIF or HEIC that is the one to show: %j', async (options, shown) => {
    const file = avifPicture(options);
    expect((await look(file)).size).toEqual(shown);
    expect((await look(file, 'image/heic')).size).toEqual(shown);
  });

  test('a photograph behind a megabyte of other data', async () => {
    const found = await look(jpegPicture({ ...wide, before: 1_000_000, orientation: 6 }));
    expect(found.size).toEqual(turned);
    expect(found.reads).toBeLessThan(30);
  });
});

test('an orientation that stands behind a PNG is not followed, as in browsers', async () => {
  const png = pngPicture(wide);
  const late = Buffer.concat([png.subarray(0, -12), pngChunk('eXIf', exif(6)), png.subarray(-12)]);
  expect((await look(late)).size).toEqual(wide);
});

describe('no size is told', () => {
  test.each<[string, Buffer]>([
    ['nothing wide', gifPicture({ width: 0, height: 17 })],
    ['nothing high', pngPicture({ width: 30, height: 0 })],
    ['more than 65,535 pixels wide', pngPicture({ width: 65_536, height: 1 })],
    ['a frame that says its height later', jpegPicture({ width: 30, height: 0 })],
    ['text', Buffer.from('text')],
    ['a drawing', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="30" height="17"/>')],
  ])('of %s', async (_, file) => {
    expect((await look(file)).size).toBeUndefined();
  });

  test('of what is named like a part of an object', async () => {
    expect((await look(pngPicture(wide), 'constructor')).size).toBeUndefined();
  });

  test('65,535 pixels are the most', async () => {
    const most = { width: 65_535, height: 1 };
    expect((await look(pngPicture(most))).size).toEqual(most);
  });
});

describe('of a hostile file', () => {
  const pictures = [
    pngPicture({ ...wide, orientation: 6 }),
    jpegPicture({ ...wide, orientation: 6 }),
    gifPicture(wide),
    webpPicture(wide, true),
    webpPicture(wide),
    bmpPicture(wide),
    avifPicture({ quarters: 1 }),
    avifPicture({ isLarge: true }),
  ];
  const contentTypes = ['png', 'jpeg', 'gif', 'webp', 'bmp', 'avif', 'heic', 'heif'].map((type) => `image/${type}`);
  const maxReads = 256;

  /** Sensible or nothing, and in few reads; never an error. */
  async function check(file: Buffer, contentType?: string): Promise<void> {
    const { size, reads } = await look(file, contentType);
    expect(reads).toBeLessThanOrEqual(maxReads);
    if (size === undefined) return;
    expect(Object.keys(size).toSorted()).toEqual(['height', 'width']);
    for (const pixels of Object.values(size)) {
      expect(Number.isInteger(pixels) && pixels >= 1 && pixels <= 65_535, String(pixels)).toBe(true);
    }
  }

  test('any bytes are read to an end', async () => {
    const bytes = fc.uint8Array({ maxLength: 500 });
    await fc.assert(
      fc.asyncProperty(bytes, fc.constantFrom(...contentTypes), (file, type) => check(Buffer.from(file), type)),
    );
  });

  test('a picture with a few bytes of another is read to an end', async () => {
    const changes = fc.array(fc.tuple(fc.nat(400), fc.uint8Array({ minLength: 1, maxLength: 8 })), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...pictures), changes, async (picture, changed) => {
        const file = Buffer.from(picture);
        for (const [at, bytes] of changed)
          file.set(bytes.subarray(0, Math.max(0, file.length - at)), Math.min(at, file.length));
        await check(file, sniff(picture));
      }),
      { numRuns: 1_000 },
    );
  });

  test('a picture that was cut anywhere is read to an end', async () => {
    for (const picture of pictures) {
      for (let length = 0; length < Math.min(picture.length, 500); length++) {
        await check(picture.subarray(0, length), sniff(picture));
      }
    }
  });

  const uint32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const box = (bytes: number, type: string) => Buffer.concat([uint32(bytes), Buffer.from(type, 'latin1')]);
  test.each<[string, Buffer, string]>([
    ['boxes that are empty', Buffer.concat([box(8, 'ftyp'), Buffer.alloc(100_000)]), 'image/avif'],
    ['a million small boxes', Buffer.concat(Array<Buffer>(1_000_000).fill(box(8, 'free'))), 'image/avif'],
    [
      'a box longer than any file',
      Buffer.concat([box(1, 'free'), Buffer.alloc(8, 0xff), Buffer.alloc(100)]),
      'image/heic',
    ],
    [
      'a million chunks before the picture',
      Buffer.concat([
        pngPicture(wide).subarray(0, 33),
        ...Array<Buffer>(1_000_000).fill(pngChunk('teXt', Buffer.alloc(0))),
      ]),
      'image/png',
    ],
    [
      'a million bytes of nothing before a marker',
      Buffer.concat([Buffer.from([0xff, 0xd8]), Buffer.alloc(1_000_000, 0xff)]),
      'image/jpeg',
    ],
    ['three hundred segments of 64 KB', jpegPicture({ ...wide, before: 300 * 65_000 }), 'image/jpeg'],
    [
      'a directory of 65,535 entries',
      Buffer.concat([
        Buffer.from([0xff, 0xd8, 0xff, 0xe1, 0xff, 0xff]),
        Buffer.from('Exif\0\0MM\0*\0\0\0\x08\xFF\xFF', 'latin1'),
        Buffer.alloc(1_000_000),
      ]),
      'image/jpeg',
    ],
  ])('%s cost little and tell nothing', async (_, file, contentType) => {
    const { size, reads } = await look(file, contentType);
    expect(size).toBeUndefined();
    expect(reads).toBeLessThanOrEqual(maxReads);
  });

  test('a file that cannot be read is an error, not a picture without size', async () => {
    const broken = () => Promise.reject(new Error('the disk is broken'));
    await expect(pictureSize(broken, 1_000, 'image/png')).rejects.toThrow('the disk is broken');
  });
});
