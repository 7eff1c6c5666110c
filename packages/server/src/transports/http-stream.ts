/**
 * Messages as the body of a response to `POST`: JSON lines, or Protobuf messages with their length. For clients without
 * WebSocket. What the client sends later comes by `POST /emulation`; the unidirectional flavour sends nothing later.
 */
import { formats } from '@tidings/protocol';
import { readBody } from '../http/body.ts';
import type { HttpExchange, HttpRoute } from '../http/route.ts';
import { connectFrame } from './connect-frame.ts';
import { codecOf, decodeRequest } from './http-request.ts';
import { openStream, type HttpTransportOptions } from './streaming-response.ts';

const contentTypes = { json: 'application/json; charset=utf-8', protobuf: 'application/octet-stream' };

/** `POST /connection/http_stream`: the body holds the first commands. */
export function httpStreamRoutes(options: HttpTransportOptions): HttpRoute[] {
  async function handle(exchange: HttpExchange): Promise<void> {
    const codec = codecOf(exchange.request);
    const format = codec === 'json' ? formats.httpStreamJson : formats.httpStreamProtobuf;
    const first = await readBody(exchange.request, options.limits.messageSize);
    openStream(exchange, { transport: 'http_stream', format, contentType: contentTypes[codec], first }, options);
  }
  return [{ method: 'POST', path: '/connection/http_stream', audience: 'client', handle }];
}

/** `POST /connection/uni_http_stream`: the body is a ConnectRequest. */
export function uniHttpStreamRoutes(options: HttpTransportOptions): HttpRoute[] {
  async function handle(exchange: HttpExchange): Promise<void> {
    const codec = codecOf(exchange.request);
    const format = codec === 'json' ? formats.uniHttpStreamJson : formats.uniHttpStreamProtobuf;
    const body = await readBody(exchange.request, options.limits.messageSize);
    const first = decodeRequest(() => connectFrame(codec, body));
    openStream(exchange, { transport: 'uni_http_stream', format, contentType: contentTypes[codec], first }, options);
  }
  return [{ method: 'POST', path: '/connection/uni_http_stream', audience: 'client', handle }];
}
