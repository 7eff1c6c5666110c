/**
 * How large a picture is shown, from what its file says at the beginning: nothing is decoded. Apps keep a place of its
 * shape free before it is loaded. Facts from the formats' specifications; browsers decide which of them are followed.
 */
import { isTurned } from './exif-orientation.ts';
import { heifSize } from './heif-size.ts';
import { PictureReader, UnreadablePicture, type PictureSize, type ReadAt } from './picture-reader.ts';

/** Whatever claims more is no picture that anybody can look at. */
const maxPixels = 65_535;

const formats: ReadonlyMap<string, (file: PictureReader) => Promise<PictureSize>> = new Map(
  Object.entries({
    'image/png': pngSize,
    'image/jpeg': jpegSize,
    'image/gif': gifSize,
    'image/webp': webpSize,
    'image/bmp': bmpSize,
    'image/avif': heifSize,
    'image/heic': heifSize,
    'image/heif': heifSize,
  }),
);

/**
 * @param bytes of the file. @param contentType as sniffed.
 * @returns undefined for what is no picture, and for one that does not tell: damaged, of another format, 0 or more than
 * 65,535 pixels wide or high. Costs at most 256 reads of 4 KB, whatever the file says.
 * @throws Error of `readAt`.
 */
export async function pictureSize(
  readAt: ReadAt,
  bytes: number,
  contentType: string,
): Promise<PictureSize | undefined> {
  const sizeOf = formats.get(contentType);
  if (!sizeOf) return undefined;
  try {
    const size = await sizeOf(new PictureReader(readAt, bytes));
    return isSensible(size.width) && isSensible(size.height) ? size : undefined;
  } catch (error) {
    if (error instanceof UnreadablePicture) return undefined;
    throw error;
  }
}

function isSensible(pixels: number): boolean {
  return pixels >= 1 && pixels <= maxPixels;
}

function turn({ width, height }: PictureSize): PictureSize {
  return { width: height, height: width };
}

/** PNG, third edition, 5 and 11.3.3.4. Browsers follow the orientation if it stands before the picture. */
async function pngSize(file: PictureReader): Promise<PictureSize> {
  const header = await file.read(8, 16);
  if (header.toString('latin1', 4, 8) !== 'IHDR') throw new UnreadablePicture();
  const size = { width: header.readUInt32BE(8), height: header.readUInt32BE(12) };
  for (let at = 8; ;) {
    const chunk = await file.read(at, 8);
    const bytes = chunk.readUInt32BE(0);
    const type = chunk.toString('latin1', 4);
    if (type === 'IDAT') return size;
    if (type === 'eXIf') return (await isTurned(file, at + 8, at + 8 + bytes)) ? turn(size) : size;
    // Length, type and checksum around it.
    at += bytes + 12;
  }
}

/** JPEG (ITU-T T.81, B.1): segments up to the one with which the picture itself begins. */
async function jpegSize(file: PictureReader): Promise<PictureSize> {
  let size: PictureSize | undefined;
  let turned: boolean | undefined;
  for (let at = 2; ;) {
    const [first, marker = 0] = await file.read(at, 2);
    if (first !== 0xff) throw new UnreadablePicture();
    if (marker === 0xff) {
      // Any marker may be preceded by such bytes.
      at += 1;
      continue;
    }
    if (marker === jpegScan) break;
    const bytes = (await file.read(at + 2, 2)).readUInt16BE();
    if (bytes < 2) throw new UnreadablePicture();
    if (isJpegFrame(marker)) {
      const frame = await file.read(at + 5, 4);
      size = { width: frame.readUInt16BE(2), height: frame.readUInt16BE(0) };
    } else if (marker === jpegApp1 && bytes >= 8 && (await file.text(at + 4, 6)) === 'Exif\0\0') {
      turned ??= await isTurned(file, at + 10, at + 2 + bytes);
    }
    at += 2 + bytes;
  }
  if (!size) throw new UnreadablePicture();
  return turned ? turn(size) : size;
}

const jpegApp1 = 0xe1;
const jpegScan = 0xda;

/** Start of frame, of whatever coding; between them stand DHT, JPG and DAC. */
function isJpegFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/** GIF89a, 18. */
async function gifSize(file: PictureReader): Promise<PictureSize> {
  const screen = await file.read(6, 4);
  return { width: screen.readUInt16LE(0), height: screen.readUInt16LE(2) };
}

/** WebP (RFC 9649, 2). Browsers do not follow its orientation. */
async function webpSize(file: PictureReader): Promise<PictureSize> {
  const type = await file.text(12, 4);
  if (type === 'VP8X') {
    const canvas = await file.read(24, 6);
    return { width: canvas.readUIntLE(0, 3) + 1, height: canvas.readUIntLE(3, 3) + 1 };
  }
  if (type === 'VP8L') {
    const bits = (await file.read(21, 4)).readUInt32LE();
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  // A key frame of VP8 (RFC 6386, 9.1).
  if (type !== 'VP8 ' || (await file.text(23, 3)) !== '\x9D\x01\x2A') throw new UnreadablePicture();
  const frame = await file.read(26, 4);
  return { width: frame.readUInt16LE(0) & 0x3fff, height: frame.readUInt16LE(2) & 0x3fff };
}

/** Windows bitmaps. A negative height means that rows go from the top down. */
async function bmpSize(file: PictureReader): Promise<PictureSize> {
  const headerBytes = (await file.read(14, 4)).readUInt32LE();
  const data = await file.read(18, 8);
  if (headerBytes === 12) return { width: data.readUInt16LE(0), height: data.readUInt16LE(2) };
  return { width: data.readInt32LE(0), height: Math.abs(data.readInt32LE(4)) };
}
