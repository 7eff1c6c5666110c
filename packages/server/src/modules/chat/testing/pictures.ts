/** Pictures of one colour, small and whole: any browser shows them. For tests of what is found out about pictures. */
import { crc32, deflateSync } from 'node:zlib';

export interface PictureOptions {
  readonly width: number;
  readonly height: number;
  /** As Exif counts: 1 upright, 6 and 8 turned by a quarter. */
  readonly orientation?: number;
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const uint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
const uint32 = (value: number): Buffer => Buffer.concat([uint16(value >>> 16), uint16(value & 0xffff)]);
const reversed = (bytes: Buffer): Buffer => Buffer.from(bytes.toReversed());
const uint16LE = (value: number): Buffer => reversed(uint16(value));
const uint32LE = (value: number): Buffer => reversed(uint32(value));

/** Exif data that says an orientation and something else before it. */
export function exif(orientation: number, order: 'big' | 'little' = 'big'): Buffer {
  const [two, four] = order === 'big' ? [uint16, uint32] : [uint16LE, uint32LE];
  const entry = (tag: number, value: number) => Buffer.concat([two(tag), two(3), four(1), two(value), two(0)]);
  return Buffer.concat([
    latin1(order === 'big' ? 'MM' : 'II'),
    ...[two(42), four(8), two(2), entry(0x0103, 6), entry(0x0112, orientation), four(0)],
  ]);
}

export function pngPicture({ width, height, orientation }: PictureOptions): Buffer {
  const rows = Buffer.alloc((1 + width) * height, 0x80);
  for (let y = 0; y < height; y++) rows[y * (1 + width)] = 0;
  return Buffer.concat([
    latin1('\x89PNG\r\n\x1A\n'),
    pngChunk('IHDR', Buffer.concat([uint32(width), uint32(height), Buffer.from([8, 0, 0, 0, 0])])),
    ...(orientation === undefined ? [] : [pngChunk('eXIf', exif(orientation))]),
    pngChunk('IDAT', deflateSync(rows)),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

export function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([latin1(type), data]);
  return Buffer.concat([uint32(data.length), body, uint32(crc32(body))]);
}

export interface JpegOptions extends PictureOptions {
  readonly order?: 'big' | 'little';
  /** Bytes of application data before all else. */
  readonly before?: number;
}

/** Baseline, grey. Every block is two bits: no difference to the one before, and nothing else in it. */
export function jpegPicture({ width, height, orientation, order, before = 0 }: JpegOptions): Buffer {
  const segment = (marker: number, data: Buffer) =>
    Buffer.concat([Buffer.from([0xff, marker]), uint16(data.length + 2), data]);
  const oneCode = Buffer.from([1, ...Array<number>(15).fill(0), 0]);
  const blocks = Math.ceil(width / 8) * Math.ceil(height / 8);
  const parts = Array.from({ length: Math.ceil(before / 65_000) }, () => segment(0xe2, Buffer.alloc(65_000, 'x')));
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    ...parts,
    ...(orientation === undefined
      ? []
      : [segment(0xe1, Buffer.concat([latin1('Exif\0\0'), exif(orientation, order)]))]),
    segment(0xdb, Buffer.from([0, ...Array<number>(64).fill(1)])),
    segment(0xc0, Buffer.concat([Buffer.from([8]), uint16(height), uint16(width), Buffer.from([1, 1, 0x11, 0])])),
    segment(0xc4, Buffer.concat([Buffer.from([0x00]), oneCode])),
    segment(0xc4, Buffer.concat([Buffer.from([0x10]), oneCode])),
    segment(0xda, Buffer.from([1, 1, 0, 0, 63, 0])),
    Buffer.alloc(Math.ceil((blocks * 2) / 8)),
    Buffer.from([0xff, 0xd9]),
  ]);
}

/** A picture of one pixel on a screen of that size. */
export function gifPicture({ width, height }: PictureOptions): Buffer {
  return Buffer.concat([
    latin1('GIF89a'),
    uint16LE(width),
    uint16LE(height),
    Buffer.from([0x80, 0, 0, 200, 60, 60, 0, 0, 0]),
    Buffer.from([0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b]),
  ]);
}

export function bmpPicture({ width, height }: PictureOptions, isTopDown = false): Buffer {
  const rowBytes = Math.ceil((width * 3) / 4) * 4;
  const pixels = Buffer.alloc(rowBytes * height, 0x60);
  return Buffer.concat([
    ...[latin1('BM'), uint32LE(54 + pixels.length), uint32LE(0), uint32LE(54)],
    ...[uint32LE(40), uint32LE(width), uint32LE(isTopDown ? -height : height), uint16LE(1), uint16LE(24)],
    Buffer.alloc(24),
    pixels,
  ]);
}

/** Without loss: five codes of one symbol each, so that a pixel is no bit. */
export function webpPicture({ width, height }: PictureOptions, isExtended = false): Buffer {
  const size = (width - 1) | ((height - 1) << 14) | (1 << 28);
  // No transform, cache or second code; then green, red, blue, alpha of 8 bits, and a distance of one.
  const codes = Buffer.from([0x28, 0x58, 0x01, 0x0b, 0xd4, 0xff, 0x00]);
  const image = riffChunk('VP8L', Buffer.concat([Buffer.from([0x2f]), uint32LE(size >>> 0), codes]));
  const uint24 = (value: number) => uint32LE(value).subarray(0, 3);
  const canvas = Buffer.concat([uint32LE(0x10), uint24(width - 1), uint24(height - 1)]);
  const extended = isExtended ? [riffChunk('VP8X', canvas)] : [];
  return riffChunk('RIFF', Buffer.concat([latin1('WEBP'), ...extended, image]));
}

function riffChunk(type: string, data: Buffer): Buffer {
  return Buffer.concat([latin1(type), uint32LE(data.length), data, Buffer.alloc(data.length % 2)]);
}

/** 40 × 24 pixels of AV1. */
const av1 = Buffer.from('EgAKCTgVJ7toCGg0gDIVH/JihOAAFgAAAKxDfGKpHh4vIIh0', 'base64');

export interface AvifOptions {
  /** Quarters counter-clockwise. */
  readonly quarters?: number;
  /** Ids of 4 bytes and places of 2, as very large files need them. */
  readonly isLarge?: boolean;
}

/** 40 × 24 pixels, behind a smaller picture that is not the one to show. */
export function avifPicture({ quarters, isLarge = false }: AvifOptions = {}): Buffer {
  const id = isLarge ? uint32 : uint16;
  const version = isLarge ? 1 : 0;
  const extent = (width: number, height: number) => fullBox('ispe', 0, uint32(width), uint32(height));
  const properties = [
    extent(8, 8),
    box('av1C', Buffer.from([0x81, 0x20, 0x02, 0x00])),
    extent(40, 24),
    fullBox('pixi', 0, Buffer.from([3, 8, 8, 8])),
    ...(quarters === undefined ? [] : [box('irot', Buffer.from([quarters]))]),
  ];
  const places = (...indexes: readonly number[]) =>
    Buffer.concat([
      Buffer.from([indexes.length]),
      ...indexes.map((at) => (isLarge ? uint16(0x8000 | at) : Buffer.from([0x80 | at]))),
    ]);
  const shown = Array.from({ length: properties.length - 1 }, (_, at) => at + 2);
  const items = [uint32(2), id(1), places(1, 2), id(2), places(...shown)];
  const associations = fullBox('ipma', version, ...items);
  if (isLarge) associations.writeUInt8(1, 11);
  const item = (number: number) => fullBox('infe', 2, uint16(number), uint16(0), latin1('av01\0'));
  const location = (number: number, at: number) =>
    Buffer.concat([uint16(number), uint16(0), uint16(1), uint32(at), uint32(av1.length)]);
  const head = box('ftyp', latin1('avif\0\0\0\0avifmif1miaf'));
  const meta = (at: number) => {
    const hdlr = fullBox('hdlr', 0, uint32(0), latin1('pict'), Buffer.alloc(13));
    const pitm = fullBox('pitm', version, id(2));
    const iloc = fullBox('iloc', 0, uint16(0x4400), uint16(2), location(1, at), location(2, at));
    const iinf = fullBox('iinf', 0, uint16(2), item(1), item(2));
    return fullBox('meta', 0, hdlr, pitm, iloc, iinf, box('iprp', box('ipco', ...properties), associations));
  };
  const dataAt = head.length + meta(0).length + 8;
  return Buffer.concat([head, meta(dataAt), box('mdat', av1)]);
}

function box(type: string, ...content: readonly Buffer[]): Buffer {
  const data = Buffer.concat(content);
  return Buffer.concat([uint32(data.length + 8), latin1(type), data]);
}

function fullBox(type: string, version: number, ...content: readonly Buffer[]): Buffer {
  return box(type, uint32(version * 0x100_0000), ...content);
}
