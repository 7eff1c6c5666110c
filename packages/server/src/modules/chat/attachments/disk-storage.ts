/** Attachments in a folder. Several nodes need the same folder, on a file system that they share, or `s3`. */
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import {
  AttachmentMissingError,
  checkKey,
  type AttachmentStorage,
  type ByteRange,
  type ReceivedFile,
} from './attachment-storage.ts';

export class DiskStorage implements AttachmentStorage {
  readonly #folder: string;

  /** @param folder on the same file system as the files that are received. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async put(key: string, file: ReceivedFile): Promise<void> {
    const target = this.#path(key);
    await mkdir(dirname(target), { recursive: true });
    try {
      await rename(file.path, target);
    } catch (error) {
      // It was moved the time before.
      if (!isMissing(error) || (await sizeOf(target)) !== file.bytes) throw error;
    }
    // Only then does a power cut leave the new name.
    const folder = await open(dirname(target));
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  async read(key: string, { first, last }: ByteRange): Promise<Readable> {
    try {
      const handle = await open(this.#path(key));
      return handle.createReadStream({ start: first, end: last, highWaterMark: 262_144 });
    } catch (cause) {
      if (isMissing(cause)) throw new AttachmentMissingError(key, { cause });
      throw cause;
    }
  }

  async delete(key: string): Promise<void> {
    await rm(this.#path(key), { force: true });
  }

  stop(): void {}

  #path(key: string): string {
    return join(this.#folder, ...checkKey(key).split('/'));
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch {
    return undefined;
  }
}
