/**
 * An S3-compatible store for tests, in memory: PUT, GET with ranges, DELETE, path-style. It checks every signature by
 * the rules of AWS Signature Version 4, and every body by its hash, and refuses what does not fit. It can be told to
 * fail.
 */
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface S3PeerOptions {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  readonly bucket: string;
}

export class S3Peer {
  /** Objects by key. */
  readonly objects = new Map<string, Buffer>();
  /** `METHOD key`, of requests whose signature was right. */
  readonly requests: string[] = [];
  /** Answers so many requests with 503, or cuts their connection. */
  failing: { times: number; how: 'status' | 'cut' } = { times: 0, how: 'status' };
  readonly #options: S3PeerOptions;
  readonly #server: Server;

  constructor(options: S3PeerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const body = Buffer.concat(chunks);
    if (this.failing.times > 0) {
      this.failing.times--;
      if (this.failing.how === 'cut') request.socket.destroy();
      else fail(response, 503, 'SlowDown');
      return;
    }
    const problem = this.#check(request, body);
    if (problem !== undefined) return fail(response, 403, problem);
    const [, bucket, ...rest] = (request.url ?? '').split('/');
    if (bucket !== this.#options.bucket) return fail(response, 404, 'NoSuchBucket');
    const key = decodeURIComponent(rest.join('/'));
    this.requests.push(`${request.method} ${key}`);
    if (request.method === 'PUT') {
      this.objects.set(key, body);
      response.writeHead(200).end();
      return;
    }
    if (request.method === 'DELETE') {
      this.objects.delete(key);
      response.writeHead(204).end();
      return;
    }
    const found = this.objects.get(key);
    if (!found) return fail(response, 404, 'NoSuchKey');
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const part = range ? found.subarray(Number(range[1]), Number(range[2]) + 1) : found;
    response.writeHead(range ? 206 : 200, { 'content-length': part.length }).end(part);
  }

  /** @returns an error code of S3; undefined if all is right. */
  #check(request: IncomingMessage, body: Buffer): string | undefined {
    const { accessKeyId, secretAccessKey, region } = this.#options;
    const match =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/.exec(
        request.headers.authorization ?? '',
      );
    if (!match) return 'AccessDenied';
    const [, key, day, where, signed, signature] = match as unknown as [string, string, string, string, string, string];
    if (key !== accessKeyId) return 'InvalidAccessKeyId';
    const time = String(request.headers['x-amz-date']);
    const hash = String(request.headers['x-amz-content-sha256']);
    if (where !== region || !time.startsWith(day)) return 'AuthorizationHeaderMalformed';
    if (hash !== createHash('sha256').update(body).digest('hex')) return 'XAmzContentSHA256Mismatch';
    const names = signed.split(';');
    if (!['host', 'x-amz-content-sha256', 'x-amz-date'].every((name) => names.includes(name))) return 'AccessDenied';
    const [path, query = ''] = (request.url ?? '').split('?');
    const lines = names.map((name) => `${name}:${String(request.headers[name])}\n`).join('');
    const canonical = `${request.method}\n${path}\n${query}\n${lines}\n${signed}\n${hash}`;
    const toSign = `AWS4-HMAC-SHA256\n${time}\n${day}/${region}/s3/aws4_request\n${createHash('sha256').update(canonical).digest('hex')}`;
    const sign = (secret: string | Buffer, text: string) => createHmac('sha256', secret).update(text).digest();
    const signing = sign(sign(sign(sign(`AWS4${secretAccessKey}`, day), region), 's3'), 'aws4_request');
    return sign(signing, toSign).toString('hex') === signature ? undefined : 'SignatureDoesNotMatch';
  }
}

function fail(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code></Error>`);
}
