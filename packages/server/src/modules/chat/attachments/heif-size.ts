/**
 * The size of a HEIC or AVIF picture (ISO/IEC 23008-12): that of its primary item, turned as the file says. Browsers leave
 * out of account that it can be cropped (`clap`). Such a file often holds more pictures, tiles of the one and a small one to look at first, and their sizes come first.
 */
import { UnreadablePicture, type PictureReader, type PictureSize } from './picture-reader.ts';

/** From the first byte of what is in a box to behind its last. */
interface Content {
  readonly from: number;
  readonly to: number;
}

interface Box extends Content {
  readonly type: string;
}

/** Version and flags, with which some boxes begin. */
const fullHeaderBytes = 4;

/** @throws UnreadablePicture; Error of the file. */
export async function heifSize(file: PictureReader): Promise<PictureSize> {
  const meta = skip(await find(file, { from: 0, to: file.bytes }, 'meta'), fullHeaderBytes);
  const item = await primaryItem(file, await find(file, meta, 'pitm'));
  const properties = await find(file, meta, 'iprp');
  const wanted = await propertiesOf(file, await find(file, properties, 'ipma'), item);
  let size: PictureSize | undefined;
  let isTurned = false;
  let index = 0;
  for await (const { type, from } of boxes(file, await find(file, properties, 'ipco'))) {
    if (!wanted.has(++index)) continue;
    if (type === 'ispe') {
      const data = await file.read(from + fullHeaderBytes, 8);
      size = { width: data.readUInt32BE(0), height: data.readUInt32BE(4) };
    } else if (type === 'irot') {
      const [quarters = 0] = await file.read(from, 1);
      isTurned = quarters % 2 === 1;
    }
  }
  if (!size) throw new UnreadablePicture();
  return isTurned ? { width: size.height, height: size.width } : size;
}

async function primaryItem(file: PictureReader, { from }: Content): Promise<number> {
  const [version] = await file.read(from, 1);
  const data = await file.read(from + fullHeaderBytes, version === 0 ? 2 : 4);
  return data.readUIntBE(0, data.length);
}

/** Properties of an item, by their place in `ipco`, counted from 1. */
async function propertiesOf(file: PictureReader, { from }: Content, item: number): Promise<ReadonlySet<number>> {
  const head = await file.read(from, fullHeaderBytes + 4);
  const idBytes = head.readUInt8(0) === 0 ? 2 : 4;
  const indexBytes = (head.readUInt8(3) & 1) === 0 ? 1 : 2;
  const entries = head.readUInt32BE(4);
  let at = from + head.length;
  for (let n = 0; n < entries; n++) {
    const entry = await file.read(at, idBytes + 1);
    const count = entry.readUInt8(idBytes);
    at += entry.length;
    if (entry.readUIntBE(0, idBytes) === item) {
      const data = await file.read(at, count * indexBytes);
      // The first bit says whether a reader must understand it.
      const mask = 2 ** (8 * indexBytes - 1) - 1;
      return new Set(Array.from({ length: count }, (_, i) => data.readUIntBE(i * indexBytes, indexBytes) & mask));
    }
    at += count * indexBytes;
  }
  throw new UnreadablePicture();
}

async function find(file: PictureReader, within: Content, type: string): Promise<Content> {
  for await (const box of boxes(file, within)) {
    if (box.type === type) return box;
  }
  throw new UnreadablePicture();
}

/** Boxes beside each other (ISO/IEC 14496-12, 4.2). */
async function* boxes(file: PictureReader, { from, to }: Content): AsyncGenerator<Box> {
  for (let at = from; at + 8 <= to;) {
    const head = await file.read(at, 8);
    let headerBytes = 8;
    let bytes = head.readUInt32BE(0);
    if (bytes === 1) {
      headerBytes = 16;
      bytes = Number((await file.read(at + 8, 8)).readBigUInt64BE());
    } else if (bytes === 0) {
      bytes = to - at;
    }
    if (bytes < headerBytes || at + bytes > to) throw new UnreadablePicture();
    yield { type: head.toString('latin1', 4, 8), from: at + headerBytes, to: at + bytes };
    at += bytes;
  }
}

function skip({ from, to }: Content, bytes: number): Content {
  return { from: from + bytes, to };
}
