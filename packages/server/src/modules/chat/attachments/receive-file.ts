/**
 * Receives the body of an upload into a temporary file: counted, sniffed from the first bytes, hashed and flushed; of a
 * picture, its size is looked up in it. However large it is, memory holds one chunk of it. Only a whole file goes to the
 * storage.
 */
import { createHash } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Clock } from '../../../lib/clock.ts';
import { ChatError } from '../chat-error.ts';
import type { ReceivedFile } from './attachment-storage.ts';
import type { PictureSize } from './picture-reader.ts';
import { pictureSize } from './picture-size.ts';
import { isAllowed, isText, sniff, sniffBytes, TextCheck, unknownType } from './sniff.ts';

export interface ReceiveOptions {
  /** Where the file is made; it must not be there. */
  readonly path: string;
  /** So many bytes were announced: neither fewer nor more are taken. */
  readonly bytes: number;
  readonly contentTypes: readonly string[];
  readonly clock: Clock;
  /** Between two looks at whether anything came. */
  readonly stallMs: number;
  readonly maxMs: number;
}

export interface Received extends ReceivedFile {
  readonly contentType: string;
  /** Of a picture that tells it. */
  readonly size?: PictureSize | undefined;
}

/**
 * @param body is left open when this rejects, so that an answer can be sent; only who sends nothing is cut off.
 * @throws ChatError tooLarge, invalid for a body that is too short, contentTypeNotAllowed, full; Error of the stream.
 * Nothing is left then.
 */
export async function receiveFile(body: Readable, options: ReceiveOptions): Promise<Received> {
  const handle = await open(options.path, 'wx+', 0o600).catch(asFull);
  const watch = new ProgressWatch(body, options);
  try {
    const received = await receive(body, handle, options, watch);
    await handle.sync().catch(asFull);
    return received;
  } catch (error) {
    await rm(options.path, { force: true });
    throw error;
  } finally {
    watch.stop();
    await handle.close();
  }
}

async function receive(
  body: Readable,
  handle: FileHandle,
  { path, bytes, contentTypes }: ReceiveOptions,
  watch: ProgressWatch,
): Promise<Received> {
  const hash = createHash('sha256');
  const sort = new Sort(contentTypes);
  let length = 0;
  for await (const part of body.iterator({ destroyOnReturn: false })) {
    const chunk = part as Buffer;
    length += chunk.length;
    watch.bytes = length;
    if (length > bytes) throw new ChatError('tooLarge', `${bytes} bytes were announced, and more came`);
    sort.add(chunk);
    hash.update(chunk);
    await writeAll(handle, chunk);
  }
  if (length < bytes) throw new ChatError('invalid', `${bytes} bytes were announced, and ${length} came`);
  const contentType = sort.end();
  const size = await pictureSize((position, count) => readPart(handle, position, count), bytes, contentType);
  return { path, bytes, sha256: hash.digest('hex'), contentType, size };
}

async function readPart(handle: FileHandle, position: number, bytes: number): Promise<Uint8Array> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, position);
  return buffer.subarray(0, bytesRead);
}

async function writeAll(handle: FileHandle, chunk: Buffer): Promise<void> {
  for (let at = 0; at < chunk.length;) {
    const { bytesWritten } = await handle.write(chunk, at).catch(asFull);
    at += bytesWritten;
  }
}

/** What the file is: decided by its head as soon as that is there, and for text by all of it. */
class Sort {
  readonly #allowed: readonly string[];
  #head: Buffer[] = [];
  #headBytes = 0;
  #contentType: string | undefined;
  readonly #text = new TextCheck();

  constructor(allowed: readonly string[]) {
    this.#allowed = allowed;
  }

  /** @throws ChatError contentTypeNotAllowed. */
  add(chunk: Buffer): void {
    if (this.#contentType === undefined) {
      this.#head.push(chunk);
      this.#headBytes += chunk.length;
      if (this.#headBytes >= sniffBytes) this.#decide();
      return;
    }
    this.#follow(chunk);
  }

  /** @throws ChatError contentTypeNotAllowed. */
  end(): string {
    const contentType = this.#contentType ?? this.#decide();
    if (isText(contentType) && !this.#text.end()) this.#require(unknownType);
    return this.#contentType ?? contentType;
  }

  #decide(): string {
    const head = Buffer.concat(this.#head);
    this.#head = [];
    this.#require(sniff(head.subarray(0, sniffBytes)));
    this.#follow(head);
    return this.#contentType ?? unknownType;
  }

  #follow(chunk: Buffer): void {
    if (isText(this.#contentType ?? '') && !this.#text.add(chunk)) this.#require(unknownType);
  }

  #require(contentType: string): void {
    this.#contentType = contentType;
    if (!isAllowed(contentType, this.#allowed)) throw notAllowed(contentType, this.#allowed);
  }
}

export function notAllowed(contentType: string, allowed: readonly string[]): ChatError {
  return new ChatError('contentTypeNotAllowed', `${contentType}; allowed: ${allowed.join(', ')}`);
}

/** Cuts off who stops sending, so that nobody holds a place for good. */
class ProgressWatch {
  bytes = 0;
  readonly #clock: Clock;
  #timer: unknown;

  constructor(body: Readable, { clock, stallMs, maxMs }: ReceiveOptions) {
    this.#clock = clock;
    const began = clock.now();
    let seen = 0;
    const look = () => {
      if (this.bytes === seen) body.destroy(new Error(`no byte came for ${stallMs} ms`));
      else if (clock.now() - began >= maxMs) body.destroy(new Error(`the upload took more than ${maxMs} ms`));
      else this.#timer = clock.setTimeout(look, stallMs);
      seen = this.bytes;
    };
    this.#timer = clock.setTimeout(look, stallMs);
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }
}

function asFull(error: unknown): never {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') throw new ChatError('full', undefined, { cause: error });
  throw error;
}
