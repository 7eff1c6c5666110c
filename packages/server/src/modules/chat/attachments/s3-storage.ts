/**
 * Attachments in an S3-compatible store: three requests (PUT, GET, DELETE), path-style, signed. On `node:http` and without
 * an SDK, because that is all there is to it. Clients never see the store: what they read streams through this server,
 * so that there is one kind of link, and one place that decides.
 */
import { createReadStream } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { pipeline, type Readable } from 'node:stream';
import type { Clock } from '../../../lib/clock.ts';
import { retry } from '../../../lib/retry.ts';
import {
  AttachmentMissingError,
  checkKey,
  type AttachmentStorage,
  type ByteRange,
  type ReceivedFile,
} from './attachment-storage.ts';
import { emptyHash, encodePath, signRequest, type AwsCredentials } from './aws-signature.ts';

export interface S3StorageOptions extends AwsCredentials {
  /** `https://s3.eu-central-1.amazonaws.com`, perhaps with a path. */
  readonly endpoint: string;
  readonly bucket: string;
  /** Put in front of every key. */
  readonly prefix: string;
  readonly clock: Clock;
}

/** No byte moves for so long: the other side is taken for dead. */
const idleTimeoutMs = 30_000;
const retries = 3;
/** Errors say in a few lines of XML what is wrong. */
const maxErrorChars = 4_096;

export class S3Storage implements AttachmentStorage {
  readonly #options: S3StorageOptions;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #secure: boolean;

  constructor(options: S3StorageOptions) {
    this.#options = options;
    this.#secure = new URL(options.endpoint).protocol === 'https:';
    const settings = { keepAlive: true, timeout: idleTimeoutMs };
    this.#agent = this.#secure ? new HttpsAgent(settings) : new HttpAgent(settings);
  }

  async put(key: string, file: ReceivedFile): Promise<void> {
    await this.#retry(async () => {
      const response = await this.#send('PUT', key, { 'content-length': String(file.bytes) }, file);
      await readWhole(response);
    });
  }

  async read(key: string, { first, last }: ByteRange): Promise<Readable> {
    return this.#retry(async () => {
      const response = await this.#send('GET', key, { range: `bytes=${first}-${last}` });
      // A store that ignores the range would send other bytes than were asked for.
      if (response.statusCode === 206) return response;
      if (first === 0 && Number(response.headers['content-length']) === last + 1) return response;
      response.destroy();
      throw new S3Error(response.statusCode ?? 0, 'the store did not answer with the range');
    });
  }

  async delete(key: string): Promise<void> {
    try {
      await this.#retry(async () => readWhole(await this.#send('DELETE', key, {})));
    } catch (error) {
      if (!(error instanceof AttachmentMissingError)) throw error;
    }
  }

  stop(): void {
    this.#agent.destroy();
  }

  #retry<T>(fn: () => Promise<T>): Promise<T> {
    return retry(fn, {
      clock: this.#options.clock,
      retries,
      minMs: 200,
      maxMs: 5_000,
      // All three may be done twice; what the store refused it would refuse again.
      retryable: (error) =>
        !(error instanceof AttachmentMissingError) &&
        !(error instanceof S3Error && error.status < 500 && error.status !== 429),
    });
  }

  /** @throws AttachmentMissingError, S3Error, or an error of the network. */
  async #send(
    method: string,
    key: string,
    headers: Readonly<Record<string, string>>,
    body?: ReceivedFile,
  ): Promise<IncomingMessage> {
    const { endpoint, bucket, prefix, clock } = this.#options;
    const url = new URL(`${endpoint.replace(/\/+$/, '')}/${encodePath(`${bucket}/${prefix}${checkKey(key)}`)}`);
    const signed = signRequest(
      { method, url, headers, payloadHash: body?.sha256 ?? emptyHash, nowMs: clock.now() },
      this.#options,
    );
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = (this.#secure ? httpsRequest : httpRequest)(url, { method, headers: signed, agent: this.#agent });
      request.setTimeout(idleTimeoutMs, () =>
        request.destroy(new Error(`the store was silent for ${idleTimeoutMs} ms`)),
      );
      request.on('error', reject);
      request.on('response', resolve);
      if (body) pipeline(createReadStream(body.path), request, (error) => error && reject(error));
      else request.end();
    });
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    const text = await readWhole(response);
    if (status === 404 && !text.includes('NoSuchBucket')) throw new AttachmentMissingError(key);
    throw new S3Error(status, /<Code>(\w{1,64})<\/Code>/.exec(text)?.[1] ?? '');
  }
}

/** The store answered with an error. */
export class S3Error extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(`the attachment store answered ${status} ${detail}`.trimEnd());
    this.name = 'S3Error';
    this.status = status;
  }
}

async function readWhole(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    if (text.length < maxErrorChars) text += chunk as string;
  }
  return text;
}
