/** Reads the body of a request into memory, within limits of size and time. */
import type { IncomingMessage } from 'node:http';
import { systemClock, type Clock } from '../lib/clock.ts';
import { HttpError } from './http-error.ts';

const firstCapacity = 4096;

/**
 * Reads a whole body.
 * @param maxBytes a longer body is refused, at once if its length is declared.
 * @param timeoutMs time until the last byte; without it the request timeout of the server holds.
 * @throws HttpError 413 too large, 408 too slow, 400 ended early.
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  timeoutMs?: number,
  clock: Clock = systemClock,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const declared = Number(request.headers['content-length'] ?? 0);
    if (declared > maxBytes) {
      request.resume();
      reject(tooLarge(maxBytes));
      return;
    }
    // One growing buffer, not a list of chunks: a chunk of one byte would cost a hundred.
    let body = new Uint8Array(Math.min(maxBytes, declared || firstCapacity, 65_536));
    let length = 0;
    const timer =
      timeoutMs === undefined
        ? undefined
        : clock.setTimeout(() => fail(new HttpError(408, `the body did not arrive within ${timeoutMs} ms`)), timeoutMs);

    function onData(chunk: Buffer): void {
      const needed = length + chunk.length;
      if (needed > maxBytes) {
        fail(tooLarge(maxBytes));
        return;
      }
      if (needed > body.length) {
        const larger = new Uint8Array(Math.min(maxBytes, Math.max(needed, body.length * 2)));
        larger.set(body.subarray(0, length));
        body = larger;
      }
      body.set(chunk, length);
      length = needed;
    }
    function onEnd(): void {
      release();
      resolve(body.subarray(0, length));
    }
    function onClose(): void {
      fail(new HttpError(400, 'the request ended before its body'));
    }
    function fail(error: HttpError): void {
      release();
      // The rest is read and thrown away, so that the answer reaches a client that is still sending.
      request.resume();
      reject(error);
    }
    function release(): void {
      if (timer !== undefined) clock.clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('close', onClose);
    }

    if (request.destroyed && !request.readableEnded) {
      onClose();
      return;
    }
    request.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, `the body is larger than ${maxBytes} bytes`);
}
