/**
 * Where the bytes of attachments are kept. Implementations: `disk-storage.ts` (a folder), `s3-storage.ts` (an S3-compatible
 * store). What is known about an attachment stands in the database; a storage knows keys and bytes.
 */
import type { Readable } from 'node:stream';

/** A whole file that was received and flushed to disk. */
export interface ReceivedFile {
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 of it, in hexadecimal digits. */
  readonly sha256: string;
}

/** Bytes `first` to `last`, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Law:
 * - `put` is atomic: once it resolved, the whole file can be read and survives a power cut; if it rejects or the process
 *   dies, there is the whole file or nothing. It may move the received file away or leave it.
 * - Doing any of them again does no harm: the same `put` stands, and `delete` of what is not there resolves.
 * - Keys are of lower-case letters, digits, `-` and `/`.
 */
export interface AttachmentStorage {
  put(key: string, file: ReceivedFile): Promise<void>;
  /** @throws AttachmentMissingError if there is no such file. */
  read(key: string, range: ByteRange): Promise<Readable>;
  delete(key: string): Promise<void>;
  /** Ends what is under way. */
  stop(): void;
}

/** The database knows the attachment, the storage does not. */
export class AttachmentMissingError extends Error {
  constructor(key: string, options?: { cause?: unknown }) {
    super(`the storage has no file ${key}`, options);
    this.name = 'AttachmentMissingError';
  }
}

const validKey = /^[a-z0-9-]+(?:\/[a-z0-9-]+)*$/;

/** @throws Error for a key that could lead elsewhere. */
export function checkKey(key: string): string {
  if (!validKey.test(key)) throw new Error('a key of a storage is lower-case letters, digits, - and /');
  return key;
}
