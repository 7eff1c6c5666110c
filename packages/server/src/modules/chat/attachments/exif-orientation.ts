/** Whether a camera was held upright: the tag "Orientation" of Exif (CIPA DC-008, 4.6.4), which browsers follow. */
import type { PictureReader } from './picture-reader.ts';

const orientationTag = 0x0112;
const shortType = 3;
const entryBytes = 12;

/**
 * @param from where the TIFF header of the Exif data stands. @param to where the data ends.
 * @returns whether the picture is shown turned by a quarter, so that width and height change places. Of data that says
 * nothing or is damaged: no.
 * @throws UnreadablePicture if the file ends before the data does; Error of the file.
 */
export async function isTurned(file: PictureReader, from: number, to: number): Promise<boolean> {
  if (to - from < 8) return false;
  const head = await file.read(from, 8);
  const order = head.toString('latin1', 0, 4);
  if (order !== 'II*\0' && order !== 'MM\0*') return false;
  const isLittle = order === 'II*\0';
  const uint16 = (bytes: Buffer, at: number) => (isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const directory = from + (isLittle ? head.readUInt32LE(4) : head.readUInt32BE(4));
  if (directory + 2 > to) return false;
  const entries = uint16(await file.read(directory, 2), 0);
  for (let at = directory + 2, n = 0; n < entries && at + entryBytes <= to; at += entryBytes, n++) {
    const entry = await file.read(at, entryBytes);
    if (uint16(entry, 0) !== orientationTag) continue;
    const orientation = uint16(entry, 8);
    return uint16(entry, 2) === shortType && orientation >= 5 && orientation <= 8;
  }
  return false;
}
