/**
 * Reads here and there in a file that a stranger has made: never beyond its end, and only so much and so often. Whatever
 * loop the numbers in such a file lead to, it ends here.
 */

/** So many bytes are read at once, and as many may be asked for. */
const windowBytes = 4_096;
/** A large photograph with all its colour profiles takes about forty. */
const maxReads = 256;
const maxSteps = 4_096;

/** @returns the bytes from a position on; the caller stays within the file. */
export type ReadAt = (position: number, bytes: number) => Promise<Uint8Array>;

/** In pixels, as shown: turned as the file says. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** What was read does not say how large the picture is. */
export class UnreadablePicture extends Error {
  constructor() {
    super('the size of the picture cannot be told');
    this.name = 'UnreadablePicture';
  }
}

export class PictureReader {
  /** Bytes of the file. */
  readonly bytes: number;
  readonly #readAt: ReadAt;
  #window: Buffer = Buffer.alloc(0);
  #windowAt = 0;
  #reads = 0;
  #steps = 0;

  /** @param bytes of the file. */
  constructor(readAt: ReadAt, bytes: number) {
    this.#readAt = readAt;
    this.bytes = bytes;
  }

  /**
   * @param length up to 4,096 bytes.
   * @throws UnreadablePicture beyond the end of the file, and when it was asked too often; Error of the file.
   */
  async read(position: number, length: number): Promise<Buffer> {
    if (++this.#steps > maxSteps || length > windowBytes || !(position + length <= this.bytes)) {
      throw new UnreadablePicture();
    }
    if (position < this.#windowAt || position + length > this.#windowAt + this.#window.length) {
      if (++this.#reads > maxReads) throw new UnreadablePicture();
      const found = await this.#readAt(position, Math.min(windowBytes, this.bytes - position));
      this.#window = Buffer.from(found.buffer, found.byteOffset, found.byteLength);
      this.#windowAt = position;
    }
    const from = position - this.#windowAt;
    if (from + length > this.#window.length) throw new UnreadablePicture();
    return this.#window.subarray(from, from + length);
  }

  /** As text of one byte each. @throws as `read` does. */
  async text(position: number, length: number): Promise<string> {
    return (await this.read(position, length)).toString('latin1');
  }
}
