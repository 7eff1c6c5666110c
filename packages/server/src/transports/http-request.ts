/** What the HTTP transports read from a request before a connection exists. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { DecodeError, type CodecName } from '@tidings/protocol';
import { HttpError } from '../http/http-error.ts';

/** `application/octet-stream` is Protobuf, anything else is JSON. */
export function codecOf(request: IncomingMessage): CodecName {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  return type === 'application/octet-stream' ? 'protobuf' : 'json';
}

/**
 * The request headers kept for hooks.
 * @param names lower-case names.
 */
export function forwardedHeaders(
  headers: IncomingHttpHeaders,
  names: readonly string[],
): Readonly<Record<string, string>> | undefined {
  let kept: Record<string, string> | undefined;
  for (const name of names) {
    const value = headers[name];
    if (value !== undefined) (kept ??= {})[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return kept;
}

/**
 * Runs a decoder on what a request brought.
 * @throws HttpError 400 for a `DecodeError`.
 */
export function decodeRequest<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) throw new HttpError(400, error.message, { cause: error });
    throw error;
  }
}
